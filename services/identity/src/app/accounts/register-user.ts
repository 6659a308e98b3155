import type { Locale } from '@auction/common/contracts/identity.ts'
import { newId } from '@auction/common/ids.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely } from 'kysely'
import type { IdentityMetrics } from '#src/app/metrics/identity-metrics.ts'
import { readNewPassword } from '#src/app/passwords/passwords.ts'
import type { Throttle } from '#src/app/throttling/throttle.ts'
import { refuseWhenFull } from '#src/app/throttling/when-full.ts'
import { openAccount } from '#src/app/users/open-account.ts'
import type { Visitor } from '#src/app/visitors/visitor.ts'
import { readEmail } from '#src/domain/email.ts'
import { normaliseName } from '#src/domain/name.ts'
import { identityErrors } from '#src/errors.ts'
import type { BreachCheck } from '#src/infra/passwords/breached-passwords.ts'
import type { PasswordHasher } from '#src/infra/passwords/password-hasher.ts'
import { insertRegistration } from '#src/infra/postgres/accounts/registrations.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { lockAddress } from '#src/infra/postgres/users/addresses.ts'
import type { EmailVerification } from './require-verified-email.ts'

export interface RegisterDependencies {
  db: Kysely<Database>
  hasher: PasswordHasher
  metrics: IdentityMetrics
  throttle: Throttle
  legacyAlias: boolean
  emailVerification: EmailVerification
  isBreached: BreachCheck
}

export interface RegisterCommand {
  name: string
  email: string
  password: string
  /** In which language the user is addressed; null: not known. */
  locale: Locale | null
}

/**
 * Records a request for an account, in the same words and work whether the address has one. The
 * worker mails the link that opens it, or that there is one already. Where verification is optional
 * the account is open at once: then a login shows whether the address was free.
 */
export async function registerUser(
  deps: RegisterDependencies,
  command: RegisterCommand,
  { visitor, trace }: { visitor: Visitor; trace: Trace },
): Promise<{ id: string; name: string; email: string }> {
  const { name, email, emailNormalised } = judge(command)
  const given = { field: 'password', text: command.password } as const
  const password = await readNewPassword(given, { email, name }, deps.isBreached)
  // Counted whether it succeeds or not: it costs a hash, and would otherwise say who has an account.
  await deps.throttle.admit({ scope: 'register', subjects: ['address'], visitor })
  const passwordHash = await refuseWhenFull(deps.hasher.hash(password))
  const id = newId()
  const user = { id, email, emailNormalised, name, passwordHash, locale: command.locale }
  const { legacyAlias, emailVerification } = deps
  const isCreated = await outboxTransaction(deps.db, async (tx) => {
    let isOpen = false
    if (emailVerification === 'optional') {
      await lockAddress(tx, emailNormalised)
      isOpen = await openAccount(tx, user, { trace, legacyAlias })
    }
    await insertRegistration(tx, user, trace)
    return isOpen
  })
  deps.metrics.registered('asked')
  if (isCreated) deps.metrics.registered('created')
  return { id, name, email }
}

function judge(command: RegisterCommand) {
  const name = normaliseName(command.name)
  if (name === undefined) throw identityErrors.invalidName({ field: 'name' })
  const address = readEmail(command.email)
  if (address === undefined) throw identityErrors.invalidEmail({ field: 'email' })
  return { name, email: address.shown, emailNormalised: address.normalised }
}
