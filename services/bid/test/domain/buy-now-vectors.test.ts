import { readFileSync } from 'node:fs'
import t from 'tap'
import { close } from '#src/domain/close.ts'
import { judge, judgePurchase } from '#src/domain/judge.ts'
import type { LedgerEntry, ReservationPayment } from '#src/domain/ledger.ts'
import { type Lot, type LotTerms, minNextBid, openLot } from '#src/domain/lot.ts'
import { giveUp, lapse, payReservation } from '#src/domain/purchase.ts'
import { applyTerms, originalTerms, termsOf } from '#src/domain/terms.ts'
import { verifyLedger } from '#src/domain/verify.ts'
import { makeTerms, SETTINGS } from './auction.ts'

type Config = Partial<Record<keyof LotTerms, number | string>>

interface Step {
  at: number
  do: 'create' | 'bid' | 'buy_now' | 'pay' | 'give_up' | 'terms' | 'close' | 'clock'
  by?: string
  maxAmount?: number
  reservePrice?: number | null
  terms?: Config
  expect: Record<string, unknown>
}

interface Vector {
  name: string
  config: Config
  steps: Step[]
  final: Record<string, unknown>
}

const VECTORS: Vector[] = JSON.parse(
  readFileSync(new URL('../vectors/buy-now.json', import.meta.url), 'utf8'),
)

t.equal(VECTORS.length, 16, 'every shared vector is here')

const AMOUNTS = new Set(['startPrice', 'bidIncrement', 'reservePrice', 'buyNowPrice'])

function termsFrom(config: Config): LotTerms {
  const entries = Object.entries(config).map(([key, value]) => [
    key,
    AMOUNTS.has(key) ? BigInt(value) : value,
  ])
  return makeTerms(Object.fromEntries(entries))
}

/** What auction refuses when the item is listed; its own test has these vectors. */
const OF_AUCTION = new Set(['buy_now_too_close_to_start'])

const PROBLEMS = new Map([
  ['the buy-now price is not above the reserve', 'buy_now_not_above_reserve'],
  ['buy-now is not for this type', 'buy_now_not_for_this_type'],
])

const pick = (shown: Record<string, unknown>, wanted: Record<string, unknown>) =>
  Object.fromEntries(Object.keys(wanted).map((key) => [key, shown[key] ?? null]))

class Auction {
  #lot: Lot
  readonly #terms: LotTerms
  readonly #ledger: LedgerEntry[] = []
  readonly #payments: ReservationPayment[] = []
  readonly #numbers = new Map<string, number>()
  #calls = 0

  constructor(terms: LotTerms) {
    this.#terms = terms
    this.#lot = openLot(terms)
  }

  violations(): string[] {
    const terms = originalTerms(this.#lot, this.#ledger)
    return verifyLedger(terms, this.#ledger, this.#lot, SETTINGS, this.#payments)
  }

  play(step: Step): Record<string, unknown> {
    const done = this.#do(step)
    const lot = lapse(this.#lot, step.at).lot
    return { ...this.state(lot), lotOutcome: lot.outcome, ...done }
  }

  state(lot = this.#lot): Record<string, unknown> {
    const number = (minor: bigint | null) => (minor === null ? null : Number(minor))
    return {
      phase: lot.phase,
      outcome: lot.outcome,
      winnerId: lot.winnerId,
      finalAmount: number(lot.finalAmount),
      currentPrice: number(lot.currentPrice),
      leaderId: lot.leaderId,
      minNextBid: Number(minNextBid(lot, SETTINGS)),
      reserveMet: lot.reserveMet,
      buyNowAvailable: lot.buyNowAvailable,
      bidCount: lot.bidCount + lot.silentRaises,
      endsAtMs: lot.endsAtMs,
      reservedUntilMs: lot.reservedUntilMs,
    }
  }

  #do(step: Step): Record<string, unknown> {
    switch (step.do) {
      case 'create':
        return create(termsFrom({ ...configOf(this.#terms), ...step.terms }))
      case 'bid':
        return this.#bid(step)
      case 'buy_now':
        return this.#buy(step)
      case 'pay':
        return this.#pay(step)
      case 'give_up':
        return this.#giveUp(step)
      case 'terms':
        return this.#amend(step)
      case 'close':
        return this.#close(step.at)
      case 'clock':
        this.#lapse(step.at)
        return this.#close(step.at)
    }
  }

  #bid({ at, by = '', maxAmount = 0 }: Step): Record<string, unknown> {
    this.#calls += 1
    const bid = {
      bidId: `b${this.#calls}`,
      bidderId: by,
      bidderNumber: this.#numbers.get(by),
      maxAmount: BigInt(maxAmount),
      confirmed: true,
    }
    const verdict = judge(this.#lot, bid, at, SETTINGS)
    if (verdict.outcome === 'refused') return { ...verdict }
    this.#lot = verdict.lot
    if (verdict.released !== null) this.#ledger.push(verdict.released)
    this.#ledger.push(...verdict.ledger)
    if (!this.#numbers.has(by)) this.#numbers.set(by, verdict.lot.bidderCount)
    return { outcome: verdict.outcome }
  }

  #buy({ at, by = '' }: Step): Record<string, unknown> {
    this.#calls += 1
    const purchase = { purchaseId: `p${this.#calls}`, buyerId: by }
    const verdict = judgePurchase(this.#lot, purchase, at, SETTINGS)
    if (verdict.outcome === 'refused') return { ...verdict }
    this.#lot = verdict.lot
    if (verdict.released !== null) this.#ledger.push(verdict.released)
    this.#ledger.push(verdict.entry)
    return { outcome: verdict.outcome }
  }

  #pay({ at }: Step): Record<string, unknown> {
    const purchaseId = this.#lot.purchaseId ?? ''
    const verdict = payReservation(this.#lot, purchaseId, at)
    if (verdict.outcome === 'bought_now') {
      this.#lot = verdict.lot
      this.#payments.push({ purchaseId, decidedAtMs: at })
    }
    return verdict
  }

  #giveUp({ at }: Step): Record<string, unknown> {
    const released = giveUp(this.#lot, this.#lot.purchaseId ?? '', at)
    if (released === undefined) return { outcome: 'unchanged' }
    this.#lot = released.lot
    this.#ledger.push(released.entry)
    return { outcome: 'released' }
  }

  #amend({ at, reservePrice = null }: Step): Record<string, unknown> {
    const terms = {
      ...termsOf(this.#lot),
      termsVersion: this.#lot.termsVersion + 1,
      reservePrice: reservePrice === null ? null : BigInt(reservePrice),
    }
    const verdict = applyTerms(this.#lot, terms, at)
    if (verdict.outcome === 'refused') return { outcome: 'refused', code: verdict.reason }
    if (verdict.outcome === 'unchanged') return verdict
    this.#lot = verdict.lot
    if (verdict.outcome === 'amended') this.#ledger.push(...verdict.ledger)
    return { outcome: verdict.outcome }
  }

  #lapse(at: number): void {
    const { lot, entry } = lapse(this.#lot, at)
    this.#lot = lot
    if (entry !== null) this.#ledger.push(entry)
  }

  #close(at: number): Record<string, unknown> {
    const verdict = close(this.#lot, at)
    if (verdict.outcome === 'refused') return { outcome: 'refused', code: verdict.reason }
    this.#lot = verdict.lot
    return { outcome: verdict.outcome }
  }
}

const configOf = (terms: LotTerms): Config =>
  Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== null)) as Config

function create(terms: LotTerms): Record<string, unknown> {
  const verdict = applyTerms(undefined, terms, 0)
  if (verdict.outcome !== 'refused') return { outcome: verdict.outcome }
  return { outcome: 'refused', code: PROBLEMS.get(verdict.problem ?? '') }
}

for (const { name, config, steps, final } of VECTORS) {
  t.test(name, async (t) => {
    const auction = new Auction(termsFrom(config))
    for (const [index, step] of steps.entries()) {
      if (OF_AUCTION.has(String(step.expect.code))) continue
      const shown = auction.play(step)
      t.strictSame(pick(shown, step.expect), step.expect, `step ${index + 1}`)
    }
    t.strictSame(pick(auction.state(), final), final, 'at the end')
    t.strictSame(auction.violations(), [], 'the ledger replays to the lot')
  })
}
