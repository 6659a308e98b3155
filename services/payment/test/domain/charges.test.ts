import { randomUUID } from 'node:crypto'
import { NEXT_PATH } from '@auction/common/contracts/item-summaries.ts'
import fc from 'fast-check'
import t from 'tap'
import {
  type ChargeTables,
  type CommissionRate,
  chargesOf,
  commissionOf,
  decideCharges,
  pickRate,
  type TaxRate,
  taxInside,
} from '#src/domain/charges.ts'
import { captured } from '#src/domain/sale.ts'

const AT = new Date('2026-07-01T12:00:00Z')
const SELLER = randomUUID()
const [WATCHES, JEWELLERY] = [randomUUID(), randomUUID()]

function rate(changes: Partial<CommissionRate> = {}): CommissionRate {
  return {
    id: randomUUID(),
    categoryId: null,
    sellerId: null,
    currencyCode: null,
    basisPoints: 1_000,
    minAmount: null,
    maxAmount: null,
    validFrom: new Date('2026-01-01T00:00:00Z'),
    validTo: null,
    createdAt: new Date('2025-12-01T00:00:00Z'),
    ...changes,
  }
}

function taxRate(changes: Partial<TaxRate> = {}): TaxRate {
  const { validFrom, validTo, createdAt } = rate()
  return {
    jurisdiction: 'DE',
    kind: 'commission',
    basisPoints: 1_900,
    validFrom,
    validTo,
    createdAt,
    ...changes,
  }
}

const SALE = {
  sellerId: SELLER,
  categoryIds: [WATCHES, JEWELLERY],
  currencyCode: 'EUR',
  sellerGross: 10_000n,
  premium: 1_190n,
}

const decide = (tables: Partial<ChargeTables>, sale = SALE) =>
  decideCharges(sale, { commissionRates: [], taxRates: [], jurisdiction: undefined, ...tables }, AT)

t.test(
  'the closest rate decides: seller, then category, then currency, then the newest',
  async (t) => {
    const rates = {
      all: rate(),
      euro: rate({ currencyCode: 'EUR' }),
      above: rate({ categoryId: JEWELLERY }),
      category: rate({ categoryId: WATCHES }),
      categoryInEuro: rate({ categoryId: WATCHES, currencyCode: 'EUR' }),
      seller: rate({ sellerId: SELLER }),
      sellerAndCategory: rate({ sellerId: SELLER, categoryId: JEWELLERY }),
    }
    const foreign = [
      rate({ sellerId: randomUUID() }),
      rate({ categoryId: randomUUID() }),
      rate({ currencyCode: 'USD' }),
      rate({ validFrom: new Date(AT.getTime() + 1) }),
      rate({ validTo: AT }),
    ]
    const order = Object.values(rates)
    for (let count = 1; count <= order.length; count += 1) {
      const some = order.slice(0, count)
      t.equal(pickRate(SALE, [...foreign, ...some], AT), some.at(-1), `${count} rates`)
      t.equal(pickRate(SALE, [...some].reverse(), AT), some.at(-1), `${count} rates, reversed`)
    }
    t.equal(pickRate(SALE, foreign, AT), undefined)
    const newer = rate({ validFrom: new Date('2026-06-01T00:00:00Z') })
    t.equal(pickRate(SALE, [newer, rates.all], AT), newer)
    const corrected = rate({
      validFrom: newer.validFrom,
      createdAt: new Date('2026-05-01T00:00:00Z'),
    })
    t.equal(pickRate(SALE, [corrected, newer, rates.all], AT), corrected)
  },
)

t.test('no order and no choice of categories makes a sale cheaper than one of them', async (t) => {
  const gifts = randomUUID()
  const rates = [
    rate({ basisPoints: 1_000 }),
    rate({ categoryId: gifts, basisPoints: 500 }),
    rate({ categoryId: JEWELLERY, basisPoints: 1_500 }),
  ]
  const points = (...paths: string[][]) => {
    const categoryIds = paths.flatMap((path, index) => (index === 0 ? path : [NEXT_PATH, ...path]))
    return pickRate({ ...SALE, categoryIds }, rates, AT)?.basisPoints
  }
  const wrist = [WATCHES, JEWELLERY]
  t.equal(points([gifts]), 500)
  t.equal(points(wrist), 1_500)
  t.equal(points([gifts], wrist), 1_500)
  t.equal(points(wrist, [gifts]), 1_500)
  t.equal(points([gifts], [randomUUID()]), 1_000, 'one without a rate has that of all')
  t.equal(points(), 1_000)
  // Of one path the closest still decides, when it is the cheaper one as well.
  rates.push(rate({ categoryId: WATCHES, basisPoints: 700 }))
  t.equal(points([gifts], wrist), 700)
})

const NEAR = ['near', 'middle', 'top'] as const
const FAR = ['far', 'top'] as const

/** What a person reads out of a table of rates: the first line of this order that has any, and of it the newest. */
function readOut(path: readonly string[], rates: readonly CommissionRate[]) {
  const lines = [SELLER, null].flatMap((sellerId) =>
    [...path, null].flatMap((categoryId) =>
      ['EUR', null].map((currencyCode) => ({ sellerId, categoryId, currencyCode })),
    ),
  )
  for (const line of lines) {
    let newest: CommissionRate | undefined
    for (const one of rates) {
      if (one.validFrom > AT || (one.validTo !== null && one.validTo <= AT)) continue
      if (one.sellerId !== line.sellerId || one.categoryId !== line.categoryId) continue
      if (one.currencyCode !== line.currencyCode) continue
      if (newest === undefined || one.validFrom > newest.validFrom) newest = one
    }
    if (newest !== undefined) return newest
  }
}

t.test('any table of rates is read as a person reads it, path by path', async (t) => {
  const one = fc.record({
    categoryId: fc.constantFrom(null, ...NEAR, 'far', 'elsewhere'),
    sellerId: fc.constantFrom(null, null, SELLER, 'another'),
    currencyCode: fc.constantFrom(null, 'EUR', 'USD'),
    basisPoints: fc.integer({ min: 0, max: 10_000 }),
    minAmount: fc.option(fc.bigInt({ min: 0n, max: 9_000n })),
    isOver: fc.boolean(),
  })
  const property = fc.property(fc.array(one, { maxLength: 14 }), (drawn) => {
    // Each begins at another instant, the last of them later than the sale.
    const rates = drawn.map(({ isOver, ...changes }, index) =>
      rate({
        ...changes,
        validFrom: new Date(AT.getTime() + (index - 11) * 1_000),
        validTo: isOver && index < 11 ? AT : null,
      }),
    )
    const cost = (found: CommissionRate | undefined) =>
      found === undefined ? 0n : commissionOf(SALE.sellerGross, found)
    const of = (...categoryIds: string[]) => pickRate({ ...SALE, categoryIds }, rates, AT)
    for (const path of [NEAR, FAR, []]) {
      const [found, expected] = [of(...path), readOut(path, rates)]
      if (found !== expected) throw new Error(`${found?.id} of ${path}, not ${expected?.id}`)
    }
    const alone = [NEAR, FAR].map((path) => cost(of(...path)))
    const dearest = alone.reduce((most, each) => (each > most ? each : most))
    for (const both of [of(...NEAR, NEXT_PATH, ...FAR), of(...FAR, NEXT_PATH, ...NEAR)])
      if (cost(both) !== dearest) throw new Error(`${cost(both)}, not ${dearest}`)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 5_000 }))
})

t.test('a rate is valid from its first instant until before its last', async (t) => {
  const one = rate({ validFrom: AT, validTo: new Date(AT.getTime() + 1) })
  t.equal(pickRate(SALE, [one], AT), one)
  t.equal(pickRate(SALE, [one], new Date(AT.getTime() + 1)), undefined)
  t.equal(pickRate(SALE, [one], new Date(AT.getTime() - 1)), undefined)
})

t.test(
  'a commission is a rounded part of the price within its bounds, and never above it',
  async (t) => {
    const cases: [bigint, Partial<CommissionRate>, bigint][] = [
      [10_000n, { basisPoints: 840 }, 840n],
      [5n, { basisPoints: 1_000 }, 1n],
      [4n, { basisPoints: 1_000 }, 0n],
      [10_000n, { basisPoints: 0 }, 0n],
      [10_000n, { basisPoints: 100, minAmount: 250n }, 250n],
      [10_000n, { basisPoints: 5_000, maxAmount: 3_000n }, 3_000n],
      [100n, { basisPoints: 100, minAmount: 250n }, 100n],
      [10_000n, { basisPoints: 10_000 }, 10_000n],
      [0n, { basisPoints: 10_000, minAmount: 5n }, 0n],
    ]
    for (const [gross, changes, expected] of cases) {
      t.equal(commissionOf(gross, rate(changes)), expected, `${gross} ${Object.values(changes)}`)
    }
  },
)

t.test('without rates nothing is taken, and no tax is invented', async (t) => {
  t.match(decide({}), {
    rateId: null,
    commission: 0n,
    commissionTax: { amount: 0n, reason: 'not_registered' },
    premiumTax: { amount: 0n, reason: 'not_registered' },
    jurisdiction: null,
  })
  const untaxed = decide({ commissionRates: [rate()], jurisdiction: 'DE' })
  t.match(untaxed, { commission: 1_000n, commissionTax: { amount: 0n, reason: 'not_registered' } })
  const elsewhere = decide({
    commissionRates: [rate()],
    taxRates: [taxRate({ jurisdiction: 'FR' })],
    jurisdiction: 'DE',
  })
  t.equal(elsewhere.commissionTax.reason, 'not_registered')
})

t.test('tax is added to a commission and is inside a premium', async (t) => {
  const tables = {
    commissionRates: [rate({ basisPoints: 1_000 })],
    taxRates: [taxRate(), taxRate({ kind: 'premium' as const })],
    jurisdiction: 'DE',
  }
  t.match(decide(tables), {
    commission: 1_000n,
    commissionTax: { amount: 190n, basisPoints: 1_900, reason: 'standard' },
    premiumTax: { amount: 190n, basisPoints: 1_900, reason: 'standard' },
  })
  t.equal(taxInside(119n, 1_900), 19n)
  t.equal(taxInside(1n, 1_900), 0n)
  const reversed = decide({ ...tables, sellerStatus: 'reverse_charge' })
  t.match(reversed.commissionTax, { amount: 0n, basisPoints: 0, reason: 'reverse_charge' })
  t.match(reversed.premiumTax, { amount: 190n, reason: 'standard' })
})

t.test(
  'commission and tax together are never more than the price, so every sale can be posted',
  async (t) => {
    const property = fc.property(
      fc.bigInt({ min: 0n, max: 2_000n }),
      fc.bigInt({ min: 0n, max: 2_000n }),
      fc.integer({ min: 0, max: 10_000 }),
      fc.integer({ min: 0, max: 10_000 }),
      fc.option(fc.bigInt({ min: 0n, max: 3_000n })),
      (sellerGross, premium, basisPoints, taxPoints, minAmount) => {
        fc.pre(sellerGross + premium > 0n)
        const sale = { ...SALE, sellerGross, premium }
        const decision = decide(
          {
            commissionRates: [rate({ basisPoints, minAmount })],
            taxRates: [
              taxRate({ basisPoints: taxPoints }),
              taxRate({ kind: 'premium', basisPoints: taxPoints }),
            ],
            jurisdiction: 'DE',
          },
          sale,
        )
        const ids = { paymentId: 'p', orderId: 'o', provider: 'stripe' }
        const { postings } = captured({ ...ids, ...sale }, chargesOf(decision))
        const total = postings.reduce((sum, { amount }) => sum + amount, 0n)
        if (total !== 0n) throw new Error(`${total} left`)
        if (postings.slice(1).some(({ amount }) => amount > 0n)) throw new Error('a negative part')
      },
    )
    t.doesNotThrow(() => fc.assert(property, { numRuns: 5_000 }))
  },
)
