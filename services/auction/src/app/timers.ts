import { type Repeated, repeat } from '@auction/common/repeat.ts'
import type { FinishDependencies } from './finish-change.ts'
import { startItems } from './start-items.ts'
import { sweepTerms } from './sweep-terms.ts'

const START_INTERVAL_MS = 500
const SWEEP_INTERVAL_MS = 1_000

/** What the worker does by the clock: start items, and finish terms that hang between services. */
export function startTimers(dependencies: FinishDependencies): Pick<Repeated, 'stop'> {
  const { log } = dependencies
  const timers = [
    repeat('start items', START_INTERVAL_MS, log, () => startItems(dependencies)),
    repeat('sweep terms', SWEEP_INTERVAL_MS, log, () => sweepTerms(dependencies)),
  ]
  return {
    async stop() {
      await Promise.all(timers.map((timer) => timer.stop()))
    },
  }
}
