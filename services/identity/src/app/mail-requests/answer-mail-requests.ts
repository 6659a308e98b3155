import type { Logger } from '@auction/common/process/logger.ts'
import { type Repeated, repeat } from '@auction/common/process/repeat.ts'
import { notifyOutbox, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely } from 'kysely'
import type { Pool } from 'pg'
import type { Mails } from '#src/app/mails/mails.ts'
import { createRefreshToken, digestOf } from '#src/infra/crypto/refresh-token.ts'
import { takeMailRequest } from '#src/infra/postgres/passwords/mail-requests.ts'
import { insertReset, lockResettableUser } from '#src/infra/postgres/passwords/password-resets.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { answerEmailChanges } from './answer-email-changes.ts'
import { answerRegistrations } from './answer-registrations.ts'

const INTERVAL_MS = 250

export interface MailRequestDependencies {
  pool: Pool
  db: Kysely<Database>
  mails: Mails
}

/** Answers everything that was asked for by now; tells how many mails that were. */
export async function answerMailRequests(deps: MailRequestDependencies): Promise<number> {
  let mailed = 0
  for (;;) {
    const outcome = await deps.db.transaction().execute(async (tx) => {
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
  if (mailed > 0) notifyOutbox(deps.pool)
  return mailed
}

/** Answers mail requests, registrations and wishes for other addresses several times a second. */
export function startMailRequests(deps: MailRequestDependencies, log: Logger): Repeated {
  return repeat('mail requests', INTERVAL_MS, log, async () => {
    await answerMailRequests(deps)
    await answerRegistrations(deps)
    await answerEmailChanges(deps)
  })
}
