import {
  answers,
  CurrencyCode,
  Instant,
  OneOf,
  STRICT,
  Uuid,
} from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import type { InvoiceSnapshot } from '#src/domain/invoice.ts'
import { invoiceErrors } from '#src/errors.ts'
import { readInvoice, readInvoices } from '#src/infra/postgres/invoices/invoices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const INVOICES = '/api/v1/billing/invoices'
const tags = ['invoices']
const params = Type.Object({ id: Uuid })
const Money = Type.String({ description: 'decimal string' })

const fields = {
  id: Uuid,
  number: Type.String(),
  kind: OneOf(['invoice', 'credit_note']),
  subject: OneOf(['commission', 'premium']),
  issuedAt: Instant,
  orderId: Uuid,
  itemId: Uuid,
  corrects: Type.Optional(
    Type.String({ description: 'The number of the invoice that it corrects.' }),
  ),
  currencyCode: CurrencyCode,
  net: Money,
  tax: Money,
  gross: Money,
}

const Invoice = Type.Object(
  {
    ...fields,
    issuer: Type.Object({ name: Type.String(), address: Type.String(), taxId: Type.String() }),
    recipient: Type.Object({ userId: Uuid }),
    paymentId: Uuid,
    taxBasisPoints: Type.Integer(),
    taxReason: Type.String(),
    sha256: Type.String({ description: 'Of what it says, in hexadecimal.' }),
    hasDocument: Type.Boolean(),
  },
  { title: 'Invoice' },
)

const InvoiceList = Type.Object(
  {
    invoices: Type.Array(Type.Object(fields)),
    nextCursor: Type.Optional(Uuid),
  },
  { title: 'InvoiceList' },
)

/** What the platform charged the caller, as seller and as buyer. */
export async function invoiceRoutes(app: App, { db }: { db: Kysely<Database> }): Promise<void> {
  app.get(
    INVOICES,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'listInvoices',
        summary: 'Your invoices and credit notes, the latest first',
        querystring: Type.Object(
          {
            limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
            cursor: Type.Optional(Uuid),
            orderId: Type.Optional(Uuid),
          },
          STRICT,
        ),
        response: answers({ 200: InvoiceList }),
      },
    },
    async ({ user, query: { limit, cursor, orderId } }, reply) => {
      // One extra row shows whether there is a next page.
      const read = await readInvoices(db, user.id, { after: cursor, orderId, limit: limit + 1 })
      const shown = read.slice(0, limit)
      const last = shown.at(-1)
      reply.header('cache-control', 'no-store')
      return {
        invoices: shown.map(({ id, snapshot }) => ({ id, ...parse(snapshot) })),
        ...(last === undefined || read.length <= limit ? {} : { nextCursor: last.id }),
      }
    },
  )
  readRoutes(app, db)
}

function readRoutes(app: App, db: Kysely<Database>): void {
  app.get(
    `${INVOICES}/:id`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'readInvoice',
        summary: 'One of your invoices',
        params,
        response: answers({ 200: Invoice }),
      },
    },
    async ({ user, params: { id } }, reply) => {
      const invoice = await readInvoice(db, id, user.id)
      if (invoice === undefined) throw invoiceErrors.notFound()
      reply.header('cache-control', 'no-store')
      return {
        id,
        ...parse(invoice.snapshot),
        sha256: invoice.sha256.toString('hex'),
        hasDocument: invoice.pdf !== null,
      }
    },
  )
  app.get(
    `${INVOICES}/:id/document.pdf`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'downloadInvoice',
        summary: 'One of your invoices, as PDF',
        params,
        produces: ['application/pdf'],
        response: answers({ 200: Type.String({ format: 'binary' }) }, [409]),
      },
    },
    async ({ user, params: { id } }, reply) => {
      const invoice = await readInvoice(db, id, user.id)
      if (invoice === undefined) throw invoiceErrors.notFound()
      if (invoice.pdf === null) throw invoiceErrors.notRendered()
      reply.headers({
        'content-type': 'application/pdf',
        'content-disposition': `attachment; filename="${parse(invoice.snapshot).number}.pdf"`,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      return reply.send(invoice.pdf as never)
    },
  )
}

const parse = (snapshot: string) => JSON.parse(snapshot) as InvoiceSnapshot
