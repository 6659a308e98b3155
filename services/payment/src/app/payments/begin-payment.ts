import { createHash } from 'node:crypto'
import type { Payables } from '@auction/common/contracts/payables.ts'
import { paymentCreated } from '@auction/common/contracts/payment.ts'
import { serviceUnavailable, sqlState } from '@auction/common/http/errors.ts'
import { newId } from '@auction/common/ids.ts'
import { parseAmount } from '@auction/common/money.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { type PaymentProvider, ProviderError } from '#src/domain/provider.ts'
import { paymentErrors } from '#src/errors.ts'
import {
  findByKey,
  findLive,
  insertPayment,
  lockPayment,
  type Payment,
  readPayment,
} from '#src/infra/postgres/payments/payments.ts'
import { dependsOnCategories } from '#src/infra/postgres/sales/rates.ts'
import { type AdvanceDependencies, sendBegin } from './advance.ts'
import type { OrderClient } from './order-client.ts'
import { attemptEvents } from './payment-events.ts'

export interface BeginCommand {
  buyerId: string
  orderIds: readonly string[]
  provider: string | undefined
  returnUrl: string
  idempotencyKey: string
  trace: Trace
}

export interface BeginDependencies extends Omit<AdvanceDependencies, 'orders' | 'jurisdiction'> {
  orders: Pick<OrderClient, 'payables'>
  /** The buyer has so long to pay. */
  sessionMinutes: number
}

// A request that dies with its process is taken over by the worker then.
const TAKEOVER_MS = 30_000
const MINUTE_MS = 60_000

/**
 * Begins to pay orders, once for each key. The rows are committed before the provider is asked, so whatever
 * happens then is found again. Someone who pays the same orders in a second tab gets the same payment.
 */
export async function beginPayment(
  dependencies: BeginDependencies,
  command: BeginCommand,
): Promise<{ payment: Payment; isReplayed: boolean }> {
  const { db, metrics } = dependencies
  const requestHash = hashOf(command)
  const known = await knownPayment(dependencies, command, requestHash)
  if (known !== undefined) return { payment: known, isReplayed: true }
  const provider = providerOf(dependencies, command.provider)
  const orderIds = [...command.orderIds]
  const inProgress = await findLive(db, orderIds)
  if (inProgress !== undefined) return sharedPayment(dependencies, inProgress, command)
  const payables = await dependencies.orders.payables({ orderIds, buyerId: command.buyerId })
  const id = newId()
  try {
    await insert(dependencies, { id, command, requestHash, payables, provider })
  } catch (error) {
    if (sqlState(error) !== '23505') throw error
    // The same request a second time, or another one for one of the orders, was quicker.
    const same = await knownPayment(dependencies, command, requestHash)
    if (same !== undefined) return { payment: same, isReplayed: true }
    const other = await findLive(db, orderIds)
    if (other === undefined) throw error
    return sharedPayment(dependencies, other, command)
  }
  metrics.begun()
  const payment = await required(dependencies, id)
  const [operation] = payment.operations
  if (operation !== undefined) {
    await sendBegin(dependencies, provider, payment, operation).catch((error) => {
      // It may have begun: the worker asks again, with the same key.
      if (!(error instanceof ProviderError)) throw error
      dependencies.log.warn({ err: error, paymentId: id }, 'provider did not answer clearly')
    })
  }
  return { payment: await required(dependencies, id), isReplayed: false }
}

function hashOf({ orderIds, provider, returnUrl }: BeginCommand): Buffer {
  const text = JSON.stringify([[...orderIds].sort(), provider ?? null, returnUrl])
  return createHash('sha256').update(text).digest()
}

async function knownPayment(
  { db }: BeginDependencies,
  { buyerId, idempotencyKey }: BeginCommand,
  requestHash: Buffer,
): Promise<Payment | undefined> {
  const id = await findByKey(db, buyerId, idempotencyKey)
  const payment = id === undefined ? undefined : await readPayment(db, id)
  if (payment === undefined) return undefined
  if (!payment.requestHash.equals(requestHash)) throw paymentErrors.idempotencyKeyReused()
  return payment
}

/** A buyer who comes again goes on with what is open; for other orders, or another buyer, it is a conflict. */
async function sharedPayment(
  dependencies: BeginDependencies,
  id: string,
  { buyerId, orderIds }: BeginCommand,
): Promise<{ payment: Payment; isReplayed: boolean }> {
  const payment = await required(dependencies, id)
  // Whose orders they are is no one else's business.
  if (payment.buyerId !== buyerId) throw paymentErrors.notFound()
  const isSame =
    payment.orders.length === orderIds.length &&
    payment.orders.every(({ orderId }) => orderIds.includes(orderId))
  if (isSame && (payment.state === 'created' || payment.state === 'open')) {
    return { payment, isReplayed: true }
  }
  throw paymentErrors.inProgress({ paymentId: payment.id, state: payment.state })
}

function providerOf({ providers }: BeginDependencies, name: string | undefined): PaymentProvider {
  const [first] = providers.values()
  if (first === undefined) throw paymentErrors.noProvider()
  const provider = name === undefined ? first : providers.get(name)
  if (provider === undefined) throw paymentErrors.unknownProvider({ known: [...providers.keys()] })
  return provider
}

async function insert(
  { db, sessionMinutes }: BeginDependencies,
  {
    id,
    command,
    requestHash,
    payables,
    provider,
  }: {
    id: string
    command: BeginCommand
    requestHash: Buffer
    payables: Payables
    provider: PaymentProvider
  },
): Promise<void> {
  const { currencyCode, sellerId } = payables
  const read = (text: string) => {
    const amount = parseAmount(text, currencyCode, { allowZero: true })
    if (!amount.ok) throw new Error(`the order service answered the amount ${text} ${currencyCode}`)
    return amount.minor
  }
  const orders = payables.orders.map((order) => ({
    orderId: order.orderId,
    itemId: order.itemId,
    sellerGross: read(order.amount) + read(order.deliveryFee),
    premium: read(order.premium),
    total: read(order.total),
    orderSequence: order.sequence,
    categoryIds: order.categoryIds ?? null,
  }))
  const amount = orders.reduce((sum, { total }) => sum + total, 0n)
  const isWhole =
    amount === read(payables.total) &&
    orders.every(({ sellerGross, premium, total }) => sellerGross + premium === total)
  if (!isWhole) throw new Error('the amounts of the order service do not add up')
  const problem = provider.problemOf({ amount, currencyCode })
  if (problem !== undefined) throw paymentErrors.notSupported({ problem, provider: provider.name })
  // The commission may depend on it: it is known seconds after the win, unless auction is down.
  const isUnknown = orders.some(({ categoryIds }) => categoryIds === null)
  if (isUnknown && (await dependsOnCategories(db))) {
    throw serviceUnavailable({ service: 'auction' })
  }
  await outboxTransaction(db, async (tx) => {
    const now = await readClock(tx)
    await insertPayment(
      tx,
      {
        id,
        buyerId: command.buyerId,
        sellerId,
        currencyCode,
        amount,
        provider: provider.name,
        returnUrl: command.returnUrl,
        description: descriptionOf(payables),
        expiresAt: new Date(now.getTime() + sessionMinutes * MINUTE_MS),
        dueAt: new Date(now.getTime() + TAKEOVER_MS),
        idempotencyKey: command.idempotencyKey,
        requestHash,
        traceparent: command.trace.traceparent,
        correlationId: command.trace.correlationId,
        orders,
      },
      { id: newId(), key: `payment:${id}:begin` },
    )
    const payment = await lockPayment(tx, id)
    if (payment === undefined) throw new Error(`there is no payment ${id}`)
    await writeOutbox(tx, attemptEvents(paymentCreated, payment, { sequence: 1, at: now }))
  })
}

const DESCRIPTION_MAX = 200

function descriptionOf({ orders }: Payables): string {
  const [first] = orders
  const name = first?.itemName ?? 'Order'
  const text = orders.length > 1 ? `${name} and ${orders.length - 1} more` : name
  return [...text].slice(0, DESCRIPTION_MAX).join('')
}

async function required({ db }: BeginDependencies, id: string): Promise<Payment> {
  const payment = await readPayment(db, id)
  if (payment === undefined) throw new Error(`there is no payment ${id}`)
  return payment
}
