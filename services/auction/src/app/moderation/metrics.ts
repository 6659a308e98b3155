import { Gauge, type Registry } from 'prom-client'
import { FLAG_KINDS, type FlagKind } from '#src/domain/review-flags.ts'
import { FLAGS_COUNTED_MAX } from '#src/infra/postgres/bidder-review/review-flags.ts'
import type { OpenReports } from '#src/infra/postgres/moderation/reports.ts'

export interface ModerationMetrics {
  open(reports: OpenReports): void
  flags(counts: ReadonlyMap<FlagKind, number>): void
}

/** How many reports wait for a moderator, the age of the oldest, and the number of review flags. */
export function createModerationMetrics(registry: Registry): ModerationMetrics {
  const registers = [registry]
  const open = new Gauge({
    name: 'auction_reports_open',
    help: 'Reports that no moderator has decided: by people, or by words of the list.',
    labelNames: ['by'],
    registers,
  })
  const oldest = new Gauge({
    name: 'auction_reports_oldest_seconds',
    help: 'Age of the oldest report that is open.',
    registers,
  })
  const flagged = new Gauge({
    name: 'auction_review_flags',
    help: `Bidders that moderators may want to look at, by kind of signal; ${FLAGS_COUNTED_MAX} of a kind stand for more as well.`,
    labelNames: ['kind'],
    registers,
  })
  return {
    flags(counts) {
      for (const kind of FLAG_KINDS) flagged.set({ kind }, counts.get(kind) ?? 0)
    },
    open({ people, words, oldestSeconds }) {
      open.set({ by: 'people' }, people)
      open.set({ by: 'words' }, words)
      oldest.set(oldestSeconds)
    },
  }
}
