import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import { digestOf, randomSecret } from '#src/infra/crypto/secrets.ts'
import { takeMailRequest } from '#src/infra/postgres/passwords/mail-requests.ts'
import { insertReset, lockResettableUser } from '#src/infra/postgres/passwords/password-resets.ts'
import type { MailRequestDependencies } from './answer-pending-requests.ts'

/** Mails a link for every pending request for a new password. Returns the number of mails. */
export async function answerMailRequests(deps: MailRequestDependencies): Promise<number> {
  let mailed = 0
  for (;;) {
    const outcome = await outboxTransaction(deps.db, async (tx) => {
      const request = await takeMailRequest(tx)
      if (request === undefined) return 'none'
      const user = await lockResettableUser(tx, request.emailNormalised)
      if (user === undefined) return 'no user'
      const secret = randomSecret()
      const expiresAt = await insertReset(tx, digestOf(secret), user.id)
      const { id: userId, email: to, name } = user
      const link = { path: '/account/reset', secret, expiresAt }
      const mail = { template: 'reset_password', to, name, userId, link } as const
      await writeOutbox(tx, [deps.mails.request(mail, request.trace)])
      return 'mailed'
    })
    if (outcome === 'none') break
    if (outcome === 'mailed') mailed += 1
  }
  return mailed
}
