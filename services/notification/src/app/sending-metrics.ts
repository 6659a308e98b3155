import { Counter, Gauge, type Registry } from 'prom-client'
import type { ReportKind } from '#src/domain/mail-report.ts'
import { CHANNELS, type Channel } from '#src/domain/notices.ts'

export interface SendingMetrics {
  /** How an attempt ended, by its channel. */
  ended(channel: Channel, outcome: SendingOutcome): void
  /** How long the oldest one that is due has waited. */
  lag(channel: Channel, seconds: number): void
  suppressedAddresses(count: number): void
  /** Of how many mails something was reported in the last day. */
  reportsOfDay(counts: ReadonlyMap<ReportKind, number>): void
}

/**
 * `postponed` and `unreachable` are tried again. `suppressed` was not sent because of its address, `dropped` because
 * it was no longer true or wanted.
 */
const OUTCOMES = [
  'sent',
  'failed',
  'unknown',
  'postponed',
  'unreachable',
  'suppressed',
  'dropped',
] as const
export type SendingOutcome = (typeof OUTCOMES)[number]

/** Attempts by channel and outcome, how long the oldest waits, and addresses that get nothing. */
export function createSendingMetrics(registry: Registry): SendingMetrics {
  const registers = [registry]
  const attempts = new Counter({
    name: 'notification_sent_total',
    help: 'Mails and push messages by how an attempt to send one ended.',
    labelNames: ['channel', 'outcome'],
    registers,
  })
  const lag = new Gauge({
    name: 'notification_oldest_due_seconds',
    help: 'How long the oldest mail or push message that is due has waited.',
    labelNames: ['channel'],
    registers,
  })
  const suppressed = new Gauge({
    name: 'notification_suppressed_addresses',
    help: 'Mail addresses that get no notices: no mail reaches them, or their owners called one spam.',
    registers,
  })
  const reports = new Gauge({
    name: 'notification_mail_reports_day',
    help: 'Mails of which something was reported in the last 24 hours: bounces and complaints.',
    labelNames: ['kind'],
    registers,
  })
  // Known from the start, so that the first one of a bad day is already an increase.
  for (const channel of CHANNELS)
    for (const outcome of OUTCOMES) attempts.inc({ channel, outcome }, 0)
  return {
    ended: (channel, outcome) => attempts.inc({ channel, outcome }),
    lag: (channel, seconds) => lag.set({ channel }, seconds),
    suppressedAddresses: (count) => suppressed.set(count),
    reportsOfDay(counts) {
      for (const [kind, count] of counts) reports.set({ kind }, count)
    },
  }
}
