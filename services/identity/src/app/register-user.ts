import { createEvent } from '@auction/common/contracts/event.ts'
import { userRegistered } from '@auction/common/contracts/identity.ts'
import { newId } from '@auction/common/ids.ts'
import { notifyOutbox, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/tracing.ts'
import type { Kysely } from 'kysely'
import type { Pool } from 'pg'
import { normaliseEmail } from '#src/domain/email.ts'
import { normaliseName } from '#src/domain/name.ts'
import { identityErrors } from '#src/errors.ts'
import type { PasswordHasher } from '#src/infra/argon2/password-hasher.ts'
import type { BreachCheck } from '#src/infra/passwords/breached-passwords.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { insertUser } from '#src/infra/postgres/users.ts'
import type { IdentityMetrics } from './metrics.ts'
import { readNewPassword } from './passwords.ts'
import type { Throttle } from './throttle.ts'
import type { Visitor } from './visitor.ts'
import { refuseWhenFull } from './when-full.ts'

export interface RegisterDependencies {
  pool: Pool
  db: Kysely<Database>
  hasher: PasswordHasher
  metrics: IdentityMetrics
  throttle: Throttle
  legacyAlias: boolean
  isBreached: BreachCheck
}

export interface RegisterCommand {
  name: string
  email: string
  password: string
}

/** Opens an account and announces it; the row and its event are committed together. */
export async function registerUser(
  deps: RegisterDependencies,
  command: RegisterCommand,
  { visitor, trace }: { visitor: Visitor; trace: Trace },
): Promise<{ id: string; name: string; email: string }> {
  const { name, emailNormalised } = judge(command)
  const password = await readNewPassword(command.password, { ...command, name }, deps.isBreached)
  // Counted whether it succeeds or not: it costs a hash, and would otherwise say who has an account.
  await deps.throttle.admit({ scope: 'register', subjects: ['address'], visitor })
  const passwordHash = await refuseWhenFull(deps.hasher.hash(password))
  const id = newId()
  const { email } = command
  const isNew = await deps.db.transaction().execute(async (tx) => {
    if (!(await insertUser(tx, { id, email, emailNormalised, name, passwordHash }))) return false
    const { legacyAlias } = deps
    const context = { source: 'identity', aggregateId: id, trace, legacyAlias }
    await writeOutbox(tx, [createEvent(userRegistered, context, { userId: id, name, email })])
    return true
  })
  deps.metrics.registered(isNew ? 'created' : 'email_taken')
  if (!isNew) throw identityErrors.emailTaken({ field: 'email' })
  notifyOutbox(deps.pool)
  return { id, name, email }
}

function judge(command: RegisterCommand) {
  const name = normaliseName(command.name)
  if (name === undefined) throw identityErrors.invalidName({ field: 'name' })
  const emailNormalised = normaliseEmail(command.email)
  if (emailNormalised === undefined) throw identityErrors.invalidEmail({ field: 'email' })
  return { name, emailNormalised }
}
