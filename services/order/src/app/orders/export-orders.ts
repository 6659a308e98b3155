import { guardFormula } from '@auction/common/csv/formula-guard.ts'
import { type Cells, csvText } from '@auction/common/csv/write-csv.ts'
import type { Kysely } from 'kysely'
import type { OrderState } from '#src/domain/order.ts'
import { type OrderRecord, readOrdersOf, type Side } from '#src/infra/postgres/orders/orders.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { orderSummary } from './order-view.ts'

const PAGE_ROWS = 500

const COLUMNS = [
  'id',
  'itemId',
  'itemName',
  'role',
  'state',
  'cancelReason',
  'source',
  'currencyCode',
  'amount',
  'premium',
  'deliveryFee',
  'total',
  'refundedTotal',
  'buyerId',
  'sellerId',
  'wonAt',
  'dueAt',
  'paidAt',
  'createdAt',
  'changedAt',
] as const

/**
 * What a user bought or sold as CSV, the latest first, one page of rows at a time, so that a slow reader holds neither all rows
 * nor a transaction. A seller wrote the name of an item; a spreadsheet of the buyer does not run it.
 */
export async function* exportOrders(
  db: Kysely<Database>,
  userId: string,
  { side, state }: { side: Side; state: OrderState | undefined },
): AsyncGenerator<string> {
  let before: string | undefined
  let isFirst = true
  for (;;) {
    const orders = await readOrdersOf(db, userId, { side, state, before, limit: PAGE_ROWS })
    yield csvText(
      orders.map((order) => cellsOf(order, side)),
      COLUMNS,
      { isFirst },
    )
    isFirst = false
    before = orders.at(-1)?.id
    if (orders.length < PAGE_ROWS) return
  }
}

function cellsOf(order: OrderRecord, side: Side): Cells {
  const summary: Partial<Record<(typeof COLUMNS)[number], string>> = orderSummary(order, side)
  const cells = COLUMNS.map((column) => [column, summary[column] ?? ''] as const)
  return { ...Object.fromEntries(cells), itemName: guardFormula(summary.itemName ?? '') }
}
