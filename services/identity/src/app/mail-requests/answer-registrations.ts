import type { Transaction } from 'kysely'
import type { Mail } from '#src/app/mails/mails.ts'
import { digestOf, randomSecret } from '#src/infra/crypto/secrets.ts'
import {
  deleteRegistration,
  findUnanswered,
  type Registration,
  setLink,
  takeUnanswered,
} from '#src/infra/postgres/accounts/registrations.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { admitUnaskedMail } from '#src/infra/postgres/users/addresses.ts'
import { readUserByAddress } from '#src/infra/postgres/users/users.ts'
import { answerPendingRequests, type MailRequestDependencies } from './answer-pending-requests.ts'

/** Mails an answer to every pending registration. Returns the number of mails. */
export async function answerRegistrations(deps: MailRequestDependencies): Promise<number> {
  return answerPendingRequests(deps, { find: findUnanswered, take: takeUnanswered, mailFor })
}

/** Neither mail repeats the name from the registration: a stranger may have chosen it. */
async function mailFor(
  tx: Transaction<Database>,
  { id, email, emailNormalised, locale }: Registration,
): Promise<Mail | undefined> {
  const owner = await readUserByAddress(tx, emailNormalised)
  if (owner !== undefined && (owner.id !== id || owner.isEmailVerified)) {
    await deleteRegistration(tx, id)
    const isTold = owner.id !== id && owner.status !== 'deleted'
    if (!isTold || !(await admitUnaskedMail(tx, emailNormalised))) return undefined
    const { id: userId, email: to, name } = owner
    return { template: 'already_registered', to, name, userId }
  }
  if (!(await admitUnaskedMail(tx, emailNormalised))) return undefined
  const secret = randomSecret()
  const expiresAt = await setLink(tx, id, digestOf(secret))
  const link = { path: '/account/verify-email', secret, expiresAt }
  return { template: 'verify_email', to: email, name: email, locale, link }
}
