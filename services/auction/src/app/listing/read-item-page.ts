import type { FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { imageAnswer } from '#src/app/item/image-view.ts'
import { type ItemPage, itemBody } from '#src/app/item/item-view.ts'
import { readVisibleItem } from '#src/app/item/visible-item.ts'
import { readImages } from '#src/infra/postgres/images/item-images.ts'
import type { Executor } from '#src/infra/postgres/item/items.ts'
import { readWithdrawal } from '#src/infra/postgres/listing/withdrawals.ts'
import { readRemoval } from '#src/infra/postgres/moderation/removals.ts'
import { readWatchers } from '#src/infra/postgres/watchlist/watches.ts'

/** One item with everything its page shows this caller; throws when there is none to see. */
export async function readItemPage(
  db: Executor,
  itemId: string,
  caller: FastifyRequest['caller'],
): Promise<{ body: Omit<Static<typeof ItemPage>, 'serverTime'>; now: Date; nowCameAtMs: number }> {
  const { item, now } = await readVisibleItem(db, itemId, caller)
  const nowCameAtMs = performance.now()
  const [images, watchers, removal, withdrawal] = await Promise.all([
    readImages(db, itemId),
    readWatchers(db, itemId, caller?.id),
    item.status === 'removed' ? readRemoval(db, itemId) : undefined,
    item.status === 'cancelled' ? readWithdrawal(db, itemId) : undefined,
  ])
  const body = {
    ...itemBody(item, caller?.id),
    images: images.map(imageAnswer),
    watchCount: watchers.count,
    ...(caller === null ? {} : { isWatched: watchers.isWatched }),
    ...(removal === undefined
      ? {}
      : { removal: { reason: removal.reason, at: removal.removedAt.toISOString() } }),
    ...(withdrawal === undefined
      ? {}
      : { withdrawal: { reason: withdrawal.reason, at: withdrawal.at.toISOString() } }),
  }
  return { body, now, nowCameAtMs }
}
