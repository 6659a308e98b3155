import { checkAmount, currencyOf, newId } from './checks.ts'
import { Connect } from './connect.ts'
import type {
  Charge,
  Dispute,
  Intent,
  Refund,
  SandboxEvent,
  Session,
  SessionTerms,
} from './objects.ts'
import { API_VERSION } from './request-check.ts'
import type { Store } from './store.ts'
import {
  type Form,
  formOf,
  invalid,
  listOf,
  metadataOf,
  missing,
  numberOf,
  StripeError,
  textOf,
} from './wire.ts'

const HOUR_S = 3_600
const SESSION_MIN_S = 30 * 60
const SESSION_MAX_S = 24 * HOUR_S
// Cards hold an authorisation for a week.
const AUTHORISATION_S = 7 * 24 * HOUR_S
const EVIDENCE_S = 7 * 24 * HOUR_S
const DISPUTE_AFTER_S = 10

/** What the cards of the page do. All other numbers are declined as unknown. */
export const CARDS: Readonly<Record<string, { brand: string; does: CardEffect; about: string }>> = {
  '4242424242424242': { brand: 'visa', does: 'succeed', about: 'succeeds' },
  '5555555555554444': { brand: 'mastercard', does: 'succeed', about: 'succeeds' },
  '4000000000000002': { brand: 'visa', does: 'generic_decline', about: 'is declined' },
  '4000000000009995': {
    brand: 'visa',
    does: 'insufficient_funds',
    about: 'is declined: not enough money',
  },
  '4000002500003155': { brand: 'visa', does: 'challenge', about: 'asks for 3-D Secure' },
  '4000000000000259': {
    brand: 'visa',
    does: 'dispute',
    about: 'succeeds, and the payment is disputed a little later',
  },
}
type CardEffect = 'succeed' | 'generic_decline' | 'insufficient_funds' | 'challenge' | 'dispute'

interface Challenge {
  session: string
  card: string
}

/** What is to be done at an instant of the sandbox's clock. */
interface Due {
  id: string
  at: number
  charge: string
}

export interface Settings {
  /** Seconds by which the clock of the sandbox is ahead. */
  clockAheadS: number
  /** Every card is declined, or has to pass 3-D Secure. */
  decline: boolean
  challenge: boolean
  /** Refunds stay pending until the control route settles them. */
  slowRefunds: boolean
  /** Transfers to sellers are refused. */
  refuseTransfers: boolean
  /** Sellers have spent what they got: no transfer can be reversed. */
  emptyAccounts: boolean
}

export const DEFAULT_SETTINGS: Settings = {
  clockAheadS: 0,
  decline: false,
  challenge: false,
  slowRefunds: false,
  refuseTransfers: false,
  emptyAccounts: false,
}

/** Our own provider on Stripe's wire: what it answers follows from what was done before, as at the real one. */
export class Provider {
  readonly store: Store
  /** Accounts of sellers, and transfers to them. */
  readonly connect: Connect
  readonly #baseUrl: () => string
  readonly #announce: (event: SandboxEvent) => void

  constructor(store: Store, baseUrl: () => string, announce: (event: SandboxEvent) => void) {
    this.store = store
    this.#baseUrl = baseUrl
    this.#announce = announce
    this.connect = new Connect({
      store,
      baseUrl,
      now: () => this.now(),
      settings: () => this.settings,
      emit: (type, object) => this.emit(type, object),
    })
  }

  get settings(): Settings {
    return { ...DEFAULT_SETTINGS, ...this.store.get<Settings>('settings', 'provider') }
  }

  set settings(settings: Settings) {
    this.store.put('settings', 'provider', settings)
  }

  now(): number {
    return Math.floor(Date.now() / 1_000) + this.settings.clockAheadS
  }

  // -- sessions: the page on which a buyer pays

  createSession(form: Form): Session {
    if (textOf(form.mode) !== 'payment') throw invalid('Only mode=payment is known here')
    const items = listOf(form.line_items).map(formOf)
    if (items.length === 0)
      throw invalid('Missing required param: line_items.', 'parameter_missing')
    const prices = items.map((item) => formOf(item.price_data))
    const currency = currencyOf(textOf(prices[0]?.currency))
    if (prices.some((price) => textOf(price.currency) !== currency)) {
      throw invalid('All line items must have one currency', undefined, 'line_items')
    }
    const amount = items.reduce((sum, item) => {
      const unit = numberOf(formOf(item.price_data).unit_amount, 'unit_amount')
      const quantity = numberOf(item.quantity, 'quantity')
      if (unit === undefined || quantity === undefined || unit < 0 || quantity < 1) {
        throw invalid('Invalid line item', 'parameter_missing', 'line_items')
      }
      return sum + unit * quantity
    }, 0)
    checkAmount(amount)
    const successUrl = textOf(form.success_url)
    if (successUrl === undefined || !/^https?:\/\//.test(successUrl)) {
      throw invalid('Not a valid URL', 'url_invalid', 'success_url')
    }
    const now = this.now()
    const expiresAt = numberOf(form.expires_at, 'expires_at') ?? now + SESSION_MAX_S
    if (expiresAt < now + SESSION_MIN_S || expiresAt > now + SESSION_MAX_S) {
      throw invalid(
        'The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.',
        undefined,
        'expires_at',
      )
    }
    const id = newId('cs_test_')
    const data = formOf(form.payment_intent_data)
    const product = formOf(prices[0]?.product_data)
    const terms: SessionTerms = {
      description: textOf(data.description) ?? textOf(product.name) ?? '',
      capture_method: textOf(data.capture_method) === 'manual' ? 'manual' : 'automatic',
      transfer_group: textOf(data.transfer_group) ?? null,
      metadata: metadataOf(data.metadata),
    }
    this.store.put('terms', id, terms)
    return this.store.put<Session>('sessions', id, {
      id,
      object: 'checkout.session',
      mode: 'payment',
      status: 'open',
      payment_status: 'unpaid',
      payment_intent: null,
      amount_total: amount,
      currency,
      client_reference_id: textOf(form.client_reference_id) ?? null,
      metadata: metadataOf(form.metadata),
      success_url: successUrl,
      cancel_url: textOf(form.cancel_url) ?? null,
      url: `${this.#baseUrl()}/pay/${id}`,
      created: now,
      expires_at: expiresAt,
      livemode: false,
    })
  }

  expireSession(id: string): Session {
    const session = this.session(id)
    if (session.status !== 'open') {
      throw invalid(
        `Only Checkout Sessions with a status in ["open"] can be expired. This one is ${session.status}.`,
      )
    }
    return this.#endSession(session)
  }

  #endSession(session: Session): Session {
    const ended = this.store.put<Session>('sessions', session.id, {
      ...session,
      status: 'expired',
      url: null,
    })
    if (ended.payment_intent !== null) {
      const intent = this.intent(ended.payment_intent)
      if (intent.status !== 'canceled') this.#void(intent, 'abandoned')
    }
    this.emit('checkout.session.expired', ended)
    return ended
  }

  session(id: string): Session {
    return this.#find<Session>('sessions', 'checkout.session', id)
  }

  // -- what a buyer does on the page

  /** Pays with a card. Answers what the page shows next. */
  pay(sessionId: string, number: string): 'paid' | 'challenge' | 'declined' | 'closed' {
    const session = this.session(sessionId)
    if (session.status !== 'open') return 'closed'
    const digits = number.replace(/[\s-]/g, '')
    const { decline, challenge } = this.settings
    const does = decline ? 'generic_decline' : (CARDS[digits]?.does ?? 'generic_decline')
    const intent = this.#intentOf(session)
    switch (does) {
      case 'generic_decline':
      case 'insufficient_funds':
        this.#decline(intent, 'card_declined', does)
        return 'declined'
      case 'challenge':
        return this.#ask(session, intent, digits)
      default:
        if (challenge) return this.#ask(session, intent, digits)
        this.#complete(session, intent, digits)
        return 'paid'
    }
  }

  #ask(session: Session, intent: Intent, card: string): 'challenge' {
    this.store.put<Challenge>('challenges', session.id, { session: session.id, card })
    this.#saveIntent({ ...intent, status: 'requires_action' }, 'payment_intent.requires_action')
    return 'challenge'
  }

  /** Ends the question of 3-D Secure. */
  answerChallenge(sessionId: string, isPassed: boolean): 'paid' | 'declined' | 'closed' {
    const session = this.session(sessionId)
    const challenge = this.store.get<Challenge>('challenges', sessionId)
    if (session.status !== 'open' || challenge === undefined) return 'closed'
    this.store.delete('challenges', sessionId)
    const intent = this.#intentOf(session)
    if (!isPassed) {
      this.#decline(intent, 'payment_intent_authentication_failure')
      return 'declined'
    }
    this.#complete(session, intent, challenge.card)
    return 'paid'
  }

  isChallenged(sessionId: string): boolean {
    return this.store.get('challenges', sessionId) !== undefined
  }

  #intentOf(session: Session): Intent {
    if (session.payment_intent !== null) return this.intent(session.payment_intent)
    const terms = this.store.get<SessionTerms>('terms', session.id)
    if (terms === undefined) throw missing('checkout.session', session.id)
    const intent = this.#newIntent(session.amount_total, session.currency, terms)
    this.store.put('sessions', session.id, { ...session, payment_intent: intent.id })
    return intent
  }

  #decline(intent: Intent, code: string, declineCode?: string): void {
    const error = {
      type: 'card_error',
      code,
      ...(declineCode === undefined ? {} : { decline_code: declineCode }),
      message: 'Your card was declined.',
    }
    this.#saveIntent(
      { ...intent, status: 'requires_payment_method', last_payment_error: error },
      'payment_intent.payment_failed',
    )
  }

  #complete(session: Session, intent: Intent, card: string): void {
    const paid = this.#authorise(intent, card)
    const current = this.session(session.id)
    const completed = this.store.put<Session>('sessions', session.id, {
      ...current,
      status: 'complete',
      payment_status: paid.status === 'succeeded' ? 'paid' : 'unpaid',
      payment_intent: paid.id,
      url: null,
    })
    this.emit('checkout.session.completed', completed)
  }

  #authorise(intent: Intent, card: string): Intent {
    const { brand, does } = CARDS[card] ?? { brand: 'visa', does: 'succeed' }
    const now = this.now()
    const chargeId = newId('ch_')
    const charge = this.store.put<Charge>('charges', chargeId, {
      id: chargeId,
      object: 'charge',
      amount: intent.amount,
      amount_captured: 0,
      amount_refunded: 0,
      currency: intent.currency,
      captured: false,
      refunded: false,
      disputed: false,
      dispute: null,
      status: 'succeeded',
      payment_intent: intent.id,
      payment_method_details: {
        type: 'card',
        card: { brand, last4: card.slice(-4), capture_before: now + AUTHORISATION_S },
      },
      transfer_group: intent.transfer_group,
      metadata: intent.metadata,
      created: now,
      livemode: false,
    })
    if (does === 'dispute') this.store.put('disputed-cards', charge.id, { id: charge.id })
    const held = this.#saveIntent(
      {
        ...intent,
        status: 'requires_capture',
        amount_capturable: intent.amount,
        latest_charge: charge.id,
        last_payment_error: null,
      },
      'payment_intent.amount_capturable_updated',
    )
    return intent.capture_method === 'manual' ? held : this.#take(held, held.amount)
  }

  // -- intents

  createIntent(form: Form): Intent {
    const amount = numberOf(form.amount, 'amount') ?? 0
    checkAmount(amount)
    const intent = this.#newIntent(amount, currencyOf(textOf(form.currency)), {
      description: textOf(form.description) ?? '',
      capture_method: textOf(form.capture_method) === 'manual' ? 'manual' : 'automatic',
      transfer_group: textOf(form.transfer_group) ?? null,
      metadata: metadataOf(form.metadata),
    })
    return textOf(form.confirm) === 'true' ? this.confirmIntent(intent.id, form) : intent
  }

  /** `pm_card_visa` and the like stand for cards, as in Stripe's test mode. */
  confirmIntent(id: string, form: Form): Intent {
    const intent = this.intent(id)
    const method = textOf(form.payment_method) ?? 'pm_card_visa'
    if (!['requires_payment_method', 'requires_confirmation'].includes(intent.status)) {
      throw this.#unexpected(intent, 'confirm')
    }
    if (method === 'pm_card_chargeDeclined' || this.settings.decline) {
      this.#decline(intent, 'card_declined', 'generic_decline')
      throw new StripeError(402, 'card_error', 'Your card was declined.', {
        code: 'card_declined',
        decline_code: 'generic_decline',
        payment_intent: this.intent(id),
      })
    }
    return this.#authorise(intent, '4242424242424242')
  }

  intent(id: string): Intent {
    return this.#find<Intent>('intents', 'payment_intent', id)
  }

  capture(id: string, form: Form): Intent {
    const intent = this.intent(id)
    if (intent.status !== 'requires_capture') throw this.#unexpected(intent, 'capture')
    const amount = numberOf(form.amount_to_capture, 'amount_to_capture') ?? intent.amount_capturable
    if (amount < 1 || amount > intent.amount_capturable) {
      throw invalid(
        'The amount could not be captured because it is greater than the amount that was authorized.',
        'amount_too_large',
        'amount_to_capture',
      )
    }
    return this.#take(intent, amount)
  }

  #take(intent: Intent, amount: number): Intent {
    const charge = this.charge(intent.latest_charge ?? '')
    this.#saveCharge({ ...charge, captured: true, amount_captured: amount }, 'charge.captured')
    const taken = this.#saveIntent(
      { ...intent, status: 'succeeded', amount_received: amount, amount_capturable: 0 },
      'payment_intent.succeeded',
    )
    if (this.store.get('disputed-cards', charge.id) !== undefined) {
      const due: Due = { id: newId('due_'), at: this.now() + DISPUTE_AFTER_S, charge: charge.id }
      this.store.put('due', due.id, due)
    }
    return taken
  }

  cancelIntent(id: string, form: Form): Intent {
    const intent = this.intent(id)
    if (intent.status === 'succeeded' || intent.status === 'canceled') {
      throw this.#unexpected(intent, 'cancel')
    }
    return this.#void(intent, textOf(form.cancellation_reason) ?? null)
  }

  #void(intent: Intent, reason: string | null): Intent {
    return this.#saveIntent(
      {
        ...intent,
        status: 'canceled',
        amount_capturable: 0,
        canceled_at: this.now(),
        cancellation_reason: reason,
      },
      'payment_intent.canceled',
    )
  }

  #newIntent(amount: number, currency: string, terms: SessionTerms): Intent {
    const id = newId('pi_')
    return this.#saveIntent(
      {
        id,
        object: 'payment_intent',
        amount,
        amount_capturable: 0,
        amount_received: 0,
        currency,
        capture_method: terms.capture_method,
        status: 'requires_payment_method',
        latest_charge: null,
        last_payment_error: null,
        cancellation_reason: null,
        canceled_at: null,
        transfer_group: terms.transfer_group,
        metadata: terms.metadata,
        created: this.now(),
        livemode: false,
      },
      'payment_intent.created',
    )
  }

  #unexpected(intent: Intent, act: string): StripeError {
    return new StripeError(
      400,
      'invalid_request_error',
      `You cannot ${act} this PaymentIntent because it has a status of ${intent.status}.`,
      { code: 'payment_intent_unexpected_state', payment_intent: intent },
    )
  }

  #saveIntent(intent: Intent, event: string): Intent {
    this.store.put('intents', intent.id, intent)
    this.emit(event, intent)
    return intent
  }

  // -- charges, refunds, disputes

  charge(id: string): Charge {
    return this.#find<Charge>('charges', 'charge', id)
  }

  #saveCharge(charge: Charge, event: string): Charge {
    this.store.put('charges', charge.id, charge)
    this.emit(event, charge)
    return charge
  }

  refund(form: Form): Refund {
    const intentId = textOf(form.payment_intent)
    const chargeId = textOf(form.charge) ?? this.intent(intentId ?? '').latest_charge
    if (chargeId === null)
      throw invalid('This PaymentIntent does not have a successful charge to refund.')
    const charge = this.charge(chargeId)
    if (!charge.captured) throw invalid('This charge has not been captured.', 'charge_not_captured')
    if (charge.disputed) {
      throw invalid('Charge has been charged back; cannot issue a refund.', 'charge_disputed')
    }
    const left = charge.amount_captured - charge.amount_refunded
    if (left === 0) throw invalid('Charge has already been refunded.', 'charge_already_refunded')
    const amount = numberOf(form.amount, 'amount') ?? left
    if (amount < 1 || amount > left) {
      throw invalid(
        `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`,
        'amount_too_large',
        'amount',
      )
    }
    const id = newId('re_')
    const refund = this.store.put<Refund>('refunds', id, {
      id,
      object: 'refund',
      amount,
      currency: charge.currency,
      charge: charge.id,
      payment_intent: charge.payment_intent,
      reason: textOf(form.reason) ?? null,
      status: this.settings.slowRefunds ? 'pending' : 'succeeded',
      metadata: metadataOf(form.metadata),
      created: this.now(),
    })
    const refunded = charge.amount_refunded + amount
    this.#saveCharge(
      { ...charge, amount_refunded: refunded, refunded: refunded === charge.amount_captured },
      'charge.refunded',
    )
    this.emit('refund.created', refund)
    return refund
  }

  refundById(id: string): Refund {
    return this.#find<Refund>('refunds', 'refund', id)
  }

  /** Ends a pending refund; one that fails gives its amount back to the charge. */
  settleRefund(id: string, isDone: boolean): Refund {
    const refund = this.refundById(id)
    if (refund.status === 'failed' || (refund.status === 'succeeded' && isDone)) return refund
    const settled: Refund = {
      ...refund,
      status: isDone ? 'succeeded' : 'failed',
      ...(isDone ? {} : { failure_reason: 'lost_or_stolen_card' }),
    }
    this.store.put('refunds', id, settled)
    if (!isDone) {
      const charge = this.charge(refund.charge)
      const refunded = charge.amount_refunded - refund.amount
      this.#saveCharge({ ...charge, amount_refunded: refunded, refunded: false }, 'charge.updated')
    }
    this.emit(isDone ? 'refund.updated' : 'refund.failed', settled)
    return settled
  }

  /** The bank of the buyer takes the money back, for now. */
  openDispute(
    chargeId: string,
    { amount, status = 'needs_response' }: Partial<Pick<Dispute, 'amount' | 'status'>> = {},
  ): Dispute {
    const charge = this.charge(chargeId)
    if (!charge.captured) throw invalid('This charge has not been captured.', 'charge_not_captured')
    if (charge.dispute !== null) return this.dispute(charge.dispute)
    const id = newId('dp_')
    const now = this.now()
    const dispute = this.store.put<Dispute>('disputes', id, {
      id,
      object: 'dispute',
      amount: amount ?? charge.amount_captured - charge.amount_refunded,
      currency: charge.currency,
      charge: charge.id,
      payment_intent: charge.payment_intent,
      reason: 'fraudulent',
      status,
      evidence: {},
      evidence_details: { due_by: now + EVIDENCE_S, has_evidence: false, submission_count: 0 },
      metadata: {},
      created: now,
      livemode: false,
    })
    // An inquiry takes no money, and what it is about can still be refunded.
    const disputed = !status.startsWith('warning_')
    this.#saveCharge({ ...charge, disputed, dispute: id }, 'charge.updated')
    this.emit('charge.dispute.created', dispute)
    return dispute
  }

  /** An inquiry becomes a dispute, or goes on. */
  moveDispute(id: string, status: Dispute['status']): Dispute {
    const moved = this.store.put<Dispute>('disputes', id, { ...this.dispute(id), status })
    const disputed = !status.startsWith('warning_')
    this.#saveCharge({ ...this.charge(moved.charge), disputed }, 'charge.updated')
    this.emit('charge.dispute.updated', moved)
    return moved
  }

  dispute(id: string): Dispute {
    return this.#find<Dispute>('disputes', 'dispute', id)
  }

  closeDispute(id: string, isWon: boolean): Dispute {
    const dispute = this.dispute(id)
    if (dispute.status === 'won' || dispute.status === 'lost') return dispute
    const closed = this.store.put<Dispute>('disputes', id, {
      ...dispute,
      status: isWon ? 'won' : 'lost',
    })
    this.emit('charge.dispute.closed', closed)
    return closed
  }

  // -- time

  /** Does what is due by the clock of the sandbox. */
  tick(): void {
    const now = this.now()
    for (const session of this.store.all<Session>('sessions')) {
      if (session.status === 'open' && session.expires_at <= now) this.#endSession(session)
    }
    for (const intent of this.store.all<Intent>('intents')) {
      if (intent.status !== 'requires_capture' || intent.latest_charge === null) continue
      const { payment_method_details } = this.charge(intent.latest_charge)
      if (payment_method_details.card.capture_before <= now) this.#void(intent, 'automatic')
    }
    for (const due of this.store.all<Due>('due')) {
      if (due.at > now) continue
      this.store.delete('due', due.id)
      this.openDispute(due.charge)
    }
  }

  emit(type: string, object: unknown): void {
    const id = newId('evt_')
    const event = this.store.put<SandboxEvent>('events', id, {
      id,
      object: 'event',
      api_version: API_VERSION,
      type,
      created: this.now(),
      livemode: false,
      pending_webhooks: 1,
      request: { id: null, idempotency_key: null },
      data: { object: structuredClone(object) },
    })
    this.#announce(event)
  }

  #find<T>(collection: string, kind: string, id: string): T {
    const found = this.store.get<T>(collection, id)
    if (found === undefined) throw missing(kind, id)
    return found
  }
}
