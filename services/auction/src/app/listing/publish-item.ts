import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import { notFoundOrForbidden } from '#src/app/item/not-found-or-forbidden.ts'
import { type PushDependencies, pushTerms } from '#src/app/lot-terms/push-terms.ts'
import { isPublic } from '#src/domain/item.ts'
import { type ListingLimits, publishProblem } from '#src/domain/listing.ts'
import { itemErrors } from '#src/errors.ts'
import { lockOwnItem, publishItem, type ReadItem } from '#src/infra/postgres/item/items.ts'

export interface PublishDependencies extends PushDependencies {
  events: ItemEvents
  limits: ListingLimits
  /** Only users who accepted the seller terms may publish (REQUIRE_SELLER_ROLE). */
  isSellerRoleRequired: boolean
}

export interface PublishCommand {
  itemId: string
  sellerId: string
  roles: readonly string[]
  trace: Trace
}

/**
 * Makes a draft public and pushes its terms to the bid service, so that the lot exists when this
 * answers. Publishing again gives the same answer, whatever the item's state is by then.
 */
export async function publish(
  dependencies: PublishDependencies,
  command: PublishCommand,
): Promise<ReadItem> {
  const read = await outboxTransaction(dependencies.db, (tx) =>
    publishUnderLock(tx, dependencies, command),
  )
  const { item } = read
  if (item.termsAppliedVersion < item.termsVersion) {
    await pushTerms(dependencies, item, command.trace)
  }
  return read
}

/** Whatever puts an item up for auction asks this. Throws `publishNotSeller`. */
export function demandSellerRole(
  { isSellerRoleRequired }: Pick<PublishDependencies, 'isSellerRoleRequired'>,
  roles: readonly string[],
): void {
  if (isSellerRoleRequired && !roles.includes('seller')) throw itemErrors.publishNotSeller()
}

async function publishUnderLock(
  tx: Parameters<typeof lockOwnItem>[0],
  { events, limits, isSellerRoleRequired }: PublishDependencies,
  { itemId, sellerId, roles, trace }: PublishCommand,
): Promise<ReadItem> {
  const draft = await lockOwnItem(tx, itemId, sellerId)
  if (draft === undefined) throw await notFoundOrForbidden(tx, itemId, itemErrors.publishNotFound)
  const { item, now } = draft
  if (isPublic(item.status)) return draft
  if (item.status !== 'draft') throw itemErrors.publishNotPossible({ status: item.status })
  demandSellerRole({ isSellerRoleRequired }, roles)
  if (item.type !== 'english') {
    throw itemErrors.publishTypeNotSupported({ field: 'type', reason: 'not_supported_yet' })
  }
  const problem = publishProblem(item, now, limits)
  if (problem !== undefined) throw itemErrors.publishInvalid({ ...problem })
  const status = item.startDate <= now ? 'active' : 'scheduled'
  const published = await publishItem(tx, itemId, status, 2)
  await events.emit(tx, published, trace, [
    { kind: 'published' },
    { kind: 'updated', changedFields: ['status'] },
  ])
  return published
}
