import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { LIVE_EVENTS, type LiveEvent } from './frames.ts'

const REFUSED_BY = ['user', 'address', 'process'] as const
const ENDED_BY = ['client', 'slow', 'session', 'age', 'stop'] as const
const OUTCOMES = ['good', 'ended', 'unknown'] as const

export type RefusedBy = (typeof REFUSED_BY)[number]
/** Why a stream ended: `client` it was closed or lost, `slow` it did not read. */
export type EndedBy = (typeof ENDED_BY)[number]

export interface LiveMetrics {
  sent(event: LiveEvent, count: number): void
  /** From the making of an event to the write to the last watcher of its lot. */
  fannedOut(seconds: number): void
  /** From the making of an event until it was read here. */
  read(seconds: number): void
  unreadable(): void
  refused(by: RefusedBy): void
  ended(by: EndedBy): void
  sessionChecked(outcome: (typeof OUTCOMES)[number]): void
  watch(sources: { connections(): number; lots(): number; isReading(): boolean }): void
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10, 60]

export function createLiveMetrics(registry: Registry): LiveMetrics {
  const registers = [registry]
  const events = new Counter({
    name: 'live_events_sent_total',
    help: 'Events written to live streams, each stream counted.',
    labelNames: ['event'],
    registers,
  })
  const fanOut = new Histogram({
    name: 'live_fan_out_seconds',
    help: 'From the making of an event to the write to the last watcher of its lot.',
    buckets: SECONDS,
    registers,
  })
  const delay = new Histogram({
    name: 'live_stream_delay_seconds',
    help: 'From the making of an event until this process has read it.',
    buckets: SECONDS,
    registers,
  })
  const unreadable = new Counter({
    name: 'live_unreadable_events_total',
    help: 'Events that break their contract; nothing was sent because of them.',
    registers,
  })
  const refused = new Counter({
    name: 'live_refused_total',
    help: 'Live streams that were refused, by the limit that was reached.',
    labelNames: ['limit'],
    registers,
  })
  const ended = new Counter({
    name: 'live_ended_total',
    help: 'Live streams that ended, by reason; slow = the client did not read.',
    labelNames: ['reason'],
    registers,
  })
  const checks = new Counter({
    name: 'live_session_checks_total',
    help: 'Sessions of live streams that were checked, by outcome; unknown = identity did not answer.',
    labelNames: ['outcome'],
    registers,
  })
  // What is there from the start is seen to grow from nothing.
  for (const event of LIVE_EVENTS) events.inc({ event }, 0)
  for (const limit of REFUSED_BY) refused.inc({ limit }, 0)
  for (const reason of ENDED_BY) ended.inc({ reason }, 0)
  for (const outcome of OUTCOMES) checks.inc({ outcome }, 0)
  return {
    sent: (event, count) => events.inc({ event }, count),
    fannedOut: (seconds) => fanOut.observe(seconds),
    read: (seconds) => delay.observe(seconds),
    unreadable: () => unreadable.inc(),
    refused: (limit) => refused.inc({ limit }),
    ended: (reason) => ended.inc({ reason }),
    sessionChecked: (outcome) => checks.inc({ outcome }),
    watch({ connections, lots, isReading }) {
      const gauge = (name: string, help: string, value: () => number) =>
        new Gauge({
          name,
          help,
          registers,
          collect() {
            this.set(value())
          },
        })
      gauge('live_connections', 'Live streams that are open.', connections)
      gauge('live_known_lots', 'Lots whose newest state is kept for streams that resume.', lots)
      gauge('live_stream_reading', '1 while events are read from the broker.', () =>
        isReading() ? 1 : 0,
      )
    },
  }
}
