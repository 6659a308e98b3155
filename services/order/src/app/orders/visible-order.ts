import type { Caller } from '@auction/common/http/auth.ts'
import type { Kysely } from 'kysely'
import type { Role } from '#src/domain/order.ts'
import { orderErrors } from '#src/errors.ts'
import { type OrderRecord, readOrders } from '#src/infra/postgres/orders/orders.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export const MODERATOR_ROLES = ['moderator', 'admin']

/** What a caller is to an order; undefined: nothing, and to such a caller it does not exist. */
export function roleOf(
  { buyerId, sellerId }: Pick<OrderRecord, 'buyerId' | 'sellerId'>,
  { id, roles }: Pick<Caller, 'id' | 'roles'>,
): Role | undefined {
  if (id === buyerId) return 'buyer'
  if (id === sellerId) return 'seller'
  return roles.some((role) => MODERATOR_ROLES.includes(role)) ? 'moderator' : undefined
}

/** An order that the caller may see, and as what. */
export async function visibleOrder(
  db: Kysely<Database>,
  id: string,
  caller: Caller,
): Promise<{ order: OrderRecord; role: Role }> {
  const [order] = await readOrders(db, [id])
  const role = order === undefined ? undefined : roleOf(order, caller)
  if (order === undefined || role === undefined) throw orderErrors.notFound()
  return { order, role }
}
