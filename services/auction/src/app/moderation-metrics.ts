import { Gauge, type Registry } from 'prom-client'
import type { OpenReports } from '#src/infra/postgres/reports.ts'

export interface ModerationMetrics {
  open(reports: OpenReports): void
}

/** How many reports wait for a moderator, and for how long the oldest has. */
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
  return {
    open({ people, words, oldestSeconds }) {
      open.set({ by: 'people' }, people)
      open.set({ by: 'words' }, words)
      oldest.set(oldestSeconds)
    },
  }
}
