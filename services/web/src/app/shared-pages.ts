import { createShared } from '@auction/common/shared.ts'
import type { PageAnswer } from './page-routes.ts'
import { type Viewer, withParameters } from './viewer.ts'

export interface SharedPages {
  /** The page that a visitor before got, if it was begun within the last moments. */
  of(
    viewer: Viewer,
    /** The parameters that the page reads; others would only make it be made again. */
    parameters: Readonly<Record<string, string>>,
    make: (viewer: Viewer) => Promise<PageAnswer>,
  ): Promise<PageAnswer>
  /** How many pages are kept. */
  readonly size: number
}

/**
 * Visitors who are not logged in all see the same page in one language and zone, so thousands who watch one
 * lot cost one page in `maxAgeMs`. Each is at most that old, and leaves memory then; failures are not kept.
 */
export function createSharedPages(maxAgeMs: number, monotonicMs?: () => number): SharedPages {
  const shared = createShared<PageAnswer>(maxAgeMs, monotonicMs)
  return {
    get size() {
      return shared.size
    },
    of(asked, parameters, make) {
      if (asked.isLoggedIn) return make(asked)
      const viewer = withParameters(asked, parameters)
      const { path, prefix, talk } = viewer
      return shared.of(`${prefix} ${talk.locale} ${talk.zone} ${path}`, () => make(viewer))
    },
  }
}
