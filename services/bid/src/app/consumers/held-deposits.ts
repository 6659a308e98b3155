import {
  paymentDepositCaptured,
  paymentDepositHeld,
  paymentDepositReleased,
} from '@auction/common/contracts/payment.ts'
import { parseAmount } from '@auction/common/money.ts'
import { PermanentError, projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { type DepositUpdate, putDeposits } from '#src/infra/postgres/held-deposits.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const SHARED = { kind: 'projection', consumer: 'bid', batchMax: 100 } as const

interface Payload {
  depositId: string
  itemId: string
  bidderId: string
  amount: string
  currencyCode: string
  heldUntil?: string
  sequence: number
}

/** The newest of each deposit. */
async function record(
  tx: Transaction<Database>,
  deliveries: readonly { payload: Payload }[],
  isHeld: boolean,
): Promise<void> {
  const newest = new Map<string, DepositUpdate>()
  for (const { payload } of deliveries) {
    const update = updateOf(payload, isHeld)
    if (update.sequence > (newest.get(update.depositId)?.sequence ?? 0))
      newest.set(update.depositId, update)
  }
  await putDeposits(tx, [...newest.values()])
}

function updateOf(payload: Payload, isHeld: boolean): DepositUpdate {
  const { depositId, itemId, bidderId, currencyCode, heldUntil, sequence } = payload
  const amount = parseAmount(payload.amount, currencyCode)
  if (!amount.ok) throw new PermanentError(`${payload.amount} ${currencyCode}: ${amount.reason}`)
  return {
    depositId,
    itemId,
    bidderId,
    amount: amount.minor,
    isHeld,
    heldUntil: heldUntil === undefined ? null : new Date(heldUntil),
    sequence,
  }
}

/** Of whom a card holds a deposit for a lot. What was bid with one that is over stays. */
export const onDepositEvents = () => [
  projection({
    ...SHARED,
    contract: paymentDepositHeld,
    handle: (tx: Transaction<Database>, deliveries) => record(tx, deliveries, true),
  }),
  projection({
    ...SHARED,
    contract: paymentDepositReleased,
    handle: (tx: Transaction<Database>, deliveries) => record(tx, deliveries, false),
  }),
  projection({
    ...SHARED,
    contract: paymentDepositCaptured,
    handle: (tx: Transaction<Database>, deliveries) => record(tx, deliveries, false),
  }),
]
