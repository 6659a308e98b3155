import type { Consumer } from '@auction/common/rabbitmq/consumer.ts'
import { onLotClosed } from '#src/app/deposits/lot-closed.ts'
import { onOrderPaid } from '#src/app/deposits/order-paid.ts'
import { onOrderCancelled } from '#src/app/payments/order-cancelled.ts'
import { onOrderResolved } from '#src/app/payments/order-resolved.ts'
import { onRefundSettled } from '#src/app/payments/refund-settled.ts'
import { onOrderCompleted } from '#src/app/sales/order-completed.ts'
import type { PaymentProvider } from '#src/domain/provider.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface ConsumerDependencies {
  providers: ReadonlyMap<string, PaymentProvider>
  /** Deposits of one lot. */
  releasesPerSecond: number
}

/** Everything that the payment worker consumes. */
export function createConsumers({
  providers,
  releasesPerSecond,
}: ConsumerDependencies): Consumer<Database>[] {
  return [
    onOrderCompleted(),
    onOrderPaid(),
    onLotClosed({ releasesPerSecond }),
    onOrderCancelled({ providers }),
    onOrderResolved({ providers }),
    onRefundSettled(),
  ]
}
