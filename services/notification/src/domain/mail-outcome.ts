import { isDeadAddress } from './mail-report.ts'

/** What is known when a mail was not accepted. */
export interface SmtpFailure {
  /** The answer of the server, such as 550; absent when there was none. */
  readonly responseCode?: number
  /** Its words, which may begin with an enhanced code such as 5.1.1. */
  readonly response?: string
  /** What the server answered to: RCPT TO, DATA and so on. */
  readonly command?: string
  /** The connection could not be encrypted, or is to a server that has no certificate for its name. */
  readonly isWithoutTls: boolean
  /** Whether the server has got any of the mail itself. */
  readonly isBegun: boolean
  /** It was not offered: its address cannot be written into a command, or it is larger than the server takes. */
  readonly isUnsendable: boolean
}

/**
 * How an attempt ended. `unknown`: the server may have the mail. `postponed`: it has not, and refuses this mail
 * for now. `unreachable`: it has not, and the reason is not this mail.
 */
export type MailOutcome =
  | { readonly kind: 'sent' }
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'postponed'; readonly reason: string }
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** `isDeadAddress`: no mail will ever reach the address. */
  | { readonly kind: 'failed'; readonly reason: string; readonly isDeadAddress: boolean }

const ENHANCED_STATUS = /^5\d\d[ -](5\.\d{1,3}\.\d{1,3})\b/

/** Only an answer about this very mail ends it; only silence after it was sent leaves the outcome open. */
export function judgeFailure(failure: SmtpFailure): MailOutcome {
  const { responseCode, response = '', command = '', isBegun, isUnsendable } = failure
  if (failure.isWithoutTls) return { kind: 'unreachable', reason: 'no_tls' }
  if (isUnsendable) return { kind: 'failed', reason: 'not_sendable', isDeadAddress: false }
  if (responseCode === undefined) {
    return isBegun
      ? { kind: 'unknown', reason: 'no_answer' }
      : { kind: 'unreachable', reason: 'no_connection' }
  }
  const reason = `smtp_${responseCode}`
  // Greeting, login and sender are the same for every mail: an operator must change something.
  if (command !== 'RCPT TO' && command !== 'DATA') return { kind: 'unreachable', reason }
  if (responseCode < 500) return { kind: 'postponed', reason }
  // A mail has one recipient, so what is said of the address after the mail is about that one as well.
  const status = ENHANCED_STATUS.exec(response)?.[1] ?? ''
  return { kind: 'failed', reason, isDeadAddress: isDeadAddress(status) }
}
