import { sendCsv } from '@auction/common/csv/write-csv.ts'
import {
  answers,
  CurrencyCode,
  Instant,
  OneOf,
  STRICT,
  Uuid,
} from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { formatAmount } from '@auction/common/money.ts'
import type { Kysely } from 'kysely'
import { type Static, Type } from 'typebox'
import { readMonth } from '#src/domain/month.ts'
import { statementErrors } from '#src/errors.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  type Period,
  readLines,
  readTotals,
  type StatementLine,
} from '#src/infra/postgres/statements/statements.ts'

const STATEMENT = '/api/v1/billing/statements/:month'
const PAGE = 500
const tags = ['statements']
const params = Type.Object({
  month: Type.String({ pattern: '^[0-9]{4}-(0[1-9]|1[0-2])$', description: 'In UTC: 2026-07.' }),
})
const Signed = Type.String({ description: 'decimal string; below zero is less for the seller' })

const Line = Type.Object({
  at: Instant,
  kind: OneOf([
    'capture',
    'release',
    'refund',
    'refund_failed',
    'dispute_opened',
    'dispute_won',
    'dispute_lost',
    'payout_sent',
    'payout_failed',
    'payout_reversed',
    'payout_returned',
    'deposit_captured',
    'deposit_returned',
    'correction',
  ]),
  orderId: Type.Optional(Uuid),
  currencyCode: CurrencyCode,
  pending: Signed,
  payable: Signed,
})

const Statement = Type.Object(
  {
    month: Type.String(),
    totals: Type.Array(
      Type.Object({
        currencyCode: CurrencyCode,
        openingPending: Signed,
        openingPayable: Signed,
        closingPending: Signed,
        closingPayable: Signed,
      }),
    ),
    lines: Type.Array(Line),
    nextCursor: Type.Optional(Type.String()),
  },
  { title: 'SellerStatement' },
)

/** What happened to the money of the caller as a seller in a month of UTC, as JSON and as CSV. */
export async function statementRoutes(app: App, { db }: { db: Kysely<Database> }): Promise<void> {
  jsonRoute(app, db)
  csvRoute(app, db)
}

function jsonRoute(app: App, db: Kysely<Database>): void {
  app.get(
    STATEMENT,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'readStatement',
        summary: 'Your statement of a month: balances, and every change of them',
        params,
        querystring: Type.Object(
          {
            limit: Type.Integer({ minimum: 1, maximum: PAGE, default: 100 }),
            cursor: Type.Optional(Type.String({ pattern: '^[0-9]{1,18}$' })),
          },
          STRICT,
        ),
        response: answers({ 200: Statement }, [404]),
      },
    },
    async ({ user, params: { month }, query: { limit, cursor = '0' } }, reply) => {
      const period = periodOf(user.id, month)
      // One extra row shows whether there is a next page.
      const read = await readLines(db, period, BigInt(cursor), limit + 1)
      const shown = wholeEntries(read, limit)
      const last = shown.at(-1)
      const isLast = last === undefined || shown.length === read.length
      reply.header('cache-control', 'no-store')
      return {
        month,
        totals: (await readTotals(db, period)).map(({ currencyCode, ...amounts }) => ({
          currencyCode,
          openingPending: formatAmount(amounts.openingPending, currencyCode),
          openingPayable: formatAmount(amounts.openingPayable, currencyCode),
          closingPending: formatAmount(amounts.closingPending, currencyCode),
          closingPayable: formatAmount(amounts.closingPayable, currencyCode),
        })),
        lines: shown.map(lineOf),
        ...(isLast ? {} : { nextCursor: last.entryId.toString() }),
      }
    },
  )
}

function csvRoute(app: App, db: Kysely<Database>): void {
  app.get(
    `${STATEMENT}/lines.csv`,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'downloadStatement',
        summary: 'Every line of your statement of a month, as CSV',
        params,
        produces: ['text/csv'],
        response: answers({ 200: Type.String() }, [404]),
      },
    },
    async ({ user, params: { month } }, reply) => {
      const period = periodOf(user.id, month)
      return sendCsv(reply, `statement-${month}.csv`, csvPages(db, period))
    },
  )
}

const COLUMNS = ['at', 'kind', 'orderId', 'currencyCode', 'pending', 'payable'] as const

/** A page at a time, so that a statement of any length needs little memory. */
async function* csvPages(db: Kysely<Database>, period: Period): AsyncGenerator<string> {
  let head = `${COLUMNS.join(',')}\r\n`
  for (let last = 0n; ; ) {
    const read = await readLines(db, period, last, PAGE + 1)
    const shown = wholeEntries(read, PAGE)
    // None of these fields has a comma, a quotation mark or a line break.
    const rows = shown.map((line) => {
      const fields = lineOf(line)
      return `${COLUMNS.map((name) => fields[name] ?? '').join(',')}\r\n`
    })
    yield head + rows.join('')
    head = ''
    last = shown.at(-1)?.entryId ?? last
    if (shown.length === read.length) return
  }
}

/** An entry in two currencies has two lines with one place; they are not torn apart by a page. */
function wholeEntries(read: readonly StatementLine[], limit: number): StatementLine[] {
  if (read.length <= limit) return [...read]
  const cut = read[limit]?.entryId
  const whole = read.slice(0, limit).filter(({ entryId }) => entryId !== cut)
  return whole.length > 0 ? whole : read.slice(0, limit)
}

function lineOf(line: StatementLine): Static<typeof Line> {
  const { at, kind, orderId, currencyCode, pending, payable } = line
  return {
    at: at.toISOString(),
    kind,
    ...(orderId === null ? {} : { orderId }),
    currencyCode,
    pending: formatAmount(pending, currencyCode),
    payable: formatAmount(payable, currencyCode),
  }
}

function periodOf(sellerId: string, month: string): Period {
  const period = readMonth(month)
  if (period === undefined || period.from > new Date()) throw statementErrors.notYet()
  return { sellerId, ...period }
}
