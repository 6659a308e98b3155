import assert from 'node:assert/strict'
import { close } from '#src/domain/close.ts'
import { fold } from '#src/domain/fold.ts'
import { increment } from '#src/domain/increments.ts'
import { type Bid, judge, type Verdict } from '#src/domain/judge.ts'
import type { BidEntry, LedgerEntry } from '#src/domain/ledger.ts'
import {
  announcedMinimum,
  highestTaken,
  incrementRule,
  isBuyNowOpen,
  type Lot,
  minNextBid,
  openLot,
} from '#src/domain/lot.ts'
import { extendAfterOutage } from '#src/domain/outage.ts'
import { applyTerms, originalTerms, termsOf } from '#src/domain/terms.ts'
import { verifyLedger } from '#src/domain/verify.ts'
import { SETTINGS } from './auction.ts'
import { amountOf, instantOf } from './choices.ts'
import {
  BIDDERS,
  type BidAction,
  type LowerAction,
  type OutageAction,
  type RandomAuction,
} from './random-auctions.ts'
import { createReferenceModel } from './reference-model.ts'

/** How often each thing happened; a run in which something never did has shown nothing of it. */
export type Tally = Map<string, number>

interface Table {
  lot: Lot
  nowMs: number
  ledger: LedgerEntry[]
  numbers: Map<string, number>
  reference: ReturnType<typeof createReferenceModel>
  tally: Tally
}

/** Plays an auction to its end and throws where a rule of docs/rules.md does not hold. */
export function playRandom({ terms, actions }: RandomAuction, tally: Tally): void {
  const table: Table = {
    lot: Object.freeze(openLot(terms)),
    nowMs: terms.startsAtMs,
    ledger: [],
    numbers: new Map(),
    reference: createReferenceModel(terms),
    tally,
  }
  count(tally, 'auctions')
  for (const action of actions) {
    if (action.kind === 'bid') playBid(table, action)
    else if (action.kind === 'outage') playOutage(table, action)
    else playLower(table, action)
    checkStanding(table)
    checkMinimum(table)
  }
  checkLedger(table)
  checkRetraction(table)
  checkClosing(table)
}

function playBid(table: Table, action: BidAction): void {
  const { lot, tally, numbers, reference } = table
  const nowMs = instantOf(action, lot, table)
  const bidderId = BIDDERS[action.bidder] ?? 'seller'
  const maxAmount = amountOf(action, lot, bidderId)
  const bid: Bid = {
    bidId: `bid-${table.ledger.length}`,
    bidderId,
    bidderNumber: numbers.get(bidderId),
    maxAmount,
    confirmed: action.confirmed,
  }
  const verdict = judge(lot, bid, nowMs, SETTINGS)
  count(tally, verdict.outcome === 'refused' ? verdict.code : verdict.outcome)
  assert.equal(
    verdict.outcome === 'refused' ? verdict.code : undefined,
    reference.refusal(bidderId, Number(maxAmount), nowMs, action.confirmed),
  )
  checkRefusal(table, bid, nowMs, verdict)
  if (verdict.outcome === 'refused') return
  const next = verdict.lot
  const decidedAtMs = next.lastDecidedAtMs ?? 0
  assert.ok(decidedAtMs >= Math.max(nowMs, lot.lastDecidedAtMs ?? 0), 'time ran backwards')
  reference.offer(bidderId, Number(maxAmount), decidedAtMs)
  checkMove(lot, next, bidderId, verdict.isPublic)
  assert.equal(verdict.isPublic, verdict.priceChanged || verdict.leaderChanged)
  assert.equal(verdict.priceChanged, next.currentPrice !== lot.currentPrice)
  assert.equal(verdict.leaderChanged, next.leaderId !== lot.leaderId)
  assert.equal(verdict.outbidUserId, verdict.leaderChanged ? lot.leaderId : null)
  assert.equal(verdict.outcome, next.leaderId === bidderId ? 'leading' : 'outbid')
  assert.equal(verdict.extended, next.endsAtMs > lot.endsAtMs)
  if (verdict.extended) count(tally, `extended ${lot.extensionMode}`)
  if (verdict.atHardEnd) count(tally, 'at the hard end')
  if (verdict.reserveJustMet) count(tally, 'reserve just met')
  if (!verdict.isPublic) count(tally, 'silent self-raise')
  if (lot.leaderId === bidderId && verdict.isPublic) count(tally, 'self-raise called by reserve')
  if (verdict.outcome === 'outbid' && maxAmount === lot.leaderMax) count(tally, 'tie')
  if (lot.buyNowAvailable && next.buyNowAvailable) count(tally, 'buy-now stays open')
  if (decidedAtMs > nowMs) count(tally, 'clamped instant')
  if (!numbers.has(bidderId)) numbers.set(bidderId, next.bidderCount)
  table.lot = Object.freeze(next)
  table.ledger.push(...verdict.ledger)
}

function playLower(table: Table, action: LowerAction): void {
  const { lot } = table
  const reserve = lot.reservePrice
  const kept = reserve === null ? 0n : (reserve * BigInt(action.percent)) / 100n
  const reservePrice = kept > 0n ? kept : null
  const terms = { ...termsOf(lot), termsVersion: lot.termsVersion + 1, reservePrice }
  const verdict = applyTerms(lot, terms, table.nowMs)
  if (verdict.outcome === 'refused') {
    assert.equal(verdict.reason, 'not_active')
    return
  }
  if (verdict.outcome === 'unchanged') throw new Error('a new version changed nothing')
  if (verdict.outcome === 'amended') {
    table.reference.lowerReserve(reservePrice === null ? null : Number(reservePrice))
    table.ledger.push(...verdict.ledger)
    count(table.tally, 'reserve lowered')
    if (verdict.reserveJustMet) count(table.tally, 'lowering met the reserve')
    if (!verdict.lot.reserveMet) count(table.tally, 'lowering left it unmet')
    assert.equal(verdict.lot.currentPrice, lot.currentPrice, 'lowering moved the price')
  } else {
    // There are no bids: it is simply another auction, and the model starts again with it.
    table.reference = createReferenceModel(terms, verdict.lot.outageExtensionMs)
  }
  checkOrder(lot, verdict.lot)
  table.lot = Object.freeze(verdict.lot)
}

function playOutage(table: Table, { byMs }: OutageAction): void {
  const { lot } = table
  if (lot.outageExtendedAtMs !== null) return
  table.nowMs = Math.max(table.nowMs, lot.endsAtMs - 60_000)
  const { nowMs } = table
  const { lot: extended, entry } = extendAfterOutage(lot, {
    outageFromMs: nowMs - 70_000,
    outageUntilMs: nowMs,
    decidedAtMs: Math.max(nowMs, lot.lastDecidedAtMs ?? 0),
    extendedToMs: lot.endsAtMs + byMs,
  })
  table.reference.outage(byMs)
  table.ledger.push(entry)
  count(table.tally, lot.bidCount === 0 ? 'outage before bids' : 'outage after bids')
  checkOrder(lot, extended)
  assert.equal(extended.hardEndsAtMs - extended.endsAtMs, lot.hardEndsAtMs - lot.endsAtMs)
  assert.deepEqual(
    { ...termsOf(extended), endsAtMs: 0 },
    { ...termsOf(lot), endsAtMs: 0 },
    'an outage changed the terms',
  )
  table.lot = Object.freeze(extended)
}

// A refusal for the price may depend on what the bidder can see or has said himself, on nothing
// else: with any other maximum of the leader it reads the same.
function checkRefusal(table: Table, bid: Bid, nowMs: number, verdict: Verdict): void {
  const { lot } = table
  if (verdict.outcome !== 'refused' || lot.leaderId === bid.bidderId) return
  if (lot.leaderMax === null || lot.currentPrice === null) return
  for (const leaderMax of [lot.currentPrice, lot.leaderMax + 1n, lot.leaderMax * 7n]) {
    assert.deepEqual(judge({ ...lot, leaderMax }, bid, nowMs, SETTINGS), verdict)
  }
}

function checkMove(before: Lot, after: Lot, bidderId: string, isPublic: boolean): void {
  checkOrder(before, after)
  if (!isPublic) {
    // Nothing moves but what only the leader and the service know.
    const { leaderMax, leaderBidId, lastDecidedAtMs } = after
    const silentRaises = before.silentRaises + 1
    assert.deepEqual(after, { ...before, leaderMax, leaderBidId, lastDecidedAtMs, silentRaises })
    assert.equal(bidderId, before.leaderId)
    return
  }
  assert.equal(after.sequence, before.sequence + 1)
  assert.equal(after.bidCount, before.bidCount + 1)
  assert.equal(after.silentRaises, before.silentRaises)
  if (before.currentPrice === null || after.currentPrice === null) return
  if (bidderId === before.leaderId) {
    const called = before.reservePrice !== null && !before.reserveMet
    assert.ok(called || after.currentPrice === before.currentPrice, 'a self-raise moved the price')
    return
  }
  const step = increment(incrementRule(before, SETTINGS), before.currentPrice)
  assert.ok(after.currentPrice >= before.currentPrice + step, 'a rival moved less than a step')
}

/** What holds of any two states of a lot, whatever happened between them. */
function checkOrder(before: Lot, after: Lot): void {
  const { currentPrice: price, leaderMax } = after
  assert.ok((price ?? 0n) >= (before.currentPrice ?? 0n), 'the price fell')
  assert.ok(price === null || price >= after.startPrice, 'the price is below the start')
  assert.ok(price === null || (leaderMax !== null && price <= leaderMax), 'above the maximum')
  assert.ok(after.endsAtMs >= before.endsAtMs, 'the end shrank')
  assert.ok(after.endsAtMs <= after.hardEndsAtMs, 'beyond the hard end')
  assert.ok(after.maxExtensions === 0 || after.extensionCount <= after.maxExtensions)
  assert.ok(before.bidCount === 0 || before.buyNowAvailable || !after.buyNowAvailable, 'came back')
  assert.ok(!before.reserveMet || after.reserveMet, 'a reserve that was met is not')
}

function checkStanding({ lot, ledger, reference }: Table): void {
  assert.deepEqual(
    {
      price: lot.currentPrice === null ? null : Number(lot.currentPrice),
      leader: lot.leaderId,
      minNext: Number(minNextBid(lot, SETTINGS)),
      reserveMet: lot.reserveMet,
      buyNowOpen: isBuyNowOpen(lot, SETTINGS),
      endsAtMs: lot.endsAtMs,
    },
    reference.standing(),
  )
  for (const entry of ledger) {
    if (!isBid(entry) || entry.bidderId === lot.leaderId) continue
    assert.ok(entry.maxAmount <= (lot.currentPrice ?? 0n), 'a losing maximum is above the price')
  }
}

/**
 * There is always a way to bid: the minimum that is shown is accepted, and one minor unit less is not, for every
 * bidder. None is shown, and none accepted, only where the highest bid has been reached.
 */
function checkMinimum({ lot, nowMs, tally }: Table): void {
  if (nowMs >= lot.endsAtMs) return
  if (lot.buyNowAvailable && !isBuyNowOpen(lot, SETTINGS)) {
    count(tally, 'a step over the buy-now price')
  }
  const announced = announcedMinimum(lot, SETTINGS)
  if (announced === undefined) count(tally, 'the highest bid is reached')
  else assert.equal(announced, minNextBid(lot, SETTINGS))
  for (const bidderId of ['another bidder', lot.leaderId]) {
    if (bidderId === null) continue
    const minimum = minNextBid(lot, SETTINGS, bidderId)
    const bid: Bid = { bidId: 'probe', bidderId, maxAmount: minimum, confirmed: false }
    const verdict = judge(lot, bid, nowMs, SETTINGS)
    if (verdict.outcome === 'refused') {
      assert.ok(minimum > highestTaken(lot, SETTINGS), `the minimum is refused: ${verdict.code}`)
      assert.equal(verdict.code, 'bid.amount_invalid')
      continue
    }
    const less = judge(lot, { ...bid, maxAmount: minimum - 1n }, nowMs, SETTINGS)
    assert.equal(less.outcome, 'refused')
    if (less.outcome !== 'refused' || minimum === 1n) continue
    assert.equal(less.code, 'bid.too_low')
    assert.equal(less.details.minNextBid, minimum)
  }
}

function checkLedger({ lot, ledger }: Table): void {
  const terms = originalTerms(lot, ledger)
  assert.deepEqual(verifyLedger(terms, ledger, lot, SETTINGS), [])
  // Terms that were replaced after the last entry have used up sequences.
  if (ledger.some(isBid)) assert.deepEqual(fold(terms, ledger, SETTINGS), lot)
}

/** Without one bidder's bids, what is left still adds up to an auction that obeys the rules. */
function checkRetraction({ lot, ledger, tally }: Table): void {
  if (lot.leaderId === null) return
  const left = ledger.filter((entry) => !('bidderId' in entry) || entry.bidderId !== lot.leaderId)
  const without = fold(originalTerms(lot, ledger), left, SETTINGS)
  const best = highestBid(left.filter(isBid))
  assert.equal(without.leaderId, best?.bidderId ?? null)
  assert.equal(without.leaderMax, best?.maxAmount ?? null)
  assert.equal(without.leaderBidId, best?.bidId ?? null)
  assert.ok((without.currentPrice ?? 0n) <= (lot.currentPrice ?? 0n), 'a retraction raised it')
  assert.ok((without.currentPrice ?? 0n) <= (without.leaderMax ?? 0n))
  count(tally, 'retraction replayed')
}

function checkClosing({ lot, ledger, tally }: Table): void {
  assert.deepEqual(close(lot, lot.endsAtMs - 1), { outcome: 'refused', reason: 'not_due' })
  const verdict = close(lot, lot.endsAtMs)
  count(tally, `closed ${verdict.outcome}`)
  const bids = ledger.filter(isBid)
  const winner = highestBid(bids)
  const highest = winner?.maxAmount ?? 0n
  const isSold = winner !== undefined && (lot.reservePrice === null || highest >= lot.reservePrice)
  if (verdict.outcome === 'refused') throw new Error('a lot that is due was not closed')
  assert.equal(verdict.outcome, isSold ? 'sold' : winner ? 'reserve_not_met' : 'no_bids')
  assert.equal(verdict.lot.winnerId, isSold ? winner?.bidderId : null)
  assert.equal(verdict.lot.finalAmount, isSold ? lot.currentPrice : null)
  assert.deepEqual(close(verdict.lot, lot.endsAtMs), { outcome: 'refused', reason: 'not_open' })
  const terms = originalTerms(verdict.lot, ledger)
  assert.deepEqual(verifyLedger(terms, ledger, verdict.lot, SETTINGS), [])
}

/** The highest maximum; of equal ones the earliest. */
function highestBid(bids: readonly BidEntry[]): BidEntry | undefined {
  return [...bids].sort((left, right) => Number(right.maxAmount - left.maxAmount))[0]
}

function isBid(entry: LedgerEntry): entry is BidEntry {
  return entry.kind === 'manual' || entry.kind === 'proxy'
}

function count(tally: Tally, what: string): void {
  tally.set(what, (tally.get(what) ?? 0) + 1)
}
