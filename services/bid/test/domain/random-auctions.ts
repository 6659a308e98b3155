import fc from 'fast-check'
import { tableFor } from '#src/domain/increments.ts'
import type { LotTerms } from '#src/domain/lot.ts'
import { makeTerms, STARTS_AT_MS } from './auction.ts'

/** How an amount or an instant relates to the auction at the moment it is used. */
const AMOUNTS = [
  'minimum',
  'below minimum',
  'little more',
  'much more',
  'own minimum',
  'own minimum less one',
  'tie',
  'under the tie',
  'over the tie',
  'reserve',
  'under the reserve',
  'buy now',
  'under buy now',
] as const

/** Rare, because hardly anything can follow a bid at the cap. */
const EXTREMES = ['at the cap', 'over the cap'] as const

const INSTANTS = ['next', 'earlier', 'near the end', 'last moment', 'at the end'] as const

export interface BidAction {
  kind: 'bid'
  /** The last one is the seller. */
  bidder: number
  amount: (typeof AMOUNTS)[number] | (typeof EXTREMES)[number]
  more: number
  instant: (typeof INSTANTS)[number]
  waitMs: number
  confirmed: boolean
}

export interface LowerAction {
  kind: 'lower the reserve'
  /** Percent of the reserve that stays; 0 drops it. */
  percent: number
}

/** An outage that ends shortly before the end of the lot. */
export interface OutageAction {
  kind: 'outage'
  /** By so much the end moves. */
  byMs: number
}

type Action = BidAction | LowerAction | OutageAction

export interface RandomAuction {
  terms: LotTerms
  actions: Action[]
}

export const BIDDERS = ['A', 'B', 'C', 'D', 'E', 'seller']
export const DURATION_MS = 600_000

const CURRENCIES = ['USD', 'GBP', 'EUR', 'TRY', 'JPY', 'KWD', 'KRW', 'XAF', 'CLF']

const bidAction: fc.Arbitrary<BidAction> = fc.record({
  kind: fc.constant('bid'),
  bidder: fc.oneof({ weight: 30, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.constant(5) }),
  amount: fc.oneof(
    { weight: 40, arbitrary: fc.constantFrom(...AMOUNTS) },
    {
      weight: 60,
      arbitrary: fc.constantFrom('minimum', 'little more', 'much more', 'own minimum'),
    },
    { weight: 1, arbitrary: fc.constantFrom(...EXTREMES) },
  ),
  more: fc.nat(1_000_000),
  instant: fc.oneof(
    { weight: 5, arbitrary: fc.constant<BidAction['instant']>('next') },
    { weight: 3, arbitrary: fc.constantFrom(...INSTANTS) },
  ),
  waitMs: fc.nat(30_000),
  confirmed: fc.oneof(
    { weight: 9, arbitrary: fc.constant(true) },
    { weight: 1, arbitrary: fc.constant(false) },
  ),
})

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 25, arbitrary: bidAction },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('lower the reserve'),
      percent: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 100 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('outage'),
      byMs: fc.integer({ min: 300_000, max: 1_800_000 }),
    }),
  },
)

const terms: fc.Arbitrary<LotTerms> = fc
  .record({
    currencyCode: fc.constantFrom(...CURRENCIES),
    /** Where in the table of the currency the auction starts: a band, and how far into it. */
    band: fc.nat(9),
    intoBand: fc.nat(300),
    ownIncrement: fc.oneof(
      { weight: 4, arbitrary: fc.option(fc.integer({ min: 1, max: 500 }), { nil: null }) },
      { weight: 1, arbitrary: fc.integer({ min: 501, max: 200_000 }) },
    ),
    reservePercent: fc.option(fc.integer({ min: 50, max: 800 }), { nil: null }),
    buyNowPercent: fc.oneof(
      { weight: 3, arbitrary: fc.option(fc.integer({ min: 130, max: 1_000 }), { nil: null }) },
      // So near that a step may lead over it.
      { weight: 1, arbitrary: fc.integer({ min: 100, max: 110 }) },
    ),
    extensionThresholdMs: fc.constantFrom(0, 60_000, 300_000),
    extensionDurationMs: fc.constantFrom(0, 1_000, 30_000, 300_000),
    extensionMode: fc.constantFrom('from_end' as const, 'from_bid' as const),
    maxTotalExtensionMs: fc.constantFrom(0, 20_000, 45_000, 3_600_000),
    maxExtensions: fc.constantFrom(0, 0, 1, 3),
  })
  .map((choice) => {
    const { currencyCode, band, intoBand, ownIncrement, reservePercent, buyNowPercent } = choice
    const from = tableFor(currencyCode)[band]?.from ?? 0n
    const startPrice = from + BigInt(intoBand) + 1n
    const reservePrice =
      reservePercent === null ? null : (startPrice * BigInt(reservePercent)) / 100n + 1n
    const buyNowBase =
      reservePrice !== null && reservePrice > startPrice ? reservePrice : startPrice
    return makeTerms({
      currencyCode,
      startPrice,
      bidIncrement: ownIncrement === null ? null : BigInt(ownIncrement),
      reservePrice,
      buyNowPrice: buyNowPercent === null ? null : (buyNowBase * BigInt(buyNowPercent)) / 100n + 1n,
      startsAtMs: STARTS_AT_MS,
      endsAtMs: STARTS_AT_MS + DURATION_MS,
      extensionThresholdMs: choice.extensionThresholdMs,
      extensionDurationMs: choice.extensionDurationMs,
      extensionMode: choice.extensionMode,
      maxTotalExtensionMs: choice.maxTotalExtensionMs,
      maxExtensions: choice.maxExtensions,
    })
  })

/** Any English auction: several bidders, currencies, reserve, buy-now, steps, ends. */
export const randomAuction: fc.Arbitrary<RandomAuction> = fc.record({
  terms,
  actions: fc.array(action, { minLength: 1, maxLength: 24, size: 'max' }),
})
