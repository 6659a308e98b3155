import {
  isStalePlan,
  isTransient,
  isUnavailable,
  SQL_STATES,
  serviceUnavailable,
  sqlState,
} from '@auction/common/http/errors.ts'
import { IdempotencyRaceError } from '#src/infra/postgres/bid-batch.ts'
import type { BatchAnswer, Decision, LotCommand } from './bid-command.ts'

/** Why a bid got no decision; none is the bidder's fault, so he may try again. */
export type UndecidedReason = 'queue_full' | 'waited_too_long' | 'unavailable' | 'failed'

export interface WaitingBid {
  command: LotCommand
  resolve: (decision: Decision) => void
  reject: (error: unknown) => void
}

export interface SettleOptions {
  /** Decides and commits bids as one transaction; the answers are in the order of the bids. */
  decide: (batch: LotCommand[]) => Promise<BatchAnswer[]>
  observe?: { undecided(reason: UndecidedReason): void } | undefined
}

const RETRIES_MAX = 3
// Each retry closes one connection whose plans are of before a migration; no pool of bids has more.
const STALE_PLANS_MAX = 16

/**
 * Decides bids and answers them. Returns, in their order, those whose lot another transaction
 * holds; they are not answered.
 */
export async function settle(bids: WaitingBid[], options: SettleOptions): Promise<WaitingBid[]> {
  try {
    const commands = bids.map(({ command }) => command)
    const answers = await withRetries(() => options.decide(commands))
    return answerAll(bids, answers, options)
  } catch (error) {
    return settleAfter(error, bids, options)
  }
}

/**
 * After an error that nothing of these bids was committed with: answers all, or tries each half by
 * itself until only the bid that breaks the statement fails.
 */
export async function settleAfter(
  error: unknown,
  bids: WaitingBid[],
  options: SettleOptions,
): Promise<WaitingBid[]> {
  if (bids.length === 1 || isUnavailable(error) || isContention(error)) {
    rejectAll(error, bids, options)
    return []
  }
  const middle = Math.ceil(bids.length / 2)
  const held = await settle(bids.slice(0, middle), options)
  // Bids on one lot keep their order, so those behind a bid that waits do not overtake it.
  const heldLots = new Set(held.map(({ command }) => command.itemId))
  const rest = bids.slice(middle)
  const behind = rest.filter(({ command }) => heldLots.has(command.itemId))
  const free = rest.filter(({ command }) => !heldLots.has(command.itemId))
  return [...held, ...behind, ...(free.length === 0 ? [] : await settle(free, options))]
}

/** Answers bids; returns those whose lot is held. */
export function answerAll(
  bids: WaitingBid[],
  answers: BatchAnswer[],
  { observe }: Pick<SettleOptions, 'observe'>,
): WaitingBid[] {
  const held: WaitingBid[] = []
  for (const [index, bid] of bids.entries()) {
    const answer = answers[index]
    if (answer === undefined) bid.reject(new Error('a bid was left without a decision'))
    else if (answer.kind === 'lot_held') held.push(bid)
    else if (answer.kind === 'failed') {
      observe?.undecided('failed')
      bid.reject(answer.error)
    } else bid.resolve(answer)
  }
  return held
}

/** Answers bids that got no decision. */
export function rejectAll(
  error: unknown,
  bids: WaitingBid[],
  { observe }: Pick<SettleOptions, 'observe'>,
): void {
  const isOurs = error instanceof IdempotencyRaceError || isTransient(error)
  for (const { reject } of bids) {
    observe?.undecided(isOurs || isUnavailable(error) ? 'unavailable' : 'failed')
    reject(isOurs ? serviceUnavailable() : error)
  }
}

/** Tries again what another transaction, or a plan of before a migration, was in the way of. */
export async function withRetries<T>(work: () => Promise<T>): Promise<T> {
  let stalePlans = 0
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (isStalePlan(error) && stalePlans < STALE_PLANS_MAX) {
        stalePlans += 1
        continue
      }
      const state = sqlState(error)
      // A lock that was not free in time is not waited for once more.
      const isWorthRetrying =
        error instanceof IdempotencyRaceError ||
        state === SQL_STATES.deadlock ||
        state === SQL_STATES.serializationFailure
      if (!isWorthRetrying || attempt > RETRIES_MAX) throw error
    }
  }
}

export const isLockTimeout = (error: unknown): boolean =>
  sqlState(error) === SQL_STATES.lockNotAvailable

/** Other than a lock timeout, which concerns one bid, these come for a batch as a whole. */
const isContention = (error: unknown): boolean =>
  error instanceof IdempotencyRaceError || (isTransient(error) && !isLockTimeout(error))
