import type { Timer } from '@auction/common/process/repeat.ts'
import { type DispatchDependencies, dispatchNotices } from '#src/app/notices/dispatch-notices.ts'
import type { NoticeMetrics } from '#src/app/notices/metrics.ts'
import { purgeOldNotices } from '#src/app/notices/purge-notices.ts'
import { readDispatchLag } from '#src/infra/postgres/notices/due-notices.ts'

const DISPATCH_INTERVAL_MS = 250
const LAG_INTERVAL_MS = 5_000
const PURGE_INTERVAL_MS = 60_000

export interface TimerDependencies extends DispatchDependencies {
  metrics: NoticeMetrics
  noticeRetentionDays: number
}

/** What the notification worker repeats: judge notices that are due, measure, and purge. */
export function createTimers(dependencies: TimerDependencies): Timer[] {
  const { db, metrics, noticeRetentionDays } = dependencies
  return [
    {
      name: 'dispatch notices',
      intervalMs: DISPATCH_INTERVAL_MS,
      run: () => dispatchNotices(dependencies),
    },
    {
      name: 'dispatch lag',
      intervalMs: LAG_INTERVAL_MS,
      run: async () => metrics.lag(await readDispatchLag(db)),
    },
    {
      name: 'purge notices',
      intervalMs: PURGE_INTERVAL_MS,
      run: () => purgeOldNotices(db, noticeRetentionDays),
    },
  ]
}
