import { readFileSync } from 'node:fs'
import t from 'tap'
import { type BidderStanding, judge, judgePurchase } from '#src/domain/judge.ts'
import { openLot } from '#src/domain/lot.ts'
import { applyTerms } from '#src/domain/terms.ts'
import { makeBid, makeTerms, play, SETTINGS } from './auction.ts'

interface Vector {
  name: string
  deposit: number | null
  /** Milliseconds after the start. The lot lasts a day. */
  at: number
  held: { amount: number; until: number | null }[] | null
  by?: string
  standing?: BidderStanding
  do?: 'buy_now'
  maxAmount?: number
  expect: { outcome: string; code?: string; deposit?: number }
}

const VECTORS: Vector[] = JSON.parse(
  readFileSync(new URL('../vectors/deposits.json', import.meta.url), 'utf8'),
)
const DAY_MS = 86_400_000

t.equal(VECTORS.length, 18, 'every vector is here')

for (const { name, deposit, at, held, by = 'ann', standing, maxAmount, ...vector } of VECTORS) {
  t.test(name, async (t) => {
    const lot = openLot(
      makeTerms({
        deposit: deposit === null ? null : BigInt(deposit),
        buyNowPrice: 9000n,
        startsAtMs: 0,
        endsAtMs: DAY_MS,
      }),
    )
    const deposits = held?.map(({ amount, until }) => ({
      amount: BigInt(amount),
      heldUntilMs: until,
    }))
    const verdict =
      vector.do === 'buy_now'
        ? judgePurchase(lot, { purchaseId: 'p', buyerId: by, deposits }, at, SETTINGS)
        : judge(
            lot,
            makeBid(by, BigInt(maxAmount ?? 2000), { deposits, bidderStanding: standing }),
            at,
            SETTINGS,
          )
    const refusal = verdict.outcome === 'refused' ? verdict : undefined
    const wanted = refusal?.details.deposit
    t.strictSame(
      {
        outcome: verdict.outcome,
        ...(refusal === undefined ? {} : { code: refusal.code }),
        ...(wanted === undefined ? {} : { deposit: Number(wanted) }),
      },
      vector.expect,
    )
  })
}

t.test('the deposit is a term like others: fixed as soon as there is a bid', async (t) => {
  const terms = makeTerms({ deposit: 5000n })
  const auction = play({ deposit: 5000n })
  const at = terms.startsAtMs
  const changed = { ...terms, termsVersion: 2, deposit: 6000n }
  t.match(applyTerms(auction.lot, changed, at), { outcome: 'replaced', lot: { deposit: 6000n } })
  const deposits = [{ amount: 5000n, heldUntilMs: null }]
  t.equal(auction.bid('ann', 2000n, at, { deposits }).outcome, 'leading')
  t.match(applyTerms(auction.lot, changed, at), { outcome: 'refused', reason: 'has_bids' })
  t.match(applyTerms(auction.lot, { ...changed, deposit: null }, at), { reason: 'has_bids' })
  t.match(applyTerms(auction.lot, { ...terms, termsVersion: 2 }, at), { outcome: 'amended' })
})

t.test('a deposit of nothing is none', async (t) => {
  t.match(applyTerms(undefined, makeTerms({ deposit: 0n }), 0), {
    outcome: 'refused',
    problem: 'the deposit is not positive',
  })
})
