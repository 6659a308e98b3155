import type { ErrorFactory, ServiceError } from '@auction/common/http/errors.ts'
import { isPublic } from '#src/domain/item.ts'
import { itemErrors } from '#src/errors.ts'
import { type Executor, readItem } from '#src/infra/postgres/item/items.ts'

/**
 * The error for an item that is not the caller's: forbidden when it is public, not found otherwise,
 * so that the existence of a draft does not leak.
 */
export async function notFoundOrForbidden(
  db: Executor,
  itemId: string,
  notFound: ErrorFactory,
): Promise<ServiceError> {
  const foreign = await readItem(db, itemId)
  return foreign !== undefined && isPublic(foreign.item.status)
    ? itemErrors.forbidden()
    : notFound()
}
