import { createHmac, timingSafeEqual } from 'node:crypto'
import {
  type AttemptReference,
  type BeginRequest,
  type Begun,
  type Money,
  type PaymentProvider,
  type ProviderCharge,
  type ProviderDispute,
  ProviderError,
  type ProviderMove,
  type ProviderRefund,
  type ProviderState,
  type RefundRequest,
  type WebhookReading,
} from '#src/domain/provider.ts'
import { fromMollie, type MollieAmount, mollieProblemOf, readMollie, toMollie } from './amounts.ts'
import { createMollieClient, type MollieClient, type MollieClientOptions } from './mollie-client.ts'

export interface MollieOptions extends MollieClientOptions {
  /** Proves that a report came from Mollie: it makes the addresses that only Mollie is given. */
  webhookSecret: string
  /** The address of the platform, to which reports come. */
  publicUrl: string
}

interface MolliePayment {
  id: string
  status: 'open' | 'pending' | 'authorized' | 'paid' | 'canceled' | 'expired' | 'failed'
  isCancelable?: boolean
  amount: MollieAmount
  amountCaptured?: MollieAmount | null
  amountRefunded?: MollieAmount | null
  captureBefore?: string | null
  createdAt: string
  metadata?: { attemptId?: string } | null
  details?: { failureReason?: string } | null
  _links: { checkout?: { href: string } }
  _embedded?: { refunds?: MollieRefund[]; chargebacks?: MollieChargeback[] }
}

interface MollieRefund {
  id: string
  paymentId: string
  createdAt: string
  amount: MollieAmount
  status: 'queued' | 'pending' | 'processing' | 'refunded' | 'failed' | 'canceled'
  metadata?: { refundId?: string } | null
}

interface MollieChargeback {
  id: string
  paymentId: string
  amount: MollieAmount
  createdAt: string
  reversedAt?: string | null
}

interface MolliePage<T> {
  _embedded: Readonly<Record<string, T[]>>
  _links: { next?: { href: string } | null }
}

const PAGE = 250
const DESCRIPTION_MAX = 255
const DAY_MS = 86_400_000
// Mollie says when a chargeback was reversed, and never that it will not be.
const CHARGEBACK_FINAL_MS = 90 * DAY_MS

/**
 * Payments by Mollie: a hosted page, a hold on the card, captures of their own, refunds that take days. Mollie
 * ends its pages by itself, so an attempt may stay open longer than we asked for.
 */
export function createMollieProvider(options: MollieOptions): PaymentProvider {
  const client = createMollieClient(options)
  return {
    name: 'mollie',
    problemOf: mollieProblemOf,
    begin: (request, key) => begin(client, options, request, key),
    async capture({ reference }, money, key) {
      const body = { amount: toMollie(money) }
      const capture = await client.post<{ amount?: MollieAmount }>(
        `${pathOf(reference)}/captures`,
        body,
        key,
      )
      requireSame(money, capture.amount)
    },
    cancel: (attempt, key) => cancel(client, attempt, key),
    refund: (attempt, refund, key) => giveBack(client, attempt, refund, key),
    look: (attempt) => look(client, attempt),
    readWebhook: (raw, _headers, query) => readWebhook(options.webhookSecret, raw, query),
    charges: (from, to) => charges(client, from, to),
    moves: (from, to) => moves(client, from, to),
  }
}

const pathOf = (reference: string) => `/v2/payments/${encodeURIComponent(reference)}`

async function begin(
  client: MollieClient,
  { publicUrl, webhookSecret }: MollieOptions,
  { attemptId, paymentId, money, description, returnUrl, cancelUrl }: BeginRequest,
  key: string,
): Promise<Begun> {
  const webhookUrl = new URL('/webhooks/payments/mollie', publicUrl)
  webhookUrl.searchParams.set('attempt', attemptId)
  webhookUrl.searchParams.set('proof', proofOf(attemptId, webhookSecret))
  const payment = await client.post<MolliePayment>(
    '/v2/payments',
    {
      amount: toMollie(money),
      description: [...description].slice(0, DESCRIPTION_MAX).join(''),
      redirectUrl: returnUrl,
      cancelUrl,
      webhookUrl: webhookUrl.href,
      // Of what can be held until the orders are asked.
      method: ['creditcard'],
      captureMode: 'manual',
      metadata: { attemptId, paymentId },
    },
    key,
  )
  requireSame(money, payment.amount)
  const url = payment._links.checkout?.href
  return {
    reference: payment.id,
    next: url === undefined ? { kind: 'none' } : { kind: 'redirect', url },
  }
}

/** A wrong amount must not go on unseen, whichever side made it. */
function requireSame(money: Money, answered: MollieAmount | undefined): void {
  if (fromMollie(answered, money.currencyCode) === money.amount) return
  const text = `${answered?.value} ${answered?.currency}`
  throw new ProviderError(
    'mismatch',
    'amount',
    `asked for ${money.amount} ${money.currencyCode}, answered ${text}`,
  )
}

/** A page that Mollie does not close stays open until it ends by itself; the next look sees what came of it. */
async function cancel(
  client: MollieClient,
  { reference }: AttemptReference,
  key: string,
): Promise<void> {
  const payment = await client.get<MolliePayment>(pathOf(reference))
  switch (payment.status) {
    case 'authorized':
      await client.post(`${pathOf(reference)}/release-authorization`, {}, `${key}:hold`)
      return
    case 'open':
    case 'pending':
      if (payment.isCancelable === true) await client.delete(pathOf(reference), `${key}:page`)
      return
    case 'paid':
      throw new ProviderError('refused', 'captured', 'the money was taken')
    default:
      return
  }
}

async function giveBack(
  client: MollieClient,
  { reference }: AttemptReference,
  { refundId, money }: RefundRequest,
  key: string,
): Promise<{ reference: string }> {
  const refund = await client.post<MollieRefund>(
    `${pathOf(reference)}/refunds`,
    // Two refunds of one amount and one description are one for Mollie.
    { amount: toMollie(money), description: `Refund ${refundId}`, metadata: { refundId } },
    key,
  )
  requireSame(money, refund.amount)
  return { reference: refund.id }
}

async function look(client: MollieClient, { reference }: AttemptReference): Promise<ProviderState> {
  const payment = await client.get<MolliePayment>(`${pathOf(reference)}?embed=refunds,chargebacks`)
  const { status, amount, amountRefunded, captureBefore, details, _embedded: embedded } = payment
  const currencyCode = amount.currency
  const isHeldOrTaken = status === 'authorized' || status === 'paid'
  return {
    state: STATES[status] ?? 'processing',
    money: { amount: fromMollie(amount, currencyCode), currencyCode },
    captured: capturedOf(payment),
    chargeReference: isHeldOrTaken ? payment.id : null,
    holdEndsAt:
      status === 'authorized' && typeof captureBefore === 'string'
        ? new Date(captureBefore)
        : undefined,
    failureCode: details?.failureReason,
    refunded: fromMollie(amountRefunded, currencyCode),
    refunds: (embedded?.refunds ?? []).map((refund) => refundOf(refund, currencyCode)),
    disputes: (embedded?.chargebacks ?? []).map((one) => disputeOf(one, currencyCode)),
  }
}

const STATES: Readonly<Record<string, ProviderState['state']>> = {
  open: 'open',
  pending: 'processing',
  authorized: 'authorised',
  paid: 'captured',
  canceled: 'cancelled',
  // The buyer cannot try again on the page of this payment.
  failed: 'cancelled',
  expired: 'expired',
} satisfies Record<MolliePayment['status'], ProviderState['state']>

function capturedOf({ status, amount, amountCaptured }: MolliePayment): bigint {
  if (status !== 'paid') return 0n
  return fromMollie(amountCaptured ?? amount, amount.currency)
}

function refundOf(
  { id, amount, status, metadata }: MollieRefund,
  currencyCode: string,
): ProviderRefund {
  return {
    refundId: metadata?.refundId,
    reference: id,
    amount: fromMollie(amount, currencyCode),
    state:
      status === 'refunded'
        ? 'done'
        : status === 'failed' || status === 'canceled'
          ? 'failed'
          : 'pending',
  }
}

function disputeOf(
  { id, amount, createdAt, reversedAt }: MollieChargeback,
  currencyCode: string,
): ProviderDispute {
  const isFinal = Date.now() - new Date(createdAt).getTime() > CHARGEBACK_FINAL_MS
  const state = typeof reversedAt === 'string' ? 'won' : isFinal ? 'lost' : 'open'
  return {
    reference: id,
    amount: fromMollie(amount, currencyCode),
    currencyCode,
    state,
    word: state === 'won' ? 'reversed' : 'charged back',
    // Evidence is given in Mollie's own pages.
    evidenceDueAt: undefined,
  }
}

const proofOf = (attemptId: string, secret: string): string =>
  createHmac('sha256', secret).update(`mollie:${attemptId}`).digest('base64url')

/** Mollie signs nothing: who knows the address of an attempt's reports is Mollie. */
function readWebhook(
  secret: string,
  raw: Buffer,
  { attempt, proof }: Readonly<Record<string, unknown>>,
): WebhookReading {
  if (typeof attempt !== 'string' || typeof proof !== 'string') return { refused: 'no proof' }
  const given = Buffer.from(proof)
  const wanted = Buffer.from(proofOf(attempt, secret))
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    return { refused: 'another proof' }
  }
  const id = new URLSearchParams(raw.toString('utf8')).get('id')
  if (id === null || !/^tr_[A-Za-z0-9]{1,64}$/.test(id)) return { refused: 'no payment' }
  // Reports have no id of their own, and every one of them says the same: look again.
  return { eventId: id, kind: 'payment.changed', subject: 'payment', references: [attempt, id] }
}

/** What was made between two instants. Mollie lists newest first, and by nothing else. */
async function* listed<T extends { createdAt: string }>(
  client: MollieClient,
  collection: 'payments' | 'refunds' | 'chargebacks',
  from: Date,
  to: Date,
): AsyncIterable<T> {
  let path: string | undefined = `/v2/${collection}?limit=${PAGE}`
  while (path !== undefined) {
    const page: MolliePage<T> = await client.get(path)
    for (const one of page._embedded[collection] ?? []) {
      const createdAt = new Date(one.createdAt)
      if (createdAt < from) return
      if (createdAt < to) yield one
    }
    const next: string | undefined = page._links.next?.href
    // Only where it goes on, not at which host, is taken from the answer.
    path = next === undefined ? undefined : `/v2/${collection}${new URL(next).search}`
  }
}

async function* charges(client: MollieClient, from: Date, to: Date): AsyncIterable<ProviderCharge> {
  for await (const payment of listed<MolliePayment>(client, 'payments', from, to)) {
    yield chargeOf(payment)
  }
}

async function* moves(client: MollieClient, from: Date, to: Date): AsyncIterable<ProviderMove> {
  for await (const refund of listed<MollieRefund>(client, 'refunds', from, to)) {
    if (refund.metadata?.refundId === undefined) yield moveOf('foreign_refund', refund)
  }
  for await (const chargeback of listed<MollieChargeback>(client, 'chargebacks', from, to)) {
    yield moveOf('dispute', chargeback)
  }
}

function moveOf(
  kind: ProviderMove['kind'],
  { id, paymentId, amount }: MollieRefund | MollieChargeback,
): ProviderMove {
  return {
    kind,
    reference: id,
    chargeReference: paymentId,
    amount: readMollie(amount),
    currencyCode: amount.currency,
  }
}

function chargeOf(payment: MolliePayment): ProviderCharge {
  const { id, amount, amountCaptured, amountRefunded, metadata, status } = payment
  return {
    chargeReference: id,
    attemptId: metadata?.attemptId,
    currencyCode: amount.currency,
    captured: status === 'paid' ? readMollie(amountCaptured ?? amount) : 0n,
    refunded: readMollie(amountRefunded),
  }
}
