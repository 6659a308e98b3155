import type { ErrorFactory, ServiceError } from '@auction/common/http/errors.ts'
import { isPublic } from '#src/domain/item.ts'
import { itemErrors } from '#src/errors.ts'
import { type Executor, readItem } from '#src/infra/postgres/item/items.ts'

/**
 * Why an item of the caller's was not there. Somebody else's public item is forbidden; a foreign
 * draft is as good as none, or its existence would leak.
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
