import type { Transaction } from 'kysely'
import type { Mail } from '#src/app/mails/mails.ts'
import { digestOf, randomSecret } from '#src/infra/crypto/secrets.ts'
import {
  findUnansweredChange,
  type RequestedEmailChange,
  setChangeLink,
  takeUnansweredChange,
} from '#src/infra/postgres/accounts/email-changes.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { admitUnaskedMail } from '#src/infra/postgres/users/addresses.ts'
import { readUserByAddress } from '#src/infra/postgres/users/users.ts'
import { answerPendingRequests, type MailRequestDependencies } from './answer-pending-requests.ts'

/** Mails a link to every address that a user asked for. Returns the number of mails. */
export async function answerEmailChanges(deps: MailRequestDependencies): Promise<number> {
  return answerPendingRequests(deps, {
    find: findUnansweredChange,
    take: takeUnansweredChange,
    mailFor,
  })
}

/** A stranger may have typed the address, so the mail has no name in it, and they are counted. */
async function mailFor(
  tx: Transaction<Database>,
  { id, userId, email, emailNormalised, locale }: RequestedEmailChange,
): Promise<Mail | undefined> {
  if (!(await admitUnaskedMail(tx, emailNormalised))) return undefined
  const owner = await readUserByAddress(tx, emailNormalised)
  if (owner !== undefined && owner.id !== userId) {
    return { template: 'already_registered', to: owner.email, name: owner.name, userId: owner.id }
  }
  const secret = randomSecret()
  const expiresAt = await setChangeLink(tx, id, digestOf(secret))
  const link = { path: '/account/confirm-email', secret, expiresAt }
  return { template: 'confirm_email', to: email, name: email, locale, link }
}
