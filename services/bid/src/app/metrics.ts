import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { OFFER_KINDS, OFFER_STATES, type OfferKind, type OfferState } from '#src/domain/offer.ts'
import type { ClosingBacklog } from '#src/infra/postgres/results.ts'
import type { BidQueue } from './bid-queue.ts'
import type { UndecidedReason } from './settle.ts'

export interface BidMetrics {
  batchSize(size: number): void
  decided(outcome: string, seconds: number): void
  /** A bid that got no decision, for a reason of ours. */
  undecided(reason: UndecidedReason): void
  /** A bid that its bidder sent too fast. */
  tooFast(): void
  reservationEnded(reason: string): void
  offer(kind: OfferKind, became: OfferState): void
  watchQueue(queue: Pick<BidQueue, 'length' | 'heldBids' | 'lanes'>): void
}

/** Decisions by outcome, batch size, time to a decision and bids waiting. */
export function createBidMetrics(registry: Registry): BidMetrics {
  const registers = [registry]
  const decisions = new Counter({
    name: 'bid_decisions_total',
    help: 'Bids by outcome: leading, outbid, repeated, the code of the refusal, or why none was made.',
    labelNames: ['outcome'],
    registers,
  })
  const sizes = new Histogram({
    name: 'bid_batch_size',
    help: 'Bids decided in one transaction.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers,
  })
  const duration = new Histogram({
    name: 'bid_decision_seconds',
    help: 'From the arrival of a bid in this process to its commit.',
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
    registers,
  })
  const children = new Map<string, { inc(): void }>()
  const count = (outcome: string) => {
    let child = children.get(outcome)
    if (child === undefined) {
      child = decisions.labels({ outcome })
      children.set(outcome, child)
    }
    child.inc()
  }
  // Known from the start, so that the first one of a bad day is already an increase.
  for (const outcome of ['waited_too_long', 'queue_full', 'unavailable', 'failed']) {
    decisions.inc({ outcome }, 0)
  }
  return {
    batchSize: (size) => sizes.observe(size),
    decided(outcome, seconds) {
      count(outcome)
      duration.observe(seconds)
    },
    undecided: count,
    reservationEnded: countReservations(registry),
    offer: countOffers(registry),
    tooFast: () => count('too_many_bids'),
    watchQueue(queue) {
      const watch = (name: string, help: string, read: () => number) =>
        new Gauge({
          name,
          help,
          registers,
          collect() {
            this.set(read())
          },
        })
      watch(
        'bid_queue_length',
        'Bids waiting for the next batch or for a held lot.',
        () => queue.length,
      )
      watch(
        'bid_held_bids_waiting',
        'Bids waiting for a lot that another transaction holds.',
        () => queue.heldBids,
      )
      watch(
        'bid_lanes_open',
        'Held lots that a transaction of their own waits for or decides.',
        () => queue.lanes,
      )
    },
  }
}

/** The worker counts those that were released, the API those that were paid. */
function countReservations(registry: Registry): (reason: string) => void {
  const ends = new Counter({
    name: 'bid_reservations_ended_total',
    help: 'Reservations of lots by how they ended: paid, lapsed or cancelled.',
    labelNames: ['reason'],
    registers: [registry],
  })
  for (const reason of ['paid', 'lapsed', 'cancelled']) ends.inc({ reason }, 0)
  return (reason) => ends.inc({ reason })
}

/** The worker counts those that expired, and the offers that follow them. */
function countOffers(registry: Registry): (kind: OfferKind, became: OfferState) => void {
  const offers = new Counter({
    name: 'bid_offers_total',
    help: 'Offers to bidders of closed lots by what they became; open: made.',
    labelNames: ['kind', 'state'],
    registers: [registry],
  })
  for (const kind of OFFER_KINDS) {
    for (const state of OFFER_STATES) offers.inc({ kind, state }, 0)
  }
  return (kind, state) => offers.inc({ kind, state })
}

export interface CloserMetrics {
  closed(outcome: string, lagSeconds: number): void
  extendedAfterOutage(): void
  backlog(backlog: ClosingBacklog): void
  reservationEnded(reason: string): void
  /** How long the oldest reservation that is not written down as over has been over. */
  reservations(overdueSeconds: number): void
  offer(kind: OfferKind, became: OfferState): void
  /** How long the oldest offer that is not written down as over has been over. */
  offers(overdueSeconds: number): void
}

/**
 * Lots closed by outcome, how late, how many are open and how overdue the oldest is; lots extended
 * after an outage, and how long ago it was proved that bids can be placed.
 */
export function createCloserMetrics(registry: Registry): CloserMetrics {
  const registers = [registry]
  const closings = new Counter({
    name: 'bid_lots_closed_total',
    help: 'Lots closed by outcome.',
    labelNames: ['outcome'],
    registers,
  })
  const lag = new Histogram({
    name: 'bid_close_lag_seconds',
    help: 'From the end of a lot to its closing; two seconds of it are the grace for late commits.',
    buckets: [2, 2.5, 3, 4, 5, 10, 30, 60, 600],
    registers,
  })
  const open = new Gauge({ name: 'bid_lots_open', help: 'Lots not closed yet.', registers })
  // The charts add workers before this many closings are published (ScaledObject of auction).
  const ending = new Gauge({
    name: 'bid_lots_ending_soon',
    help: 'Open lots that end within the next two minutes.',
    registers,
  })
  const overdue = new Gauge({
    name: 'bid_close_overdue_seconds',
    help: 'Age of the oldest end that has not been closed.',
    registers,
  })
  const outages = new Counter({
    name: 'bid_outage_extensions_total',
    help: 'Lots whose end was moved because bids could not be placed before it.',
    registers,
  })
  const proof = new Gauge({
    name: 'bid_last_proof_age_seconds',
    help: 'How long ago a bid API last proved that bids can be placed; 0 before the first proof.',
    registers,
  })
  const reservations = new Gauge({
    name: 'bid_reservations_overdue_seconds',
    help: 'How long the oldest reservation that was not released has been over.',
    registers,
  })
  const offers = new Gauge({
    name: 'bid_offers_overdue_seconds',
    help: 'How long the oldest offer that was not ended has been over.',
    registers,
  })
  return {
    offer: countOffers(registry),
    offers: (overdueSeconds) => offers.set(overdueSeconds),
    reservationEnded: countReservations(registry),
    reservations: (overdueSeconds) => reservations.set(overdueSeconds),
    extendedAfterOutage: () => outages.inc(),
    closed(outcome, lagSeconds) {
      closings.inc({ outcome })
      lag.observe(lagSeconds)
    },
    backlog({ openLots, endingSoon, overdueSeconds, proofAgeSeconds }) {
      open.set(openLots)
      ending.set(endingSoon)
      overdue.set(overdueSeconds)
      proof.set(proofAgeSeconds)
    },
  }
}
