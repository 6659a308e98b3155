import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { TEMPLATES, type Template } from '#src/domain/notices.ts'

export interface NoticeMetrics {
  /** `outcome`: shown, or why it was dropped. */
  judged(template: Template, outcome: string): void
  dispatched(seconds: number): void
  lag(seconds: number): void
}

/** Notices by template and outcome, how long a batch takes, and how long the oldest one waits. */
export function createNoticeMetrics(registry: Registry): NoticeMetrics {
  const registers = [registry]
  const notices = new Counter({
    name: 'notification_notices_total',
    help: 'Notices by template and outcome: shown, or why they were dropped.',
    labelNames: ['template', 'outcome'],
    registers,
  })
  const duration = new Histogram({
    name: 'notification_dispatch_seconds',
    help: 'The time to judge one batch of notices that are due.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  })
  const lag = new Gauge({
    name: 'notification_dispatch_lag_seconds',
    help: 'How long the oldest notice is overdue to be shown.',
    registers,
  })
  for (const template of TEMPLATES) notices.inc({ template, outcome: 'shown' }, 0)
  return {
    judged: (template, outcome) => notices.inc({ template, outcome }),
    dispatched: (seconds) => duration.observe(seconds),
    lag: (seconds) => lag.set(seconds),
  }
}
