import { guardFormula } from '@auction/common/csv/formula-guard.ts'
import { type Cells, csvText } from '@auction/common/csv/write-csv.ts'
import { formatAmount } from '@auction/common/money.ts'
import type { Kysely } from 'kysely'
import { EXPORT_COLUMNS } from '#src/domain/csv-listing.ts'
import { CONTENT_FIELDS, type Item } from '#src/domain/item.ts'
import { listingInput } from '#src/domain/listing.ts'
import { readSellerPage } from '#src/infra/postgres/listing/item-list.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const PAGE_ROWS = 500

/**
 * A seller's items as CSV, one page of rows at a time, so that a slow reader holds neither all rows nor
 * a transaction. Cells that a spreadsheet would run as a formula get an apostrophe in front, which an
 * import removes again: what is exported comes back as it was.
 */
export async function* exportItems(db: Kysely<Database>, sellerId: string): AsyncGenerator<string> {
  let after: string | undefined
  let isFirst = true
  for (;;) {
    const items = await readSellerPage(db, sellerId, after, PAGE_ROWS)
    yield csvText(items.map(cellsOf), EXPORT_COLUMNS, { isFirst })
    isFirst = false
    after = items.at(-1)?.id
    if (items.length < PAGE_ROWS) return
  }
}

function cellsOf(item: Item): Cells {
  const input = listingInput(item)
  return {
    ...Object.fromEntries(CONTENT_FIELDS.map((column) => [column, input[column] ?? ''])),
    name: guardFormula(item.name),
    description: guardFormula(item.description),
    id: item.id,
    status: item.status,
    currentPrice: formatAmount(item.currentPrice, item.currencyCode),
    bidCount: item.bidCount,
    endPrice: item.endPrice === null ? '' : formatAmount(item.endPrice, item.currencyCode),
    currentEndDate: item.currentEndDate.toISOString(),
    createdAt: item.createdAt.toISOString(),
  }
}
