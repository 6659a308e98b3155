import t from 'tap'
import type { LotTerms } from '#src/domain/lot.ts'
import { applyTerms, type TermsVerdict, termsOf } from '#src/domain/terms.ts'
import { ENDS_AT_MS, makeTerms, play, STARTS_AT_MS } from './auction.ts'

/** Applies the next version of a lot's terms with these changes. */
function edit(
  auction: ReturnType<typeof play>,
  changes: Partial<LotTerms>,
  nowMs = STARTS_AT_MS,
): TermsVerdict {
  const { lot } = auction
  const terms = { ...termsOf(lot), termsVersion: lot.termsVersion + 1, ...changes }
  const verdict = applyTerms(lot, terms, nowMs)
  if ('lot' in verdict) auction.replace(verdict.lot, 'ledger' in verdict ? verdict.ledger : [])
  return verdict
}

t.test('the first terms make a lot, also after its end so that it can be closed', async (t) => {
  const terms = makeTerms({ reservePrice: 2000n, maxTotalExtensionMs: 5000 })
  t.match(applyTerms(undefined, terms, ENDS_AT_MS + 1), {
    outcome: 'created',
    lot: { phase: 'open', sequence: 0, reserveMet: false, hardEndsAtMs: ENDS_AT_MS + 5000 },
  })
})

t.test('a lot gives back the terms it was made of', async (t) => {
  const terms = makeTerms({ reservePrice: 2000n, maxTotalExtensionMs: 5000, maxExtensions: 3 })
  const verdict = applyTerms(undefined, terms, STARTS_AT_MS)
  t.strictSame('lot' in verdict && termsOf(verdict.lot), terms)
})

t.test('the same version again changes nothing, also when the lot is closed', async (t) => {
  const auction = play()
  t.strictSame(applyTerms(auction.lot, makeTerms(), STARTS_AT_MS), { outcome: 'unchanged' })
  t.strictSame(applyTerms({ ...auction.lot, phase: 'closed' }, makeTerms(), ENDS_AT_MS), {
    outcome: 'unchanged',
  })
})

t.test('an older version is refused', async (t) => {
  const auction = play({ termsVersion: 5 })
  t.match(edit(auction, { termsVersion: 4 }), { outcome: 'refused', reason: 'stale_version' })
})

t.test('without bids everything may change but the currency', async (t) => {
  const auction = play({ buyNowPrice: 9000n })
  t.match(edit(auction, { startPrice: 500n, endsAtMs: ENDS_AT_MS + 1, buyNowPrice: null }), {
    outcome: 'replaced',
    lot: {
      startPrice: 500n,
      originalEndsAtMs: ENDS_AT_MS + 1,
      buyNowAvailable: false,
      termsVersion: 2,
      sequence: 1,
    },
  })
  t.match(edit(auction, { currencyCode: 'EUR' }), { reason: 'currency_fixed' })
  t.match(edit(auction, { endsAtMs: STARTS_AT_MS + 5 }, STARTS_AT_MS + 5), {
    reason: 'invalid_terms',
  })
})

t.test('with bids, nothing that a bidder relies on may change', async (t) => {
  const auction = play({ reservePrice: 5000n })
  auction.accepted('A', 2000n)
  const changes: Partial<LotTerms>[] = [
    { startPrice: 999n },
    { bidIncrement: null },
    { bidIncrement: 51n },
    { buyNowPrice: 9000n },
    { startsAtMs: STARTS_AT_MS - 1 },
    { endsAtMs: ENDS_AT_MS + 1 },
    { extensionThresholdMs: 1 },
    { extensionDurationMs: 1 },
    { extensionMode: 'from_bid' },
    { maxTotalExtensionMs: 1 },
    { maxExtensions: 1 },
    { type: 'dutch' },
    { round: 2 },
    { reservePrice: 5001n },
  ]
  for (const change of changes) {
    t.match(edit(auction, change), { outcome: 'refused', reason: 'has_bids' }, inspect(change))
  }
  t.equal(auction.lot.termsVersion, 1)
})

t.test('with bids, a reserve cannot be added', async (t) => {
  const auction = play()
  auction.accepted('A', 2000n)
  t.match(edit(auction, { reservePrice: 1n }), { outcome: 'refused', reason: 'has_bids' })
})

t.test('an edit that requires no bids is refused with bids, though no term differs', async (t) => {
  const auction = play()
  const renamed = () => {
    const { lot } = auction
    const terms = { ...termsOf(lot), termsVersion: lot.termsVersion + 1 }
    return applyTerms(lot, terms, STARTS_AT_MS, true)
  }
  t.match(renamed(), { outcome: 'replaced' })
  auction.accepted('A', 2000n)
  t.strictSame(renamed(), { outcome: 'refused', reason: 'has_bids' })
})

t.test('with bids, a new version with the same terms is a longer description', async (t) => {
  const auction = play({ reservePrice: 5000n })
  auction.accepted('A', 2000n)
  t.match(edit(auction, {}), {
    outcome: 'amended',
    reserveJustMet: false,
    lot: { termsVersion: 2, sequence: 2, currentPrice: 2000n },
  })
  t.equal(auction.refused('B', 3000n, STARTS_AT_MS, { termsVersion: 1 }), 'bid.terms_changed')
})

t.test('a reserve lowered to or below the leader maximum is met at once', async (t) => {
  for (const reservePrice of [2000n, 1500n, null]) {
    const auction = play({ reservePrice: 5000n, buyNowPrice: 9000n })
    auction.accepted('A', 2000n)
    t.equal(auction.lot.buyNowAvailable, true)
    t.match(edit(auction, { reservePrice }, ENDS_AT_MS - 1), {
      outcome: 'amended',
      reserveJustMet: true,
      lot: {
        reserveMet: true,
        reservePrice,
        currentPrice: 2000n,
        buyNowAvailable: false,
        endsAtMs: ENDS_AT_MS,
      },
      ledger: [{ kind: 'terms', sequence: 2, previousReservePrice: 5000n, reservePrice }],
    })
    t.match(auction.accepted('B', 3000n).lot, { currentPrice: 2050n, leaderId: 'B' })
  }
})

t.test('a reserve lowered to above the leader maximum is still not met', async (t) => {
  const auction = play({ reservePrice: 5000n, buyNowPrice: 9000n })
  auction.accepted('A', 2000n)
  t.match(edit(auction, { reservePrice: 2001n }), {
    outcome: 'amended',
    reserveJustMet: false,
    lot: { reserveMet: false, buyNowAvailable: true },
  })
  t.match(auction.accepted('A', 3000n), { reserveJustMet: true, lot: { currentPrice: 2001n } })
})

t.test(
  'dropping a reserve that is met neither moves the price nor brings buy-now back',
  async (t) => {
    const auction = play({ reservePrice: 2000n, buyNowPrice: 9000n })
    auction.accepted('A', 4000n)
    t.match(edit(auction, { reservePrice: null }), {
      reserveJustMet: false,
      lot: { currentPrice: 2000n, buyNowAvailable: false },
    })
  },
)

t.test('a buy-now price that is gone stays gone when the reserve is lowered', async (t) => {
  const auction = play({ reservePrice: 5000n, buyNowPrice: 9000n })
  auction.accepted('A', 2000n)
  // So it is left by a retraction that took the reserve back below what is met.
  auction.replace({ ...auction.lot, buyNowAvailable: false })
  t.match(edit(auction, { reservePrice: 3000n }), {
    outcome: 'amended',
    lot: { reserveMet: false, buyNowAvailable: false },
  })
})

t.test('the terms of a lot that is over or reserved stay', async (t) => {
  const auction = play()
  t.match(edit(auction, {}, ENDS_AT_MS), { outcome: 'refused', reason: 'not_active' })
  for (const phase of ['reserved', 'closed', 'cancelled'] as const) {
    const terms = makeTerms({ termsVersion: 2 })
    const verdict = applyTerms({ ...auction.lot, phase }, terms, STARTS_AT_MS)
    t.match(verdict, { outcome: 'refused', reason: 'not_active' })
  }
})

t.test('terms that no auction can be held under are refused', async (t) => {
  const wrong: Partial<LotTerms>[] = [
    { currencyCode: 'XXX' },
    { startPrice: 0n },
    { bidIncrement: 0n },
    { reservePrice: 0n },
    { buyNowPrice: 1000n },
    { buyNowPrice: 5000n, reservePrice: 5000n },
    { endsAtMs: STARTS_AT_MS },
    { endsAtMs: Number.NaN },
    { extensionThresholdMs: -1 },
    { maxExtensions: -1 },
  ]
  for (const change of wrong) {
    const verdict = applyTerms(undefined, makeTerms(change), STARTS_AT_MS)
    t.match(verdict, { outcome: 'refused', reason: 'invalid_terms' }, inspect(change))
  }
  const { lot } = play()
  for (const change of [{ itemId: 'other' }, { sellerId: 'other' }]) {
    t.match(applyTerms(lot, makeTerms({ ...change, termsVersion: 2 }), STARTS_AT_MS), {
      outcome: 'refused',
      reason: 'invalid_terms',
    })
  }
})

function inspect(change: Partial<LotTerms>): string {
  return Object.entries(change)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')
}
