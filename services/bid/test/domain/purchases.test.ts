import t from 'tap'
import { judge, judgePurchase } from '#src/domain/judge.ts'
import type { ReservationPayment } from '#src/domain/ledger.ts'
import { type Lot, openLot } from '#src/domain/lot.ts'
import { lapse, payReservation } from '#src/domain/purchase.ts'
import { originalTerms } from '#src/domain/terms.ts'
import { verifyLedger } from '#src/domain/verify.ts'
import { ENDS_AT_MS, makeBid, makeTerms, SETTINGS, STARTS_AT_MS } from './auction.ts'

const MINUTE_MS = 60_000
const RESERVABLE = {
  buyNowPrice: 5_000n,
  buyNowMode: 'reserved',
  buyNowReservationMs: 10 * MINUTE_MS,
} as const

function reserve(atMs: number) {
  const lot = openLot(makeTerms(RESERVABLE))
  const bought = judgePurchase(lot, { purchaseId: 'one', buyerId: 'ann' }, atMs, SETTINGS)
  if (bought.outcome === 'refused') throw new Error(bought.code)
  return bought
}

t.test('a lot whose end passed while it was reserved takes nothing that came before it', (t) => {
  const { lot } = reserve(ENDS_AT_MS - MINUTE_MS)
  const released = lapse(lot, ENDS_AT_MS + 10 * MINUTE_MS).lot
  const beforeEndMs = ENDS_AT_MS - 1_000
  t.match(judge(released, makeBid('ben', 2_000n), beforeEndMs, SETTINGS), {
    outcome: 'refused',
    code: 'bid.ended',
  })
  const purchase = { purchaseId: 'two', buyerId: 'ben' }
  t.match(judgePurchase(released, purchase, beforeEndMs, SETTINGS), {
    outcome: 'refused',
    code: 'bid.ended',
  })
  t.end()
})

t.test('reservations that lapsed keep a buyer from no lot that is sold at once', (t) => {
  const purchase = { purchaseId: 'three', buyerId: 'ann', lapsedReservations: 2 }
  const judged = (buyNowMode: 'immediate' | 'reserved') => {
    const lot = openLot(makeTerms({ ...RESERVABLE, buyNowMode }))
    return judgePurchase(lot, purchase, STARTS_AT_MS, SETTINGS)
  }
  t.match(judged('reserved'), { outcome: 'refused', code: 'bid.reserved_too_often' })
  t.match(judged('immediate'), { outcome: 'bought_now' })
  t.end()
})

t.test('a reserved lot was bought only when one payment in time is on record', (t) => {
  const { lot, entry } = reserve(STARTS_AT_MS)
  const paid = payReservation(lot, 'one', STARTS_AT_MS + MINUTE_MS)
  if (paid.outcome !== 'bought_now') throw new Error(paid.outcome)
  const found = (state: Lot, payments: ReservationPayment[]) =>
    verifyLedger(originalTerms(state, [entry]), [entry], state, SETTINGS, payments)
  const inTime = { purchaseId: 'one', decidedAtMs: STARTS_AT_MS + MINUTE_MS }
  t.strictSame(found(paid.lot, [inTime]), [])
  t.strictSame(found(lot, []), [])
  const tooLate = { ...inTime, decidedAtMs: STARTS_AT_MS + 10 * MINUTE_MS }
  const wrong: [string, Lot, ReservationPayment[]][] = [
    ['no payment', paid.lot, []],
    ['two payments', paid.lot, [inTime, inTime]],
    ['a payment that came too late', paid.lot, [tooLate]],
    ['a payment of another purchase', paid.lot, [{ ...inTime, purchaseId: 'two' }]],
    ['a lot that is still reserved', lot, [inTime]],
    [
      'a lot that was closed without a buyer',
      { ...paid.lot, outcome: 'no_bids', winnerId: null, finalAmount: null },
      [],
    ],
  ]
  for (const [name, state, payments] of wrong)
    t.match(found(state, payments).join(), /I15|I16/, name)
  const atOnce = openLot(makeTerms({ ...RESERVABLE, buyNowMode: 'immediate' }))
  const bought = judgePurchase(
    atOnce,
    { purchaseId: 'one', buyerId: 'ann' },
    STARTS_AT_MS,
    SETTINGS,
  )
  if (bought.outcome !== 'bought_now') throw new Error(bought.outcome)
  const terms = originalTerms(bought.lot, [bought.entry])
  t.strictSame(verifyLedger(terms, [bought.entry], bought.lot, SETTINGS, []), [])
  t.match(verifyLedger(terms, [bought.entry], bought.lot, SETTINGS, [inTime]).join(), /I16/)
  t.end()
})
