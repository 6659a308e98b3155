import { createEvent } from '@auction/common/contracts/event.ts'
import { orderStrikeRecorded, orderStrikeRedeemed } from '@auction/common/contracts/order.ts'
import { writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import type { Order } from '#src/domain/order.ts'
import { countedSince, judgeStrikes, type StrikeRules } from '#src/domain/strikes.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  countStrikes,
  insertStrike,
  nextStrikeSequence,
  readSuspendedUntil,
  redeemStrike,
  setSuspendedUntil,
} from '#src/infra/postgres/strikes/strikes.ts'

type Struck = Pick<Order, 'id' | 'buyerId'>

/**
 * Records the strike of an order that was not paid, in the transaction that cancels it; an order brings one at
 * most. The user's counter is locked first, so two orders of one buyer are counted one after the other.
 */
export async function recordStrike(
  tx: Transaction<Database>,
  { id: orderId, buyerId: userId }: Struck,
  rules: StrikeRules,
  now: Date,
  trace: Trace,
): Promise<boolean> {
  const sequence = await nextStrikeSequence(tx, userId)
  if (!(await insertStrike(tx, { orderId, userId, at: now }))) return false
  const count = await countStrikes(tx, userId, countedSince(now, rules))
  const { isLimitReached, suspendedUntil } = judgeStrikes(count, now, rules)
  if (suspendedUntil !== undefined) await setSuspendedUntil(tx, orderId, suspendedUntil)
  const event = createEvent(
    orderStrikeRecorded,
    { aggregateId: userId, sequence, trace },
    {
      userId,
      orderId,
      count,
      isLimitReached,
      ...(suspendedUntil === undefined ? {} : { suspendedUntil: suspendedUntil.toISOString() }),
      at: now.toISOString(),
      sequence,
    },
  )
  await writeOutbox(tx, [event])
  return true
}

/** The order of a strike was paid after all, in this transaction. */
export async function redeemStrikeOf(
  tx: Transaction<Database>,
  { id: orderId, buyerId: userId }: Struck,
  rules: StrikeRules,
  now: Date,
  trace: Trace,
): Promise<void> {
  if (!(await redeemStrike(tx, orderId, now))) return
  const sequence = await nextStrikeSequence(tx, userId)
  const since = countedSince(now, rules)
  const count = await countStrikes(tx, userId, since)
  const isLimitReached = count >= rules.max
  // Paying ends what its own strike added. It never makes longer what other strikes had brought.
  const suspendedUntil = isLimitReached ? await readSuspendedUntil(tx, userId, since) : undefined
  const event = createEvent(
    orderStrikeRedeemed,
    { aggregateId: userId, sequence, trace },
    {
      userId,
      orderId,
      count,
      isLimitReached,
      ...(suspendedUntil === undefined ? {} : { suspendedUntil: suspendedUntil.toISOString() }),
      at: now.toISOString(),
      sequence,
    },
  )
  await writeOutbox(tx, [event])
}
