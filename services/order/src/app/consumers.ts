import type { Logger } from '@auction/common/process/logger.ts'
import type { Consumer } from '@auction/common/rabbitmq/consumer.ts'
import type { OrderSettings } from '#src/domain/settings.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { onItemRemoved, onItemRestored, onStandingEvents } from './departures/barred.ts'
import type { OrderMetrics } from './metrics/order-metrics.ts'
import { onBidBuyNow, onBidWon, onOfferAccepted } from './orders/create-orders.ts'
import {
  onPaymentChargeback,
  onPaymentExpired,
  onPaymentFailed,
  onPaymentRefunded,
  onPaymentSucceeded,
} from './payments/payment-events.ts'

export interface ConsumerDependencies {
  settings: OrderSettings
  log: Logger
  observe?: Pick<OrderMetrics, 'paymentUnwanted' | 'winWithoutOrder'>
}

/** Everything that the order worker consumes. */
export function createConsumers(dependencies: ConsumerDependencies): Consumer<Database>[] {
  return [
    onBidWon(dependencies),
    onBidBuyNow(dependencies),
    onOfferAccepted(dependencies),
    onItemRemoved(),
    onItemRestored(),
    ...onStandingEvents(),
    onPaymentSucceeded(dependencies),
    onPaymentFailed(),
    onPaymentExpired(),
    onPaymentRefunded(dependencies),
    onPaymentChargeback(dependencies),
  ]
}
