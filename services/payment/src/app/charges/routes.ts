import { LINEAGE_MAX, NEXT_PATH } from '@auction/common/contracts/item-summaries.ts'
import {
  Amount,
  answers,
  CurrencyCode,
  Instant,
  OneOf,
  STRICT,
  Uuid,
} from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { formatAmount, isCurrency, parseAmount } from '@auction/common/money.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { Kysely } from 'kysely'
import { type Static, Type } from 'typebox'
import { ADMINISTRATORS } from '#src/app/administrators.ts'
import { ApprovalNeeded, approvalView } from '#src/app/approvals/approval-view.ts'
import { ask } from '#src/app/approvals/ask.ts'
import { OptionalKeyHeaders, readOptionalKey } from '#src/app/approvals/request-key.ts'
import { requireFreshProof } from '#src/app/fresh-proof.ts'
import type { ApprovalRules } from '#src/domain/approval.ts'
import { type CommissionRate, decideCharges } from '#src/domain/charges.ts'
import { chargeErrors } from '#src/errors.ts'
import {
  listCommissionRates,
  listOpenRates,
  putTaxStatus,
} from '#src/infra/postgres/sales/rate-tables.ts'
import { readChargeTables } from '#src/infra/postgres/sales/rates.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  addCommissionRate,
  addTaxRate,
  type RateCommand,
  type TaxRateCommand,
} from './set-charges.ts'

const PREFIX = '/api/v1/billing'
const LISTED_MAX = 500
/** A new rate begins at once; who looks at a list does not need it to the second. */
const FEES_MAX_AGE_SECONDS = 60
const tags = ['charges']
const BasisPoints = Type.Integer({
  minimum: 0,
  maximum: 10_000,
  description: 'Hundredths of a percent: 1000 is 10 %.',
})
const validity = {
  validFrom: Type.Optional(Instant),
  validTo: Type.Optional(Instant),
}
const ID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const Lineage = Type.String({
  pattern: `^${ID}(,${ID}){0,${LINEAGE_MAX - 1}}$`,
  description: `Ids of the category and of those above it, the closest first, by commas. Of several categories path after path with ${NEXT_PATH} between; the dearest counts.`,
})
const Jurisdiction = Type.String({ pattern: '^[A-Z]{2}(-[A-Z0-9]{1,3})?$' })

const NewRate = Type.Object(
  {
    categoryId: Type.Optional(Uuid),
    sellerId: Type.Optional(Uuid),
    currencyCode: Type.Optional(CurrencyCode),
    basisPoints: BasisPoints,
    minAmount: Type.Optional(Amount),
    maxAmount: Type.Optional(Amount),
    ...validity,
  },
  { ...STRICT, title: 'NewCommissionRate' },
)

const Rate = Type.Object(
  {
    id: Uuid,
    categoryId: Type.Optional(Uuid),
    sellerId: Type.Optional(Uuid),
    currencyCode: Type.Optional(CurrencyCode),
    basisPoints: BasisPoints,
    minAmount: Type.Optional(Type.String()),
    maxAmount: Type.Optional(Type.String()),
    validFrom: Instant,
    validTo: Type.Optional(Instant),
  },
  { title: 'CommissionRate' },
)

const Created = Type.Object({ id: Uuid }, { title: 'CreatedRate' })

const Quote = Type.Object(
  {
    commission: Type.String({ description: 'decimal string' }),
    tax: Type.String({ description: 'decimal string, on top of the commission' }),
    net: Type.String({ description: 'decimal string, what the seller gets' }),
    basisPoints: BasisPoints,
    currencyCode: CurrencyCode,
  },
  { title: 'CommissionQuote' },
)

export interface ChargeRouteOptions {
  db: Kysely<Database>
  /** Where the platform owes tax; undefined: nowhere. */
  jurisdiction: string | undefined
  /** Whether another administrator has to approve a change. */
  approvals: ApprovalRules
}

/** What sellers are charged: asked by them, and set by administrators with a fresh proof. */
export async function chargeRoutes(app: App, options: ChargeRouteOptions): Promise<void> {
  quoteRoute(app, options)
  feesRoute(app, options.db)
  rateRoutes(app, options)
  taxRoutes(app, options)
}

function quoteRoute(app: App, { db, jurisdiction }: ChargeRouteOptions): void {
  app.get(
    `${PREFIX}/commission`,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'quoteCommission',
        summary: 'What a sale of yours would cost now',
        querystring: Type.Object(
          { amount: Amount, currencyCode: CurrencyCode, categoryIds: Type.Optional(Lineage) },
          STRICT,
        ),
        response: answers({ 200: Quote }, [422]),
      },
    },
    async ({ user, query: { amount, currencyCode, categoryIds } }, reply) => {
      const sellerGross = amountOf(amount, currencyCode)
      const sale = {
        sellerId: user.id,
        categoryIds: categoryIds?.split(',') ?? [],
        currencyCode,
        sellerGross,
        premium: 0n,
      }
      const tables = await readChargeTables(db, sale, jurisdiction)
      const decision = decideCharges(sale, tables, await readClock(db))
      const { commission, basisPoints, commissionTax } = decision
      reply.header('cache-control', 'no-store')
      return {
        commission: formatAmount(commission, currencyCode),
        tax: formatAmount(commissionTax.amount, currencyCode),
        net: formatAmount(sellerGross - commission - commissionTax.amount, currencyCode),
        basisPoints,
        currencyCode,
      }
    },
  )
}

function feesRoute(app: App, db: Kysely<Database>): void {
  app.get(
    `${PREFIX}/fees`,
    {
      config: { auth: 'public' },
      schema: {
        tags,
        operationId: 'listFees',
        summary: 'The rates of commission that count now for every seller',
        description:
          'A closer category counts before one above it. Without a rate nothing is taken.',
        response: answers({
          200: Type.Object({ rates: Type.Array(Rate) }, { title: 'FeeList' }),
        }),
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', `public, max-age=${FEES_MAX_AGE_SECONDS}`)
      return { rates: (await listOpenRates(db, LISTED_MAX)).map(rateAnswer) }
    },
  )
}

function rateRoutes(app: App, { db, approvals }: ChargeRouteOptions): void {
  app.get(
    `${PREFIX}/commission-rates`,
    {
      config: ADMINISTRATORS,
      schema: {
        tags,
        operationId: 'listCommissionRates',
        summary: 'The rates of commission, those that begin last first (administrators)',
        response: answers({
          200: Type.Object({ rates: Type.Array(Rate) }, { title: 'CommissionRateList' }),
        }),
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store')
      return { rates: (await listCommissionRates(db, LISTED_MAX)).map(rateAnswer) }
    },
  )
  app.post(
    `${PREFIX}/commission-rates`,
    {
      config: ADMINISTRATORS,
      schema: {
        tags,
        operationId: 'createCommissionRate',
        summary: 'Add a rate of commission (administrators)',
        body: NewRate,
        headers: OptionalKeyHeaders,
        response: answers({ 201: Created, 202: ApprovalNeeded }, [403, 422]),
      },
    },
    async ({ user, headers, body }, reply) => {
      requireFreshProof(user)
      const command = rateOf(body)
      if (command.sellerId === user.id) throw chargeErrors.ownCharges()
      const subjectId = command.sellerId ?? command.categoryId
      const asked = { command, askedBy: user.id, idempotencyKey: readOptionalKey(headers) }
      const answer = await db.transaction().execute(async (tx) => {
        if (!approvals.isOn) return { id: await addCommissionRate(tx, command, user.id) }
        const request = { kind: 'commission_rate', subjectId, ...asked } as const
        return { approval: approvalView(await ask(tx, approvals, request)) }
      })
      reply.code('approval' in answer ? 202 : 201)
      return answer
    },
  )
}

function taxRoutes(app: App, { db, approvals }: ChargeRouteOptions): void {
  app.post(
    `${PREFIX}/tax-rates`,
    {
      config: ADMINISTRATORS,
      schema: {
        tags,
        operationId: 'createTaxRate',
        summary: 'Add a rate of tax (administrators)',
        body: Type.Object(
          {
            jurisdiction: Jurisdiction,
            kind: OneOf(['commission', 'premium']),
            basisPoints: BasisPoints,
            ...validity,
          },
          { ...STRICT, title: 'NewTaxRate' },
        ),
        headers: OptionalKeyHeaders,
        response: answers({ 201: Created, 202: ApprovalNeeded }, [403, 422]),
      },
    },
    async ({ user, headers, body: { jurisdiction, kind, basisPoints, ...times } }, reply) => {
      requireFreshProof(user)
      const command: TaxRateCommand = {
        jurisdiction,
        kind: kind === 'premium' ? 'premium' : 'commission',
        basisPoints,
        ...timesOf(times),
      }
      const asked = { command, askedBy: user.id, idempotencyKey: readOptionalKey(headers) }
      const answer = await db.transaction().execute(async (tx) => {
        if (!approvals.isOn) return { id: await addTaxRate(tx, command, user.id) }
        const request = { kind: 'tax_rate', subjectId: null, ...asked } as const
        return { approval: approvalView(await ask(tx, approvals, request)) }
      })
      reply.code('approval' in answer ? 202 : 201)
      return answer
    },
  )
  app.put(
    `${PREFIX}/tax-statuses/:userId`,
    {
      config: ADMINISTRATORS,
      schema: {
        tags,
        operationId: 'putTaxStatus',
        summary: 'Charge a user no tax from now on, and say why (administrators)',
        params: Type.Object({ userId: Uuid }),
        body: Type.Object(
          {
            reason: Type.Union([
              Type.Literal('reverse_charge'),
              Type.Literal('exempt'),
              Type.Literal('outside_scope'),
            ]),
            note: Type.String({
              minLength: 1,
              maxLength: 100,
              pattern: '^[A-Za-z0-9._:/-]+$',
              description: 'Names in your own books what proves it.',
            }),
          },
          { ...STRICT, title: 'TaxStatus' },
        ),
        headers: OptionalKeyHeaders,
        response: answers({ 202: ApprovalNeeded, 204: Type.Null() }, [403, 422]),
      },
    },
    async ({ user, headers, params: { userId }, body: { reason, note } }, reply) => {
      requireFreshProof(user)
      if (userId === user.id) throw chargeErrors.ownCharges()
      if (!approvals.isOn) {
        await putTaxStatus(db, { userId, reason, note, setBy: user.id })
        reply.code(204)
        return null
      }
      const command = { userId, reason, note }
      const asked = { command, askedBy: user.id, idempotencyKey: readOptionalKey(headers) }
      const request = { kind: 'tax_status', subjectId: userId, ...asked } as const
      const approval = await db.transaction().execute((tx) => ask(tx, approvals, request))
      reply.code(202)
      return { approval: approvalView(approval) }
    },
  )
}

function rateOf({ minAmount, maxAmount, ...body }: Static<typeof NewRate>): RateCommand {
  const { currencyCode } = body
  if (currencyCode !== undefined && !isCurrency(currencyCode)) throw chargeErrors.invalidAmount()
  const bound = (text: string | undefined) => {
    if (text === undefined) return null
    if (currencyCode === undefined) throw chargeErrors.invalidBounds()
    return amountOf(text, currencyCode)
  }
  const [min, max] = [bound(minAmount), bound(maxAmount)]
  if (min !== null && max !== null && min > max) throw chargeErrors.invalidBounds()
  return {
    categoryId: body.categoryId ?? null,
    sellerId: body.sellerId ?? null,
    currencyCode: currencyCode ?? null,
    basisPoints: body.basisPoints,
    minAmount: min === null ? null : String(min),
    maxAmount: max === null ? null : String(max),
    ...timesOf(body),
  }
}

const timesOf = ({
  validFrom,
  validTo,
}: {
  validFrom?: string | undefined
  validTo?: string | undefined
}) => ({ validFrom: validFrom ?? null, validTo: validTo ?? null })

function amountOf(text: string, currencyCode: string): bigint {
  const parsed = parseAmount(text, currencyCode, { allowZero: true })
  if (!parsed.ok) throw chargeErrors.invalidAmount({ reason: parsed.reason })
  return parsed.minor
}

function rateAnswer(rate: CommissionRate): Static<typeof Rate> {
  const { id, categoryId, sellerId, currencyCode, basisPoints, minAmount, maxAmount } = rate
  const amount = (minor: bigint | null) =>
    minor === null || currencyCode === null ? undefined : formatAmount(minor, currencyCode)
  const [min, max] = [amount(minAmount), amount(maxAmount)]
  return {
    id,
    ...(categoryId === null ? {} : { categoryId }),
    ...(sellerId === null ? {} : { sellerId }),
    ...(currencyCode === null ? {} : { currencyCode }),
    basisPoints,
    ...(min === undefined ? {} : { minAmount: min }),
    ...(max === undefined ? {} : { maxAmount: max }),
    validFrom: rate.validFrom.toISOString(),
    ...(rate.validTo === null ? {} : { validTo: rate.validTo.toISOString() }),
  }
}
