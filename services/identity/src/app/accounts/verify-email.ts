import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { trimText } from '@auction/common/text.ts'
import type { Kysely, Transaction } from 'kysely'
import type { IdentityMetrics } from '#src/app/metrics/identity-metrics.ts'
import { refuseWhenFull } from '#src/app/throttling/when-full.ts'
import { openAccount, recordVerification } from '#src/app/users/open-account.ts'
import { composePassword } from '#src/domain/password.ts'
import { identityErrors } from '#src/errors.ts'
import { digestOf } from '#src/infra/crypto/secrets.ts'
import type { PasswordHasher } from '#src/infra/passwords/password-hasher.ts'
import {
  admitLinkTry,
  type Claim,
  deleteClaims,
  forgetLinkTry,
  readClaims,
  readLinkedAddress,
} from '#src/infra/postgres/accounts/registrations.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { lockAddress } from '#src/infra/postgres/users/addresses.ts'
import { readUserByAddress } from '#src/infra/postgres/users/users.ts'

export interface VerifyEmailDependencies {
  db: Kysely<Database>
  hasher: PasswordHasher
  metrics: IdentityMetrics
  legacyAlias: boolean
}

export interface VerifyEmailCommand {
  token: string
  password: string | undefined
}

/**
 * Makes a claim of an address an account. The link shows whose the address is, not who registered:
 * where more than one claim waits, the password shows which of them is the owner's, so that no user
 * gets an account that a stranger has the password of.
 */
export async function verifyEmail(
  deps: VerifyEmailDependencies,
  { token, password }: VerifyEmailCommand,
  trace: Trace,
): Promise<void> {
  const digest = digestOf(trimText(token))
  const address = await readLinkedAddress(deps.db, digest)
  if (address === undefined) throw identityErrors.invalidLink()
  const chosenId =
    password === undefined ? undefined : await findByPassword(deps, digest, address, password)
  const isNew = await outboxTransaction(deps.db, async (tx) => {
    await lockAddress(tx, address)
    // The link may have been used while this waited, and further claims may have come.
    if ((await readLinkedAddress(tx, digest)) === undefined) throw identityErrors.invalidLink()
    const claims = await readClaims(tx, address)
    const [only, ...others] = claims
    const claim =
      chosenId === undefined && others.length === 0
        ? only
        : claims.find(({ id }) => id === chosenId)
    if (claim === undefined) throw identityErrors.passwordRequired({ field: 'password' })
    return settle(tx, deps, claim, trace)
  })
  if (isNew) deps.metrics.registered('created')
}

/** The newest claim that the password was chosen for. */
async function findByPassword(
  { db, hasher }: VerifyEmailDependencies,
  digest: Buffer,
  address: string,
  password: string,
): Promise<string> {
  if (!(await admitLinkTry(db, digest))) throw identityErrors.invalidLink()
  const composed = composePassword(password)
  try {
    for (const { id, passwordHash } of await readClaims(db, address)) {
      if (await refuseWhenFull(hasher.verify(passwordHash, composed))) return id
    }
  } catch (error) {
    await forgetLinkTry(db, digest)
    throw error
  }
  throw identityErrors.invalidCredentials({ field: 'password' })
}

/** Opens the account, unless it exists already and only waited for this; true when it is new. */
async function settle(
  tx: Transaction<Database>,
  { legacyAlias }: VerifyEmailDependencies,
  claim: Claim,
  trace: Trace,
): Promise<boolean> {
  const owner = await readUserByAddress(tx, claim.emailNormalised)
  if (owner !== undefined && owner.id !== claim.id) throw identityErrors.invalidLink()
  const isNew = owner === undefined
  if (isNew && !(await openAccount(tx, claim, { trace, legacyAlias })))
    throw identityErrors.invalidLink()
  await deleteClaims(tx, claim.emailNormalised)
  await recordVerification(tx, claim, trace)
  return isNew
}
