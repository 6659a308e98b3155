import { Readable } from 'node:stream'
import { stringify } from 'csv-stringify/sync'
import type { FastifyReply } from 'fastify'

export type Cells = Readonly<Record<string, string | number>>

/** Some rows as RFC 4180 has them; the first of a file come after the names of the columns. */
export function csvText(
  rows: readonly Cells[],
  columns: readonly string[],
  { isFirst }: { isFirst: boolean },
): string {
  return stringify([...rows], {
    header: isFirst,
    // Without it, spreadsheets read UTF-8 as an encoding of their own.
    bom: isFirst,
    columns: [...columns],
    record_delimiter: '\r\n',
    // Not by default when another delimiter of records is given: a line end in a description would end its row.
    quote_record_delimiter: true,
    // Read with another delimiter than the comma, such a cell would be two.
    quoted_match: /[;\t]/,
  })
}

/** Answers with a file of CSV, a page in memory at once. */
export async function sendCsv(
  reply: FastifyReply,
  filename: string,
  pages: AsyncGenerator<string>,
): Promise<never> {
  // The first page is read before any header is sent, so that an outage is a 503 and not half a file.
  const first = await pages.next()
  reply.headers({
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': `attachment; filename="${filename}"`,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  const whole = async function* () {
    if (first.done !== true) yield first.value
    yield* pages
  }
  return reply.send(Readable.from(whole())) as never
}
