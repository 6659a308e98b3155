import {
  paymentChargeback,
  paymentExpired,
  paymentFailed,
  paymentRefunded,
  paymentSucceeded,
} from '@auction/common/contracts/payment.ts'
import { parseAmount } from '@auction/common/money.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { PermanentError, transactional } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { perform } from '#src/app/orders/perform.ts'
import { redeemStrikeOf } from '#src/app/strikes/record-strike.ts'
import type { OrderSettings } from '#src/domain/settings.ts'
import { PLATFORM } from '#src/infra/postgres/orders/changes.ts'
import { lockOrder, type OrderRecord, releaseClaims } from '#src/infra/postgres/orders/orders.ts'
import { recordEndedPayment } from '#src/infra/postgres/payments/ended-payments.ts'
import {
  isPaymentUnwanted,
  recordUnwantedPayment,
} from '#src/infra/postgres/payments/unwanted-payments.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface PaymentEventOptions {
  settings: OrderSettings
  log: Logger
  /** Money of a payment that its order did not take: an operator must look. */
  observe?: { paymentUnwanted(reason: string): void }
}

const kind = { kind: 'transactional', consumer: 'order' } as const

type Tx = Transaction<Database>

/** The money of an order was taken: it is paid, and a strike of it is redeemed. */
export const onPaymentSucceeded = (options: PaymentEventOptions) =>
  transactional({
    ...kind,
    contract: paymentSucceeded,
    async handle(tx: Tx, { id, payload, trace }) {
      const { settings } = options
      const { orderId, paymentId } = payload
      const order = await knownOrder(tx, orderId)
      const change = await perform(tx, order, settings, {
        act: { kind: 'pay', paymentId },
        actor: PLATFORM,
        trace,
        causationId: id,
        happened: { kind: 'paid' },
        details: { paymentId },
      })
      if (change.outcome === 'changed')
        await redeemStrikeOf(tx, order, settings.strikes, await readClock(tx), trace)
      // Payment claims before it captures, so this is a mistake; what to do with the money is payment's.
      if (change.outcome === 'refused') await recordUnwanted(tx, options, payload, change.reason)
    },
  })

const releasing = (contract: typeof paymentFailed) =>
  transactional({
    ...kind,
    contract,
    async handle(tx: Tx, { payload: { orderId, paymentId } }) {
      const order = await knownOrder(tx, orderId)
      // A claim that was sent before, and comes after this, finds it and takes nothing.
      await recordEndedPayment(tx, paymentId)
      if (order.claimedBy === paymentId) await releaseClaims(tx, [orderId])
    },
  })

/** An attempt is over without money: its claim ends, and only its own. */
export const onPaymentFailed = () => releasing(paymentFailed)
export const onPaymentExpired = () => releasing(paymentExpired)

/** The buyer got money back; the greatest total counts, so the order of events does not matter. */
export const onPaymentRefunded = (options: PaymentEventOptions) =>
  transactional({
    ...kind,
    contract: paymentRefunded,
    async handle(tx: Tx, { id, payload, trace }) {
      const { orderId, paymentId, refundedTotal, currencyCode } = payload
      const order = await knownOrder(tx, orderId)
      const total = readMoney(order, refundedTotal, currencyCode)
      const change = await perform(tx, order, options.settings, {
        act: { kind: 'refund', paymentId, refundedTotal: total },
        actor: PLATFORM,
        trace,
        causationId: id,
        details: { refundedTotal },
      })
      if (change.outcome !== 'refused') return
      if (change.reason === 'refund_too_large')
        options.log.error({ orderId, refundedTotal }, 'order did not take its refund')
      else await recordAboutOther(tx, options, { order, payload }, 'refund')
    },
  })

/** The buyer's bank took the money back, or has decided. */
export const onPaymentChargeback = (options: PaymentEventOptions) =>
  transactional({
    ...kind,
    contract: paymentChargeback,
    async handle(tx: Tx, { id, payload, trace }) {
      const { orderId, paymentId, phase, amount, currencyCode } = payload
      const order = await knownOrder(tx, orderId)
      const money = readMoney(order, amount, currencyCode)
      const change = await perform(tx, order, options.settings, {
        act: { kind: 'chargeback', paymentId, phase, amount: money },
        actor: PLATFORM,
        trace,
        causationId: id,
        details: { phase, amount },
      })
      if (change.outcome === 'refused')
        await recordAboutOther(tx, options, { order, payload }, 'chargeback')
    },
  })

/**
 * A refund or a chargeback of a payment that is not the order's changes nothing of the order. While the order is
 * not paid it may only be early: then the message is tried again.
 */
async function recordAboutOther(
  tx: Tx,
  options: PaymentEventOptions,
  { order, payload }: { order: OrderRecord; payload: { orderId: string; paymentId: string } },
  reason: 'refund' | 'chargeback',
): Promise<void> {
  if (order.paidBy === null && !(await isPaymentUnwanted(tx, payload)))
    throw new Error(`a ${reason} of an order that is not paid yet`)
  await recordUnwanted(tx, options, payload, reason)
}

async function recordUnwanted(
  tx: Tx,
  { log, observe }: PaymentEventOptions,
  { orderId, paymentId }: { orderId: string; paymentId: string },
  reason: string,
): Promise<void> {
  await recordUnwantedPayment(tx, { orderId, paymentId }, reason)
  observe?.paymentUnwanted(reason)
  // What is given back of it was what an operator wanted.
  if (reason === 'refund') log.info({ orderId, paymentId }, 'unwanted payment given back')
  else log.error({ orderId, paymentId, reason }, 'order did not take its payment')
}

function readMoney(order: OrderRecord, amount: string, currencyCode: string): bigint {
  const parsed = parseAmount(amount, currencyCode)
  if (!parsed.ok || currencyCode !== order.currencyCode)
    throw new PermanentError(`${amount} ${currencyCode} of an order in ${order.currencyCode}`)
  return parsed.minor
}

/** Payment knows orders from us alone, so one that is not there is no matter of time. */
async function knownOrder(tx: Tx, orderId: string): Promise<OrderRecord> {
  const order = await lockOrder(tx, orderId)
  if (order === undefined) throw new PermanentError(`payment of the unknown order ${orderId}`)
  return order
}
