import type { ApplyTermsAnswer, ApplyTermsRequest } from '@auction/common/contracts/terms.ts'
import { parseAmount } from '@auction/common/money.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import type { Lot, LotTerms } from '#src/domain/lot.ts'
import { lapse } from '#src/domain/purchase.ts'
import type { BidSettings } from '#src/domain/settings.ts'
import { applyTerms, type TermsRefusal } from '#src/domain/terms.ts'
import { bidErrors } from '#src/errors.ts'
import { insertTermsChange } from '#src/infra/postgres/ledger.ts'
import { insertLot, lockLot, updateLot } from '#src/infra/postgres/lots.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { BidEvents } from './bid-events.ts'
import { writeRelease } from './release-reservations.ts'

const MINUTE_MS = 60_000

/** Terms in the form that the rules take. Throws lot.invalid_terms naming the field. */
export function readTerms(wire: ApplyTermsRequest): LotTerms {
  const amount = (
    field: 'startPrice' | 'bidIncrement' | 'reservePrice' | 'buyoutPrice' | 'deposit',
  ) => {
    const text = wire[field]
    if (text === undefined) return null
    const parsed = parseAmount(text, wire.currencyCode)
    if (!parsed.ok) throw bidErrors.lotInvalidTerms({ field, reason: parsed.reason })
    return parsed.minor
  }
  const startPrice = amount('startPrice')
  if (startPrice === null) throw bidErrors.lotInvalidTerms({ field: 'startPrice' })
  return {
    itemId: wire.itemId,
    sellerId: wire.sellerId,
    type: wire.type,
    currencyCode: wire.currencyCode,
    termsVersion: wire.termsVersion,
    round: wire.round,
    startPrice,
    bidIncrement: amount('bidIncrement'),
    reservePrice: amount('reservePrice'),
    buyNowPrice: amount('buyoutPrice'),
    buyNowMode: wire.buyoutMode ?? 'immediate',
    buyNowReservationMs: (wire.buyoutReservationMinutes ?? 0) * MINUTE_MS,
    deposit: amount('deposit'),
    startsAtMs: Date.parse(wire.startDate),
    endsAtMs: Date.parse(wire.endDate),
    extensionThresholdMs: wire.extensionThresholdMinutes * MINUTE_MS,
    extensionDurationMs: wire.extensionDurationMinutes * MINUTE_MS,
    extensionMode: wire.extensionMode,
    maxTotalExtensionMs: wire.maxExtensionMinutes * MINUTE_MS,
    maxExtensions: wire.maxExtensions,
  }
}

export interface ApplyTermsDependencies {
  db: Kysely<Database>
  events: BidEvents
  settings: BidSettings
}

/**
 * Creates a lot or changes its terms under its lock; an edit and a first bid cannot both succeed.
 * The same version again is `unchanged`, so callers retry freely. Throws lot.* when refused.
 */
export async function applyLotTerms(
  dependencies: ApplyTermsDependencies,
  terms: LotTerms,
  trace: Trace,
  requiresNoBids = false,
): Promise<ApplyTermsAnswer> {
  const { termsVersion } = terms
  const { db, events } = dependencies
  /** A reservation that lapsed is written down with the change that comes after it. */
  const update = async (
    tx: Transaction<Database>,
    stored: Lot | undefined,
    next: Lot,
    nowMs: number,
  ) => {
    await updateLot(tx, next)
    const entry = stored === undefined ? null : lapse(stored, nowMs).entry
    if (stored !== undefined && entry !== null)
      await writeRelease(tx, dependencies, stored, entry, trace)
  }
  return outboxTransaction(db, async (tx) => {
    const judgeLocked = async () => {
      const lot = await lockLot(tx, terms.itemId)
      // The clock is read after the lock: an edit that waited for it may have come too late.
      const nowMs = (await readClock(tx)).getTime()
      const now = lot === undefined ? lot : lapse(lot, nowMs).lot
      return { lot, nowMs, verdict: applyTerms(now, terms, nowMs, requiresNoBids) }
    }
    let judged = await judgeLocked()
    if (judged.verdict.outcome === 'created' && !(await insertLot(tx, judged.verdict.lot))) {
      // Another caller created it since, so the terms are judged against that lot.
      judged = await judgeLocked()
    }
    const { lot, nowMs, verdict } = judged
    switch (verdict.outcome) {
      case 'created':
        return { outcome: 'created', termsVersion, sequence: verdict.lot.sequence }
      case 'unchanged':
        return { outcome: 'unchanged', termsVersion, sequence: lot?.sequence ?? 0 }
      case 'replaced':
        await update(tx, lot, verdict.lot, nowMs)
        return { outcome: 'replaced', termsVersion, sequence: verdict.lot.sequence }
      case 'amended':
        await update(tx, lot, verdict.lot, nowMs)
        await insertTermsChange(tx, verdict.lot.itemId, verdict.ledger[0])
        if (verdict.reserveJustMet) {
          await events.write(tx, events.ofReserveMet(verdict.lot, trace))
        }
        return { outcome: 'replaced', termsVersion, sequence: verdict.lot.sequence }
      case 'refused':
        throw refusal(verdict.reason, verdict.problem)
    }
  })
}

/** The error that says why terms were refused. */
export function refusal(reason: TermsRefusal, problem: string | undefined) {
  switch (reason) {
    case 'has_bids':
    case 'currency_fixed':
      return bidErrors.lotHasBids({ reason })
    case 'stale_version':
      return bidErrors.lotStaleTerms()
    case 'not_active':
      return bidErrors.lotNotActive()
    case 'invalid_terms':
      return bidErrors.lotInvalidTerms({ reason: problem ?? reason })
  }
}
