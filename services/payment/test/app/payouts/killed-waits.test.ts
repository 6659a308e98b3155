import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import t from 'tap'
import type { AdvanceDependencies } from '#src/app/payments/advance.ts'
import { refundOrder } from '#src/app/payments/decide-refund.ts'
import { advanceDue } from '#src/app/payments/payment-timers.ts'
import { createPayoutMetrics } from '#src/app/payouts/payout-metrics.ts'
import { planPayouts } from '#src/app/payouts/plan-payouts.ts'
import { reversePayouts } from '#src/app/payouts/reverse-payouts.ts'
import { sendPayouts } from '#src/app/payouts/send-payouts.ts'
import { completeOrder } from '#src/app/sales/sale-ledger.ts'
import { readPayment, wakePayment } from '#src/infra/postgres/payments/payments.ts'
import type { Life } from '../payments/killed-life.ts'
import { dieAnywhere } from './killed-payouts.ts'
import { RULES } from './payee.ts'

/** Completes an order, pays it out, refunds two parts meanwhile; with the same keys each time, so that it may be run again. */
const payAndRefundMeanwhile =
  (paymentId: string) =>
  async (dependencies: AdvanceDependencies, { orderId }: Pick<Life, 'orderId'>) => {
    const { db, log, payoutProviders: providers } = dependencies
    const payouts = { db, log, providers, metrics: createPayoutMetrics(createRegistry('payment')) }
    const give = (amount: bigint, idempotencyKey: string) =>
      refundOrder(dependencies, {
        paymentId,
        orderId,
        amount,
        reason: 'broken',
        requestedBy: null,
        idempotencyKey,
        isOfSeller: false,
      })
    for (let round = 0; round < 6; round += 1) {
      await db.transaction().execute((tx) => completeOrder(tx, orderId, new Date()))
      await planPayouts(db, { ...RULES, intervalMs: 0 })
      await give(200n, 'one')
      await give(150n, 'other')
      await sendPayouts(payouts)
      await reversePayouts(payouts)
      await wakePayment(db, paymentId)
      await advanceDue(dependencies)
      const payment = await readPayment(db, paymentId)
      if (payment?.operations.every(({ state }) => state === 'done') === true) return
    }
  }

t.test('refunds that wait for a payout are given once, whatever dies in between', (t) =>
  // Nothing else was paid out that could come back instead.
  dieAnywhere(t, payAndRefundMeanwhile, { isNewSeller: true }),
)
