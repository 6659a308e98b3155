import { mailRequested } from '@auction/common/contracts/identity.ts'
import { PermanentError, transactional } from '@auction/common/rabbitmq/consumer.ts'
import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Transaction } from 'kysely'
import { LANGUAGES } from '#src/domain/notice-text.ts'
import { isSecurityTemplate } from '#src/domain/security-mails.ts'
import { insertMail, type RequestedMail } from '#src/infra/postgres/mail/mails.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

/** News without a link is no news any more after so long. */
const NEWS_DAYS = 7
const DAY_MS = 86_400_000

/** Queues the mails that identity asks for. */
export const onMailRequested = (seal: SecretBox) =>
  transactional({
    kind: 'transactional',
    consumer: SERVICE.name,
    contract: mailRequested,
    async handle(tx: Transaction<Database>, { payload, timestamp, correlationId }) {
      const { mailId: id, userId, to, name, template, expiresAt } = payload
      // A newer identity may ask for mails that this version has no words for.
      if (!isSecurityTemplate(template)) throw new PermanentError(`no mail ${template}`)
      const link = readLink(payload, seal)
      const language = LANGUAGES.find((one) => one === payload.locale)
      await insertMail(tx, {
        id,
        ...(userId === undefined ? {} : { userId }),
        template,
        to,
        name,
        ...(language === undefined ? {} : { language }),
        ...(link === undefined ? {} : { link }),
        outdatedAt: expiresAt === undefined ? endOfNews(timestamp) : new Date(expiresAt),
        correlationId,
      })
    },
  })

/** The link with its secret as it came. That it can be opened is seen now, where a replay can mend it. */
function readLink(
  { mailId, link: url, sealedSecret }: { mailId: string; link?: string; sealedSecret?: string },
  seal: SecretBox,
): RequestedMail['link'] {
  if (url === undefined || sealedSecret === undefined) return undefined
  const sealed = Buffer.from(sealedSecret, 'base64')
  try {
    seal.open(sealed, mailId)
  } catch {
    throw new PermanentError('the secret of a mail was sealed with another MAIL_SEAL_KEY')
  }
  return { url, sealedSecret: sealed }
}

function endOfNews(timestamp: string): Date {
  const written = new Date(timestamp).getTime()
  return new Date((Number.isNaN(written) ? Date.now() : written) + NEWS_DAYS * DAY_MS)
}
