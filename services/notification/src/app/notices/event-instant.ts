import type { Delivery } from '@auction/common/rabbitmq/consumer.ts'

/** When an event was written; undefined when it does not say. */
export function eventInstant({ timestamp }: Pick<Delivery, 'timestamp'>): Date | undefined {
  const instant = new Date(timestamp)
  return Number.isNaN(instant.getTime()) ? undefined : instant
}
