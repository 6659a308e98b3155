import { randomBytes } from 'node:crypto'
import type { Store } from '../store.ts'
import {
  type Amount,
  type Capture,
  type Chargeback,
  MollieError,
  notFound,
  type Payment,
  type PaymentStatus,
  type Refund,
  unprocessable,
} from './objects.ts'

export interface MollieSettings {
  /** How long the buyer can pay. */
  pageS: number
  /** How long money is held. */
  holdS: number
  /** Captures stay pending until `settle`. */
  capturesWait: boolean
  /** Refunds stay pending until `settleRefund`. */
  refundsWait: boolean
  /** Open payments can be cancelled by the API; those by card mostly cannot. */
  isCancelable: boolean
}

export const DEFAULT_MOLLIE_SETTINGS: MollieSettings = {
  pageS: 900,
  holdS: 7 * 86_400,
  capturesWait: false,
  refundsWait: false,
  isCancelable: false,
}

const FIELDS = new Set([
  ...['amount', 'description', 'redirectUrl', 'cancelUrl', 'webhookUrl'],
  ...['method', 'captureMode', 'metadata', 'locale'],
])

const newId = (prefix: string) => `${prefix}${randomBytes(8).toString('hex')}`
const DIGITS: Readonly<Record<string, number>> = { JPY: 0 }

/** Payments, captures, refunds and chargebacks as Mollie keeps them. */
export class MollieProvider {
  readonly store: Store
  settings: MollieSettings = DEFAULT_MOLLIE_SETTINGS
  readonly #changed: (payment: Payment) => void

  constructor(store: Store, changed: (payment: Payment) => void) {
    this.store = store
    this.#changed = changed
  }

  create(given: Record<string, unknown>): Payment {
    for (const name of Object.keys(given)) {
      if (!FIELDS.has(name)) throw unprocessable(`Non-existent body parameter "${name}"`, name)
    }
    const amount = amountOf(given.amount)
    const now = Date.now()
    const payment: Payment = {
      resource: 'payment',
      id: newId('tr_'),
      createdAt: new Date(now).toISOString(),
      status: 'open',
      isCancelable: this.settings.isCancelable,
      amount,
      description: required(given, 'description', 255),
      redirectUrl: addressOf(given, 'redirectUrl'),
      cancelUrl: given.cancelUrl === undefined ? null : addressOf(given, 'cancelUrl'),
      webhookUrl: given.webhookUrl === undefined ? null : addressOf(given, 'webhookUrl'),
      captureMode: given.captureMode === 'manual' ? 'manual' : 'automatic',
      metadata: given.metadata ?? null,
      expiresAt: new Date(now + this.settings.pageS * 1_000).toISOString(),
      captureBefore: null,
      amountCaptured: null,
      amountRefunded: { ...amount, value: textOf(0n, amount.currency) },
      amountRemaining: amount,
      details: null,
    }
    return this.store.put('payments', payment.id, payment)
  }

  payment(id: string): Payment {
    const payment = this.store.get<Payment>('payments', id)
    if (payment === undefined) throw notFound(`No payment exists with token ${id}.`)
    const isLate = payment.status === 'open' && new Date(payment.expiresAt).getTime() < Date.now()
    return isLate ? this.#move(payment, 'expired') : payment
  }

  #move(payment: Payment, status: PaymentStatus, changes: Partial<Payment> = {}): Payment {
    const moved = { ...payment, ...changes, status, isCancelable: false }
    this.store.put('payments', payment.id, moved)
    this.#changed(moved)
    return moved
  }

  /** What the buyer chooses on the page. */
  choose(id: string, outcome: string): Payment {
    const payment = this.payment(id)
    if (payment.status !== 'open') return payment
    switch (outcome) {
      case 'paid':
        return payment.captureMode === 'manual'
          ? this.#move(payment, 'authorized', {
              captureBefore: new Date(Date.now() + this.settings.holdS * 1_000).toISOString(),
            })
          : this.#move(payment, 'paid')
      case 'failed':
        return this.#move(payment, 'failed', { details: { failureReason: 'insufficient_funds' } })
      case 'canceled':
        return this.#move(payment, 'canceled')
      default:
        return this.#move(payment, 'expired')
    }
  }

  cancel(id: string): Payment {
    const payment = this.payment(id)
    if (!payment.isCancelable) throw unprocessable('The payment cannot be canceled')
    return this.#move(payment, 'canceled')
  }

  release(id: string): void {
    const payment = this.payment(id)
    if (payment.status !== 'authorized') {
      throw unprocessable('Only authorized payments can be released')
    }
    this.#move(payment, 'canceled')
  }

  /** Lets a hold end, as banks do. */
  loseHold(id: string): Payment {
    return this.#move(this.payment(id), 'expired')
  }

  capture(id: string, given: Record<string, unknown>): Capture {
    const payment = this.payment(id)
    const amount = given.amount === undefined ? payment.amount : amountOf(given.amount)
    if (payment.status !== 'authorized') throw unprocessable('The payment is not authorized')
    if (minorOf(amount) > minorOf(payment.amount)) {
      throw unprocessable('The amount is higher than the authorized amount', 'amount')
    }
    if (this.captures(id).length > 0) throw unprocessable('The payment is captured already')
    const capture: Capture = {
      resource: 'capture',
      id: newId('cpt_'),
      paymentId: id,
      status: 'pending',
      amount,
      createdAt: new Date().toISOString(),
    }
    this.store.put('captures', capture.id, capture)
    return this.settings.capturesWait ? capture : this.settleCapture(id)
  }

  captures(id: string): Capture[] {
    return this.store.all<Capture>('captures').filter(({ paymentId }) => paymentId === id)
  }

  settleCapture(id: string): Capture {
    const [capture] = this.captures(id)
    if (capture === undefined) throw notFound('no capture')
    const { amount } = capture
    this.#move(this.payment(id), 'paid', {
      amountCaptured: amount,
      amountRemaining: amount,
      captureBefore: null,
    })
    return this.store.put('captures', capture.id, { ...capture, status: 'succeeded' })
  }

  refund(id: string, given: Record<string, unknown>): Refund {
    const payment = this.payment(id)
    const amount = amountOf(given.amount)
    if (payment.status !== 'paid') throw unprocessable('The payment is not paid')
    const left = minorOf(payment.amountRemaining) - minorOf(amount)
    if (left < 0n) {
      throw unprocessable('The amount is higher than the maximum', 'amount')
    }
    const description = String(given.description ?? '')
    const isDouble = this.refunds(id).some(
      (one) => one.description === description && one.amount.value === amount.value,
    )
    if (isDouble) {
      throw new MollieError(409, 'Conflict', 'A duplicate refund has been detected')
    }
    const refund: Refund = {
      resource: 'refund',
      id: newId('re_'),
      paymentId: id,
      status: this.settings.refundsWait ? 'pending' : 'refunded',
      amount,
      description,
      metadata: given.metadata ?? null,
      createdAt: new Date().toISOString(),
    }
    this.store.put('refunds', refund.id, refund)
    this.#refunded(payment)
    return refund
  }

  refunds(id: string): Refund[] {
    return this.store.all<Refund>('refunds').filter(({ paymentId }) => paymentId === id)
  }

  settleRefund(refundId: string, isDone: boolean): Refund {
    const refund = this.store.get<Refund>('refunds', refundId)
    if (refund === undefined) throw notFound('no refund')
    const settled = this.store.put<Refund>('refunds', refundId, {
      ...refund,
      status: isDone ? 'refunded' : 'failed',
    })
    this.#refunded(this.payment(refund.paymentId))
    return settled
  }

  #refunded(payment: Payment): void {
    const given = this.refunds(payment.id)
      .filter(({ status }) => status !== 'failed' && status !== 'canceled')
      .reduce((sum, { amount }) => sum + minorOf(amount), 0n)
    const taken = minorOf(payment.amountCaptured ?? payment.amount)
    const { currency } = payment.amount
    this.#move(payment, payment.status, {
      amountRefunded: { currency, value: textOf(given, currency) },
      amountRemaining: { currency, value: textOf(taken - given, currency) },
    })
  }

  /** A buyer's bank takes the money back. */
  chargeBack(id: string): Chargeback {
    const payment = this.payment(id)
    const chargeback: Chargeback = {
      resource: 'chargeback',
      id: newId('chb_'),
      paymentId: id,
      amount: payment.amountRemaining,
      createdAt: new Date().toISOString(),
      reversedAt: null,
    }
    this.store.put('chargebacks', chargeback.id, chargeback)
    this.#changed(payment)
    return chargeback
  }

  chargebacks(id: string): Chargeback[] {
    return this.store.all<Chargeback>('chargebacks').filter(({ paymentId }) => paymentId === id)
  }

  /** The bank gives it back. */
  reverse(chargebackId: string): Chargeback {
    const chargeback = this.store.get<Chargeback>('chargebacks', chargebackId)
    if (chargeback === undefined) throw notFound('no chargeback')
    const reversed = { ...chargeback, reversedAt: new Date().toISOString() }
    this.store.put('chargebacks', chargebackId, reversed)
    this.#changed(this.payment(chargeback.paymentId))
    return reversed
  }

  /** Newest first, from the one with the id. */
  list<T extends { id: string }>(
    collection: string,
    limit: number,
    from: string | undefined,
  ): { found: T[]; next: string | undefined } {
    const all = this.store.all<T>(collection).reverse()
    const start = from === undefined ? 0 : all.findIndex(({ id }) => id === from)
    if (start < 0) throw notFound(`Nothing exists with token ${from}.`)
    return { found: all.slice(start, start + limit), next: all[start + limit]?.id }
  }
}

function required(given: Record<string, unknown>, name: string, maximum: number): string {
  const value = given[name]
  if (typeof value === 'string' && value !== '' && [...value].length <= maximum) return value
  throw unprocessable(`The ${name} is invalid`, name)
}

function addressOf(given: Record<string, unknown>, name: string): string {
  const value = required(given, name, 2_048)
  if (URL.canParse(value)) return value
  throw unprocessable(`The ${name} is invalid`, name)
}

/** With exactly the digits of its currency, as text. */
function amountOf(given: unknown): Amount {
  const { currency, value, ...more } = (given ?? {}) as Record<string, unknown>
  const isWhole =
    typeof currency === 'string' && /^[A-Z]{3}$/.test(currency) && Object.keys(more).length === 0
  const digits = DIGITS[String(currency)] ?? 2
  const pattern = digits === 0 ? /^[1-9]\d*$/ : new RegExp(`^(0|[1-9]\\d*)\\.\\d{${digits}}$`)
  if (!isWhole || typeof value !== 'string' || !pattern.test(value)) {
    throw unprocessable('The amount contains an invalid value', 'amount')
  }
  const amount = { currency, value }
  if (minorOf(amount) === 0n) throw unprocessable('The amount is too low', 'amount')
  return amount
}

const minorOf = ({ value }: Amount): bigint => BigInt(value.replace('.', ''))

function textOf(minor: bigint, currency: string): string {
  const digits = DIGITS[currency] ?? 2
  const text = String(minor).padStart(digits + 1, '0')
  const split = text.length - digits
  return digits === 0 ? text : `${text.slice(0, split)}.${text.slice(split)}`
}
