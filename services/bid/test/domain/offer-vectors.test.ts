import { readFileSync } from 'node:fs'
import t from 'tap'
import { bestBidsOf } from '#src/domain/best-bids.ts'
import { close } from '#src/domain/close.ts'
import { judge } from '#src/domain/judge.ts'
import type { BidEntry, LedgerEntry } from '#src/domain/ledger.ts'
import { type Lot, type LotTerms, openLot } from '#src/domain/lot.ts'
import {
  type AfterSale,
  answerOffer,
  expire,
  makeOffer,
  nextInLine,
  OFFER_WINDOWS,
  type Offer,
  type OfferKind,
  relist,
  withOffers,
} from '#src/domain/offer.ts'
import { makeTerms, SETTINGS } from './auction.ts'

interface Step {
  at: number
  do: string
  by?: string
  maxAmount?: number
  reason?: string
  bidderId?: string
  userId?: string
  kind?: OfferKind
  days?: number
  to?: string
  unit?: number
  offerId?: string
  terms?: Config
  expect: Record<string, unknown>
}

type Config = Record<string, number | string | null>

interface Vector {
  name: string
  config: {
    terms: Config
    autoRelists?: number
    priceDropPercent?: number
    cascade?: { floor: number; days: number }
    extraUnits?: number
  }
  steps: Step[]
  final: Record<string, unknown>
}

const VECTORS: Vector[] = JSON.parse(
  readFileSync(new URL('../vectors/offers-and-relist.json', import.meta.url), 'utf8'),
)

t.equal(VECTORS.length, 18, 'every shared vector is here')

const AMOUNTS = new Set(['startPrice', 'bidIncrement', 'reservePrice', 'buyNowPrice'])

function termsFrom(config: Config): LotTerms {
  const entries = Object.entries(config).map(([key, value]) => [
    key,
    AMOUNTS.has(key) && value !== null ? BigInt(value) : value,
  ])
  return makeTerms(Object.fromEntries(entries))
}

const HOUR_MS = 3_600_000

const number = (minor: bigint | null) => (minor === null ? null : Number(minor))

/** One item on a market, through its rounds; offers are numbered over all of them. */
class Market {
  readonly #config: Vector['config']
  #terms: LotTerms
  #round = 1
  #lot: Lot
  #ledger: LedgerEntry[] = []
  #closedAtMs: number | null = null
  #freed: { unit: number; buyerId: string; isOfferable: boolean }[] = []
  readonly #barred = new Set<string>()
  readonly #unwilling = new Set<string>()
  /** Of the running round, and of those before it. */
  #offers: Offer[] = []
  #former: Offer[] = []
  #autoRelists: number

  constructor(config: Vector['config']) {
    this.#config = config
    this.#terms = termsFrom(config.terms)
    this.#lot = openLot(this.#terms)
    this.#autoRelists = config.autoRelists ?? 0
  }

  play(step: Step): Record<string, unknown> {
    const done = this.#do(step)
    return { ...this.state(step.at), ...done }
  }

  state(at = Number.POSITIVE_INFINITY): Record<string, unknown> {
    const sold = this.#offers
      .filter(({ state }) => state === 'accepted')
      .map(({ unit, userId }) => [unit, userId])
    if (this.#lot.winnerId !== null) sold.unshift([1, this.#lot.winnerId])
    return {
      phase: this.#lot.phase,
      currentPrice: number(this.#lot.currentPrice),
      leaderId: this.#lot.leaderId,
      round: this.#round,
      rounds: this.#round,
      endsAtMs: this.#lot.endsAtMs,
      sold: sold.filter(
        ([unit, buyerId]) =>
          !this.#freed.some((each) => each.unit === unit && each.buyerId === buyerId),
      ),
      openOffers: this.#offers
        .filter(
          ({ state, expiresAtMs }) => state === 'open' && (at < expiresAtMs || at === Infinity),
        )
        .map(({ offerId }) => offerId),
    }
  }

  #sale(): AfterSale {
    return {
      lot: this.#lot,
      closedAtMs: this.#closedAtMs,
      windows: OFFER_WINDOWS,
      bestBids: bestBidsOf(this.#ledger),
      offers: this.#offers,
      units: 1 + (this.#config.extraUnits ?? 0),
      freed: this.#freed,
      barred: this.#barred,
      unwilling: this.#unwilling,
      isRelisted: false,
      isHidden: false,
    }
  }

  #do(step: Step): Record<string, unknown> {
    switch (step.do) {
      case 'bid':
        return this.#bid(step)
      case 'retract':
        return this.#takeBack(this.#retracted(step), 'retracted')
      case 'void':
        return this.#takeBack((bid) => bid.bidderId === step.bidderId, 'voided')
      case 'close': {
        const verdict = close(this.#lot, step.at)
        if (verdict.outcome === 'refused') return { outcome: 'refused' }
        this.#lot = verdict.lot
        this.#closedAtMs = step.at
        const { winnerId, finalAmount } = this.#lot
        return { outcome: verdict.outcome, winnerId, finalAmount: number(finalAmount) }
      }
      case 'order_cancelled':
        return this.#cancelOrder(step)
      case 'suspend':
        this.#barred.add(step.userId ?? '')
        return { outcome: 'suspended' }
      case 'opt_out':
        this.#unwilling.add(step.userId ?? '')
        return { outcome: 'opted_out' }
      case 'offer':
        return this.#offer(step)
      case 'accept_offer':
        return this.#answer(step, 'accept')
      case 'decline_offer':
        return this.#answer(step, 'decline')
      case 'relist': {
        const verdict = relist(this.#sale(), false, step.at)
        if (verdict.outcome !== 'relisted')
          return { outcome: 'refused', code: 'item.not_relistable' }
        return this.#open(
          verdict.withdrawn,
          step.at,
          termsFrom({ ...this.#config.terms, ...step.terms }),
        )
      }
      case 'clock':
        return this.#tick(step.at)
      default:
        throw new Error(`unknown step: ${step.do}`)
    }
  }

  #bid({ at, by = '', maxAmount = 0 }: Step): Record<string, unknown> {
    const known = this.#ledger.find((entry) => 'bidderId' in entry && entry.bidderId === by)
    const verdict = judge(
      this.#lot,
      {
        bidId: `b${this.#ledger.length + 1}`,
        bidderId: by,
        bidderNumber:
          known !== undefined && 'bidderNumber' in known ? known.bidderNumber : undefined,
        maxAmount: BigInt(maxAmount),
        confirmed: true,
      },
      at,
      SETTINGS,
    )
    if (verdict.outcome === 'refused') {
      const { code, details } = verdict
      return { outcome: 'refused', code, requiredBid: number(details.minNextBid ?? null) }
    }
    this.#lot = verdict.lot
    this.#ledger.push(...verdict.ledger)
    return { outcome: verdict.outcome }
  }

  /** Early, all bids of the bidder; late, the latest one. */
  #retracted({ at, by }: Step): (bid: BidEntry) => boolean {
    if (this.#lot.endsAtMs - at > 12 * HOUR_MS) return (bid) => bid.bidderId === by
    const latest = this.#bids().findLast((bid) => bid.bidderId === by)
    return (bid) => bid === latest
  }

  #bids = () =>
    this.#ledger.filter(
      (entry): entry is BidEntry => entry.kind === 'manual' || entry.kind === 'proxy',
    )

  /** Bids that do not stand any more are left out, and the others judged again. */
  #takeBack(isTaken: (bid: BidEntry) => boolean, outcome: string): Record<string, unknown> {
    const left = this.#bids().filter((bid) => !isTaken(bid))
    this.#ledger = []
    this.#lot = openLot(this.#terms)
    for (const { bidderId, maxAmount, decidedAtMs } of left) {
      this.#bid({
        at: decidedAtMs,
        do: 'bid',
        by: bidderId,
        maxAmount: Number(maxAmount),
        expect: {},
      })
    }
    return { outcome }
  }

  #cancelOrder({ reason, unit = 1 }: Step): Record<string, unknown> {
    const [, userId] =
      (this.state().sold as [number, string][]).find(([each]) => each === unit) ?? []
    if (userId === undefined) return { outcome: 'refused' }
    this.#freed.push({ unit, buyerId: userId, isOfferable: true })
    return { outcome: 'cancelled', userId, strike: reason === 'unpaid' }
  }

  #offer({ at, kind = 'second_chance', days = 0, to, unit = 1 }: Step): Record<string, unknown> {
    this.#expire(at)
    const { cascade } = this.#config
    const cascadeFloor = cascade === undefined ? null : BigInt(cascade.floor)
    const offerId = this.#nextId()
    const wanted = { offerId, kind, days, unit, bidderId: to, cascadeFloor }
    const verdict = makeOffer(this.#sale(), wanted, at)
    if (verdict.outcome === 'refused') return verdict
    this.#offers.push(verdict.offer)
    const { userId, amount, expiresAtMs } = verdict.offer
    return { outcome: 'offered', offerId, userId, amount: Number(amount), expiresAtMs }
  }

  #nextId = () => `o${this.#former.length + this.#offers.length + 1}`

  #answer({ at, by = '', offerId = '' }: Step, act: 'accept' | 'decline'): Record<string, unknown> {
    // What belongs to a round that is over was withdrawn with it.
    const sale = withOffers(this.#sale(), this.#former)
    const verdict = answerOffer(sale, { offerId, act, userId: by }, at)
    if (verdict.outcome === 'refused') return verdict
    const next = this.#end(verdict.offer, at)
    const { userId, amount } = verdict.offer
    if (act === 'accept') return { outcome: 'accepted', userId, amount: Number(amount) }
    return { outcome: 'declined', ...next }
  }

  /** Stores the end of an offer and the offer that follows it. */
  #end(offer: Offer, at: number): Record<string, unknown> {
    this.#offers = [...withOffers(this.#sale(), [offer]).offers]
    if (offer.state === 'accepted') return {}
    const next = nextInLine(this.#sale(), offer, this.#nextId(), at)
    if (next === undefined) return {}
    this.#offers.push(next)
    return { nextOfferId: next.offerId, nextUserId: next.userId, nextAmount: Number(next.amount) }
  }

  #expire(at: number): Record<string, unknown>[] {
    return expire(this.#sale(), at).map((offer) => ({
      expired: offer.offerId,
      ...this.#end(offer, at),
    }))
  }

  #tick(at: number): Record<string, unknown> {
    const done = this.#expire(at)
    if (this.#autoRelists > 0) {
      const verdict = relist(this.#sale(), true, at)
      if (verdict.outcome === 'relisted') {
        this.#autoRelists -= 1
        const percent = BigInt(this.#config.priceDropPercent ?? 0)
        const lowered = (this.#terms.startPrice * (100n - percent)) / 100n
        const startPrice = lowered < 1n ? 1n : lowered
        done.push(this.#open(verdict.withdrawn, at, { ...this.#terms, startPrice }))
      }
    }
    if (done.length === 0) return { outcome: 'nothing' }
    return { ...done.at(-1), outcome: 'ticked', done }
  }

  #open(withdrawn: readonly Offer[], at: number, terms: LotTerms): Record<string, unknown> {
    const lengthMs = this.#terms.endsAtMs - this.#terms.startsAtMs
    this.#former.push(...withOffers(this.#sale(), withdrawn).offers)
    this.#offers = []
    this.#freed = []
    this.#ledger = []
    this.#closedAtMs = null
    this.#round += 1
    this.#terms = { ...terms, round: this.#round, startsAtMs: at, endsAtMs: at + lengthMs }
    this.#lot = openLot(this.#terms)
    return {
      outcome: 'relisted',
      round: this.#round,
      relistOf: this.#round - 1,
      withdrawn: withdrawn.map(({ offerId }) => offerId),
      startPrice: Number(this.#terms.startPrice),
      startsAtMs: at,
      endsAtMs: this.#terms.endsAtMs,
    }
  }
}

const pick = (shown: Record<string, unknown>, wanted: Record<string, unknown>) =>
  Object.fromEntries(Object.keys(wanted).map((key) => [key, shown[key] ?? null]))

for (const { name, config, steps, final } of VECTORS) {
  t.test(name, async (t) => {
    const market = new Market(config)
    for (const [index, step] of steps.entries()) {
      const shown = market.play(step)
      t.strictSame(pick(shown, step.expect), step.expect, `step ${index + 1}: ${step.do}`)
    }
    t.strictSame(pick(market.state(), final), final, 'at the end')
  })
}
