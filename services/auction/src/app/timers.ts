import { type Repeated, repeat } from '@auction/common/repeat.ts'
import type { ImageStorage } from '#src/infra/storage/image-storage.ts'
import type { FinishDependencies } from './finish-change.ts'
import { deleteDueObjects } from './images/delete-objects.ts'
import { startItems } from './start-items.ts'
import { sweepTerms } from './sweep-terms.ts'

const START_INTERVAL_MS = 500
const SWEEP_INTERVAL_MS = 1_000
const IMAGES_INTERVAL_MS = 2_000

/**
 * What the worker does by the clock: start items, finish terms that hang between services, delete
 * what is left of images.
 */
export function startTimers(
  dependencies: FinishDependencies & { storage: ImageStorage },
): Pick<Repeated, 'stop'> {
  const { log } = dependencies
  const timers = [
    repeat('start items', START_INTERVAL_MS, log, () => startItems(dependencies)),
    repeat('sweep terms', SWEEP_INTERVAL_MS, log, () => sweepTerms(dependencies)),
    repeat('delete images', IMAGES_INTERVAL_MS, log, () => deleteDueObjects(dependencies)),
  ]
  return {
    async stop() {
      await Promise.all(timers.map((timer) => timer.stop()))
    },
  }
}
