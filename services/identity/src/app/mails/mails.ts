import { createEvent, type OutboxEvent } from '@auction/common/contracts/event.ts'
import {
  type Locale,
  type MAIL_TEMPLATES,
  mailRequested,
} from '@auction/common/contracts/identity.ts'
import { newId } from '@auction/common/ids.ts'
import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { mailboxOf } from '#src/domain/email.ts'

export interface Mail {
  template: (typeof MAIL_TEMPLATES)[number]
  /** The address as its owner typed it. */
  to: string
  name: string
  userId?: string
  /** Of a reader of whom nothing else is known. */
  locale?: Locale | null
  /** A page of the platform, and the secret that is appended to its address. */
  link?: { path: string; secret: string; expiresAt: Date }
}

export interface Mails {
  /** The event that asks for a mail; written in the transaction of the change that it reports. */
  request(mail: Mail, trace: Trace): OutboxEvent
}

/** Links lead to the address from the configuration: a Host header can be forged. */
export function createMails(publicUrl: string, seal: SecretBox): Mails {
  return {
    request({ template, to, name, userId, locale = null, link }, trace) {
      const mailId = newId()
      return createEvent(
        mailRequested,
        { aggregateId: userId ?? mailId, trace },
        {
          mailId,
          to: mailboxOf(to),
          name,
          template,
          ...(userId === undefined ? {} : { userId }),
          ...(locale === null ? {} : { locale }),
          ...(link === undefined
            ? {}
            : {
                link: new URL(link.path, publicUrl).href,
                sealedSecret: seal.seal(link.secret, mailId).toString('base64'),
                expiresAt: link.expiresAt.toISOString(),
              }),
        },
      )
    },
  }
}
