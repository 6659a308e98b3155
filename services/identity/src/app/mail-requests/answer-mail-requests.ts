import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely } from 'kysely'
import type { Mails } from '#src/app/mails/mails.ts'
import { createRefreshToken, digestOf } from '#src/infra/crypto/refresh-token.ts'
import { takeMailRequest } from '#src/infra/postgres/passwords/mail-requests.ts'
import { insertReset, lockResettableUser } from '#src/infra/postgres/passwords/password-resets.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface MailRequestDependencies {
  db: Kysely<Database>
  mails: Mails
}

/** Answers everything that was asked for by now; tells how many mails that were. */
export async function answerMailRequests(deps: MailRequestDependencies): Promise<number> {
  let mailed = 0
  for (;;) {
    const outcome = await outboxTransaction(deps.db, async (tx) => {
      const request = await takeMailRequest(tx)
      if (request === undefined) return 'none'
      const user = await lockResettableUser(tx, request.emailNormalised)
      if (user === undefined) return 'nobody'
      const secret = createRefreshToken()
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
