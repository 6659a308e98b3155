import type { ErrorFactory } from '@auction/common/http/errors.ts'
import type { FastifyRequest } from 'fastify'
import { isPublic } from '#src/domain/item.ts'
import { itemErrors } from '#src/errors.ts'
import { type Executor, type ReadItem, readItem } from '#src/infra/postgres/item/items.ts'
import { isModerator } from './moderators.ts'

/**
 * The item, if this caller may see it. Public items are for all, others for their seller, removed ones
 * for moderators too. Other callers get `removed` for a removed item and `notFound` for a draft.
 */
export async function readVisibleItem(
  db: Executor,
  itemId: string,
  caller: FastifyRequest['caller'],
  notFound: ErrorFactory = itemErrors.showNotFound,
): Promise<ReadItem> {
  const read = await readItem(db, itemId)
  if (read === undefined) throw notFound()
  const { status, sellerId } = read.item
  if (isPublic(status) || sellerId === caller?.id) return read
  if (status !== 'removed') throw notFound()
  if (!isModerator(caller)) throw itemErrors.removed()
  return read
}
