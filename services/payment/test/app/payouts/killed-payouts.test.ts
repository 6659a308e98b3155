import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { sql } from 'kysely'
import t from 'tap'
import type { AdvanceDependencies } from '#src/app/payments/advance.ts'
import { refundOrder } from '#src/app/payments/decide-refund.ts'
import { advanceDue } from '#src/app/payments/payment-timers.ts'
import { createPayoutMetrics } from '#src/app/payouts/payout-metrics.ts'
import { planPayouts } from '#src/app/payouts/plan-payouts.ts'
import { checkPaid, reversePayouts } from '#src/app/payouts/reverse-payouts.ts'
import { sendPayouts } from '#src/app/payouts/send-payouts.ts'
import { completeOrder } from '#src/app/sales/sale-ledger.ts'
import { readPayment, wakePayment } from '#src/infra/postgres/payments/payments.ts'
import type { Life } from '../payments/killed-life.ts'
import { dieAnywhere } from './killed-payouts.ts'
import { RULES } from './payee.ts'

/** Completes an order, pays it out, refunds a part; with the same keys each time, so that it may be run again. */
const payAndRefund =
  (paymentId: string) =>
  async (dependencies: AdvanceDependencies, { orderId }: Pick<Life, 'orderId'>) => {
    const { db, log, payoutProviders: providers } = dependencies
    const payouts = { db, log, providers, metrics: createPayoutMetrics(createRegistry('payment')) }
    for (let round = 0; round < 6; round += 1) {
      await db.transaction().execute((tx) => completeOrder(tx, orderId, new Date()))
      await planPayouts(db, { ...RULES, intervalMs: 0 })
      await sendPayouts(payouts)
      const { rows } = await sql<{
        state: string
      }>`select state from payouts where state = 'done'`.execute(db)
      if (rows.length === 0) continue
      await refundOrder(dependencies, {
        paymentId,
        orderId,
        amount: 350n,
        reason: 'broken',
        requestedBy: null,
        idempotencyKey: 'refund',
        isOfSeller: false,
      })
      await reversePayouts(payouts)
      await checkPaid(payouts)
      await wakePayment(db, paymentId)
      await advanceDue(dependencies)
      const payment = await readPayment(db, paymentId)
      if (payment?.operations.every(({ state }) => state === 'done') === true) return
    }
  }

t.test(
  'what dies after any statement or answer leaves one transfer, one reversal and one refund',
  (t) => dieAnywhere(t, payAndRefund, { isNewSeller: false }),
)
