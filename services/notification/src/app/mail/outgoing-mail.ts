import type { MailContent } from '#src/domain/mail-content.ts'
import { renderMail } from '#src/domain/mail-layout.ts'
import { RETURN_HEADER } from '#src/domain/read-report.ts'
import { signReturn } from '#src/infra/crypto/return-token.ts'
import type { OutgoingMail } from '#src/infra/smtp/mail-transport.ts'

/** How mails of this platform look and where they come from. */
export interface MailSettings {
  from: { name: string; address: string }
  replyTo?: string
  publicUrl: string
  /** Where servers send what they could not deliver; absent: to `from`. */
  bounceAddress?: string
  /** Signs what mails carry to come back with. */
  returnKey: Buffer
}

interface MailToSend {
  id: string
  to: string
  template: string
  content: MailContent
  unsubscribeUrl?: string
}

export function outgoingMail(
  { from, replyTo, bounceAddress, returnKey }: MailSettings,
  { id, to, template, content, unsubscribeUrl }: MailToSend,
): OutgoingMail {
  const token = signReturn(returnKey, { mailId: id, to, sentAt: new Date() })
  return {
    id,
    to,
    from,
    ...(replyTo === undefined ? {} : { replyTo }),
    bounceAddress: bounceAddress?.replace('@', `+${token}@`) ?? from.address,
    ...renderMail(content, from.name),
    headers: { 'X-Auction-Template': template, [RETURN_HEADER]: token },
    ...(unsubscribeUrl === undefined ? {} : { unsubscribeUrl }),
  }
}
