import type { Logger } from '@auction/common/process/logger.ts'
import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Kysely } from 'kysely'
import type { SendingMetrics } from '#src/app/sending-metrics.ts'
import type { MailOutcome } from '#src/domain/mail-outcome.ts'
import { postponedSeconds, unreachableSeconds } from '#src/domain/mail-retry.ts'
import { DEFAULT_READER } from '#src/domain/preferences.ts'
import { securityMail } from '#src/domain/security-mail-text.ts'
import { addressDigest } from '#src/infra/crypto/address-digest.ts'
import {
  type ClaimedMail,
  claimMail,
  dropMail,
  endSentMail,
  failMail,
  postponeMail,
  repeatMail,
} from '#src/infra/postgres/mail/mails.ts'
import { suppressAddress } from '#src/infra/postgres/mail/suppressions.ts'
import { readReader } from '#src/infra/postgres/readers/readers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { MailTransport, OutgoingMail } from '#src/infra/smtp/mail-transport.ts'
import { type MailSettings, outgoingMail } from './outgoing-mail.ts'
import { recordOutcome } from './record-outcome.ts'
import type { ServerPause } from './server-pause.ts'

export interface SecurityMailDependencies {
  db: Kysely<Database>
  transport: MailTransport
  settings: MailSettings
  /** Opens what identity sealed. */
  seal: SecretBox
  pause: ServerPause
  metrics: SendingMetrics
  log: Logger
}

/** Sends the mail that has been due for longest. False: there is none, or the server is not there. */
export async function sendNextSecurityMail(
  deps: SecurityMailDependencies,
  stopping?: AbortSignal,
): Promise<boolean> {
  const { db, transport, metrics, pause } = deps
  if (!pause.isOver()) return false
  const mail = await claimMail(db)
  if (mail === undefined) return false
  const dropped = reasonNotToSend(mail)
  if (dropped !== undefined) {
    await dropMail(db, mail, dropped)
    metrics.ended('mail', 'dropped')
    return true
  }
  const outgoing = await build(deps, mail)
  if (outgoing === undefined) return true
  const outcome = await transport.send(outgoing, stopping)
  count(deps, outcome)
  await recordOutcome(() => settle(deps, mail, outcome), { log: deps.log, stopping })
  return true
}

function reasonNotToSend({ isOutdated, isOfDepartedUser }: ClaimedMail): string | undefined {
  if (isOutdated) return 'outdated'
  return isOfDepartedUser ? 'departed' : undefined
}

/** Undefined: its link cannot be opened, and the mail has failed. */
async function build(
  { db, settings, seal, metrics, log }: SecurityMailDependencies,
  mail: ClaimedMail,
): Promise<OutgoingMail | undefined> {
  const { id, userId, template, to, name, language, link, outdatedAt } = mail
  let whole: string | undefined
  try {
    if (link !== undefined) whole = `${link.url}#token=${seal.open(link.sealedSecret, id)}`
  } catch {
    log.error({ mailId: id }, 'a mail was sealed with another MAIL_SEAL_KEY')
    await failMail(db, mail, 'sealed_with_another_key')
    metrics.ended('mail', 'failed')
    return undefined
  }
  const unknown = { ...DEFAULT_READER, ...(language === undefined ? {} : { language }) }
  const reader = userId === undefined ? unknown : await readReader(db, userId)
  const data = {
    to,
    name,
    ...(whole === undefined ? {} : { link: whole, expiresAt: outdatedAt }),
  }
  const content = securityMail(template, data, reader, settings.publicUrl)
  return outgoingMail(settings, { id, to, template, content })
}

function count({ pause, metrics }: SecurityMailDependencies, { kind }: MailOutcome): void {
  metrics.ended('mail', kind)
  if (kind === 'unreachable') pause.failed()
  else pause.worked()
}

async function settle(
  { db, log }: SecurityMailDependencies,
  mail: ClaimedMail,
  outcome: MailOutcome,
): Promise<void> {
  const { id, template, to, tries, correlationId } = mail
  const line = { mailId: id, template, correlationId }
  switch (outcome.kind) {
    case 'sent':
      await endSentMail(db, mail)
      return log.info(line, 'mail sent')
    case 'unknown': {
      const state = await repeatMail(db, mail)
      return log.warn({ ...line, state }, 'the mail server did not say whether it has a mail')
    }
    case 'failed': {
      const state = await failMail(db, mail, outcome.reason)
      if (outcome.isDeadAddress) await suppressAddress(db, addressDigest(to), 'refused')
      return log.warn({ ...line, reason: outcome.reason, state }, 'mail failed')
    }
    case 'postponed':
    case 'unreachable': {
      const { kind, reason } = outcome
      const isTry = kind === 'postponed'
      const seconds = isTry ? postponedSeconds(tries) : unreachableSeconds(Math.random())
      const state = await postponeMail(db, mail, { reason, seconds, isTry })
      return log.warn({ ...line, reason, state }, 'mail postponed')
    }
  }
}
