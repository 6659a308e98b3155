import { orderCompleted } from '@auction/common/contracts/order.ts'
import { transactional } from '@auction/common/rabbitmq/consumer.ts'
import { isRecorded } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import { addCandidateTrace } from '#src/infra/postgres/payouts/payouts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { completeOrder } from './sale-ledger.ts'

/** The seller has earned the order's money: it is paid out next, unless a dispute holds it. */
export const onOrderCompleted = () =>
  transactional({
    kind: 'transactional',
    consumer: 'payment',
    contract: orderCompleted,
    async handle(tx: Transaction<Database>, { payload: { orderId, at }, trace }) {
      await completeOrder(tx, orderId, new Date(at))
      if (isRecorded(trace.traceparent)) await addCandidateTrace(tx, orderId, trace.traceparent)
    },
  })
