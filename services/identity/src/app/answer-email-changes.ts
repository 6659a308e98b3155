import { notifyOutbox, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Transaction } from 'kysely'
import { createRefreshToken, digestOf } from '#src/infra/crypto/refresh-token.ts'
import { admitUnaskedMail, lockAddress } from '#src/infra/postgres/addresses.ts'
import {
  type AskedEmailChange,
  findUnansweredChange,
  setChangeLink,
  takeUnansweredChange,
} from '#src/infra/postgres/email-changes.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { readUserByAddress } from '#src/infra/postgres/users.ts'
import type { MailRequestDependencies } from './answer-mail-requests.ts'
import type { Mail } from './mails.ts'

/** Mails a link to every address that somebody wants to have; tells how many mails that were. */
export async function answerEmailChanges(deps: MailRequestDependencies): Promise<number> {
  let mailed = 0
  for (;;) {
    const next = await findUnansweredChange(deps.db)
    if (next === undefined) break
    const isMailed = await deps.db.transaction().execute(async (tx) => {
      await lockAddress(tx, next.emailNormalised)
      const change = await takeUnansweredChange(tx, next.id)
      const mail = change && (await mailFor(tx, change))
      if (change === undefined || mail === undefined) return false
      await writeOutbox(tx, [deps.mails.request(mail, change.trace)])
      return true
    })
    if (isMailed) mailed += 1
  }
  if (mailed > 0) notifyOutbox(deps.pool)
  return mailed
}

/** A stranger may have typed the address, so the mail has no name in it, and they are counted. */
async function mailFor(
  tx: Transaction<Database>,
  { id, userId, email, emailNormalised }: AskedEmailChange,
): Promise<Mail | undefined> {
  if (!(await admitUnaskedMail(tx, emailNormalised))) return undefined
  const owner = await readUserByAddress(tx, emailNormalised)
  if (owner !== undefined && owner.id !== userId) {
    return { template: 'already_registered', to: owner.email, name: owner.name, userId: owner.id }
  }
  const secret = createRefreshToken()
  const expiresAt = await setChangeLink(tx, id, digestOf(secret))
  const link = { path: '/account/confirm-email', secret, expiresAt }
  return { template: 'confirm_email', to: email, name: email, link }
}
