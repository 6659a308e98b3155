import type { Contact } from '@auction/common/contracts/contacts.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { Kysely } from 'kysely'
import type { SendingMetrics } from '#src/app/sending-metrics.ts'
import type { MailOutcome } from '#src/domain/mail-outcome.ts'
import { NOTICE_TRIES_MAX, postponedSeconds } from '#src/domain/mail-retry.ts'
import { categoriesOf, noticeMail } from '#src/domain/notice-mail.ts'
import { addressDigest } from '#src/infra/crypto/address-digest.ts'
import { signUnsubscription } from '#src/infra/crypto/unsubscribe-token.ts'
import {
  endDeliveries,
  readDueUsers,
  requeueDeliveries,
} from '#src/infra/postgres/mail/mail-deliveries.ts'
import { readSuppression, suppressAddress } from '#src/infra/postgres/mail/suppressions.ts'
import { readReader } from '#src/infra/postgres/readers/readers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { MailTransport, OutgoingMail } from '#src/infra/smtp/mail-transport.ts'
import { type ClaimedNotices, claimNotices, type Receiver } from './claim-notices.ts'
import type { ContactSource } from './contact-source.ts'
import { type MailSettings, outgoingMail } from './outgoing-mail.ts'
import { recordOutcome } from './record-outcome.ts'
import type { ServerPause } from './server-pause.ts'
import { unsubscribeUrl } from './unsubscribe-url.ts'

export interface NoticeMailDependencies {
  db: Kysely<Database>
  transport: MailTransport
  settings: MailSettings
  contactsOf: ContactSource
  /** Signs the links that end mails. */
  unsubscribeKey: Buffer
  pause: ServerPause
  metrics: SendingMetrics
  log: Logger
}

export interface NoticeMailer {
  /** Begins to send what is due. A mail whose server hangs holds up no other. */
  run(stopping?: AbortSignal): Promise<void>
  /** Resolves when nothing is under way any more. */
  settled(): Promise<void>
}

const DELIVERIES_AT_ONCE = 1_000

/** Sends notices by mail, to so many users at once. */
export function createNoticeMailer(
  deps: NoticeMailDependencies,
  concurrency: number,
): NoticeMailer {
  const { db, contactsOf, pause, log } = deps
  const underWay = new Map<string, Promise<void>>()
  const begin = (userId: string, contact: Contact | undefined, stopping?: AbortSignal) => {
    const sending = sendToUser(deps, userId, contact, stopping)
      .catch((err: unknown) => log.error({ err }, 'a mail with notices could not be sent'))
      .finally(() => underWay.delete(userId))
    underWay.set(userId, sending)
  }
  return {
    async run(stopping) {
      if (!pause.isOver()) return
      const due = await readDueUsers(db, DELIVERIES_AT_ONCE)
      const userIds = due.filter((userId) => !underWay.has(userId))
      if (userIds.length === 0) return
      const contacts = await contactsOf(userIds)
      for (const userId of userIds) {
        if (underWay.size >= concurrency) await Promise.race(underWay.values())
        if (stopping?.aborted === true || !pause.isOver()) return
        begin(userId, contacts.get(userId), stopping)
      }
    },
    async settled() {
      await Promise.all(underWay.values())
    },
  }
}

/** Sends everything that is due for a user and does not wait for more. */
async function sendToUser(
  deps: NoticeMailDependencies,
  userId: string,
  contact: Contact | undefined,
  stopping?: AbortSignal,
): Promise<void> {
  const { db, transport, metrics, pause } = deps
  const isSuppressed =
    contact !== undefined && (await readSuppression(db, addressDigest(contact.email))) !== undefined
  const receiver: Receiver = { userId, contact, isSuppressed }
  while (pause.isOver() && stopping?.aborted !== true) {
    const { mail, dropped, suppressed } = await claimNotices(db, receiver)
    for (let count = 0; count < dropped; count += 1) metrics.ended('mail', 'dropped')
    for (let count = 0; count < suppressed; count += 1) metrics.ended('mail', 'suppressed')
    if (mail === undefined || contact === undefined) return
    const outgoing = await build(deps, mail, contact)
    const outcome: MailOutcome =
      outgoing === undefined
        ? { kind: 'failed', reason: 'not_built', isDeadAddress: false }
        : await transport.send(outgoing, stopping)
    metrics.ended('mail', outcome.kind)
    if (outcome.kind === 'unreachable') pause.failed()
    else pause.worked()
    await recordOutcome(() => settle(deps, mail, contact, outcome), { log: deps.log, stopping })
    if (outcome.kind !== 'sent') return
  }
}

/** Undefined: there is a mistake in how it is made, and it must not hold up others. */
async function build(
  { db, settings, unsubscribeKey, log }: NoticeMailDependencies,
  { messageId, notices }: ClaimedNotices,
  { userId, email, name }: Contact,
): Promise<OutgoingMail | undefined> {
  try {
    const { publicUrl } = settings
    const linkFor = (categories: ReturnType<typeof categoriesOf>) =>
      unsubscribeUrl(publicUrl, signUnsubscription(unsubscribeKey, { userId, categories }))
    const content = noticeMail(notices, {
      name,
      reader: await readReader(db, userId),
      publicUrl,
      unsubscribeUrl: (category) => linkFor([category]),
    })
    const categories = categoriesOf(notices)
    return outgoingMail(settings, {
      id: messageId,
      to: email,
      template: notices.length === 1 ? (notices[0]?.template ?? '') : 'digest',
      content,
      ...(categories.length === 0 ? {} : { unsubscribeUrl: linkFor(categories) }),
    })
  } catch (err) {
    log.error({ err, mailId: messageId }, 'a mail with notices could not be made')
    return undefined
  }
}

async function settle(
  { db, log }: NoticeMailDependencies,
  { messageId, notices, tries }: ClaimedNotices,
  { email }: Contact,
  outcome: MailOutcome,
): Promise<void> {
  const line = { mailId: messageId, notices: notices.length }
  switch (outcome.kind) {
    case 'sent':
      await endDeliveries(db, messageId, 'sent', null)
      return log.info(line, 'mail sent')
    case 'unknown':
      await endDeliveries(db, messageId, 'unknown', outcome.reason)
      return log.warn(line, 'the mail server did not say whether it has a mail')
    case 'failed':
      await endDeliveries(db, messageId, 'failed', outcome.reason)
      if (outcome.isDeadAddress) await suppressAddress(db, addressDigest(email), 'refused')
      return log.warn({ ...line, reason: outcome.reason }, 'mail failed')
    case 'unreachable':
      await requeueDeliveries(db, messageId, { reason: outcome.reason })
      return log.warn({ ...line, reason: outcome.reason }, 'mail postponed')
    case 'postponed': {
      const { reason } = outcome
      if (tries >= NOTICE_TRIES_MAX) {
        await endDeliveries(db, messageId, 'failed', reason)
        return log.warn({ ...line, reason }, 'mail failed')
      }
      await requeueDeliveries(db, messageId, { reason, seconds: postponedSeconds(tries) })
      return log.warn({ ...line, reason }, 'mail postponed')
    }
  }
}
