import type Stripe from 'stripe'
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
import { fromStripe, readStripe, stripeProblemOf, toStripe } from './currencies.ts'
import {
  asked,
  createClient,
  fromSeconds,
  inSeconds,
  PAGE,
  requireSame,
  type StripeOptions,
} from './stripe-client.ts'

const SIGNATURE_MAX_AGE_S = 300
const REFUNDS_MAX = 1_000
const ABOUT_PAYMENTS = /^(checkout\.session|payment_intent|charge|refund)\./
const ABOUT_ACCOUNTS = /^(account|capability|payout)\./
const ABOUT_TRANSFERS = /^transfer\./

/** Payments by Stripe: a hosted page of Checkout, a hold on the card, a capture, refunds. */
export function createStripeProvider(options: StripeOptions): PaymentProvider {
  const client = createClient(options)
  return {
    name: 'stripe',
    problemOf: stripeProblemOf,
    begin: (request, key) => begin(client, request, key),
    capture: (attempt, money, key) => capture(client, attempt, money, key),
    cancel: (attempt, key) => cancel(client, attempt, key),
    refund: (attempt, refund, key) => giveBack(client, attempt, refund, key),
    look: (attempt) => asked(() => look(client, attempt)),
    readWebhook: (raw, headers) => readWebhook(client, options, raw, headers['stripe-signature']),
    charges: (from, to) => charges(client, from, to),
    moves: (from, to) => moves(client, from, to),
  }
}

async function begin(client: Stripe, request: BeginRequest, key: string): Promise<Begun> {
  const { attemptId, paymentId, money } = request
  const { amount, currency } = toStripe(money)
  const metadata = { attemptId, paymentId }
  const session = await asked(() =>
    client.checkout.sessions.create(
      {
        mode: 'payment',
        client_reference_id: attemptId,
        metadata,
        line_items: [
          {
            quantity: 1,
            price_data: {
              currency,
              unit_amount: amount,
              product_data: { name: request.description },
            },
          },
        ],
        payment_intent_data: {
          capture_method: 'manual',
          description: request.description,
          transfer_group: `payment_${paymentId}`,
          // Charges and their events carry it.
          metadata,
        },
        success_url: request.returnUrl,
        cancel_url: request.cancelUrl,
        expires_at: inSeconds(request.expiresAt),
      },
      { idempotencyKey: key },
    ),
  )
  requireSame(money, session.amount_total, session.currency)
  return {
    reference: session.id,
    next: session.url === null ? { kind: 'none' } : { kind: 'redirect', url: session.url },
  }
}

async function capture(
  client: Stripe,
  attempt: AttemptReference,
  money: Money,
  key: string,
): Promise<void> {
  const { amount } = toStripe(money)
  const intent = await asked(async () =>
    client.paymentIntents.capture(
      intentOf(attempt),
      { amount_to_capture: amount },
      { idempotencyKey: key },
    ),
  )
  requireSame(money, intent.amount_received, intent.currency)
}

function intentOf({ chargeReference }: AttemptReference): string {
  if (chargeReference === null) {
    throw new ProviderError('refused', 'not_paid', 'the buyer has paid with nothing yet')
  }
  return chargeReference
}

async function cancel(
  client: Stripe,
  { reference, chargeReference, isHeld = false }: Parameters<PaymentProvider['cancel']>[0],
  key: string,
): Promise<void> {
  const letGo = (intent: string) =>
    client.paymentIntents.cancel(
      intent,
      { cancellation_reason: 'abandoned' },
      { idempotencyKey: `${key}:hold` },
    )
  await asked(async () => {
    if (isHeld && chargeReference !== null) {
      await letGo(chargeReference)
      return
    }
    const session = await client.checkout.sessions.retrieve(reference)
    if (session.status === 'open') {
      // A buyer who pays at this moment makes it fail; the next look sees the hold.
      await client.checkout.sessions.expire(reference, {}, { idempotencyKey: `${key}:page` })
      return
    }
    // Also behind a page that expired: it may have been paid on at that moment.
    const intent = session.payment_intent
    if (intent === null) return
    await letGo(typeof intent === 'string' ? intent : intent.id)
  })
}

async function giveBack(
  client: Stripe,
  attempt: AttemptReference,
  { refundId, money }: RefundRequest,
  key: string,
): Promise<{ reference: string }> {
  const { amount } = toStripe(money)
  const refund = await asked(async () =>
    client.refunds.create(
      { payment_intent: intentOf(attempt), amount, metadata: { refundId } },
      { idempotencyKey: key },
    ),
  )
  requireSame(money, refund.amount, refund.currency)
  return { reference: refund.id }
}

async function look(client: Stripe, { reference }: AttemptReference): Promise<ProviderState> {
  const session = await client.checkout.sessions.retrieve(reference, {
    expand: ['payment_intent.latest_charge'],
  })
  const intent = session.payment_intent
  const money = fromStripe(session.amount_total ?? -1, session.currency ?? '')
  if (intent === null || typeof intent === 'string') {
    return {
      state: session.status === 'expired' ? 'expired' : 'open',
      money,
      captured: 0n,
      chargeReference: intent,
      holdEndsAt: undefined,
      failureCode: undefined,
      refunded: 0n,
      refunds: [],
      disputes: [],
    }
  }
  const charge = typeof intent.latest_charge === 'string' ? null : intent.latest_charge
  const captured = fromStripe(intent.amount_received, intent.currency)
  const isCaptured = intent.status === 'succeeded'
  const holdEnds = charge?.payment_method_details?.card?.capture_before
  return {
    state: stateOf(session, intent),
    money: fromStripe(intent.amount, intent.currency),
    captured: captured.amount,
    chargeReference: intent.id,
    holdEndsAt: holdEnds === undefined || isCaptured ? undefined : fromSeconds(holdEnds),
    failureCode: intent.last_payment_error?.decline_code ?? intent.last_payment_error?.code,
    refunded: fromStripe(charge?.amount_refunded ?? 0, intent.currency).amount,
    refunds: isCaptured ? await refundsOf(client, intent.id) : [],
    // An inquiry of the bank does not make a charge disputed, so that is not a reason to ask or not to.
    disputes: isCaptured ? await disputesOf(client, intent.id) : [],
  }
}

function stateOf(
  session: Stripe.Checkout.Session,
  intent: Stripe.PaymentIntent,
): ProviderState['state'] {
  switch (intent.status) {
    case 'succeeded':
      return 'captured'
    case 'requires_capture':
      return 'authorised'
    case 'processing':
      return 'processing'
    case 'canceled':
      return session.status === 'expired' ? 'expired' : 'cancelled'
    // The buyer may try another card as long as the page is open.
    default:
      return session.status === 'expired' ? 'expired' : 'open'
  }
}

async function refundsOf(client: Stripe, intent: string): Promise<ProviderRefund[]> {
  const refunds = await client.refunds
    .list({ payment_intent: intent, limit: PAGE })
    .autoPagingToArray({ limit: REFUNDS_MAX })
  return refunds.map((refund) => ({
    refundId: refund.metadata?.refundId,
    reference: refund.id,
    amount: fromStripe(refund.amount, refund.currency).amount,
    state: REFUND_STATES[refund.status ?? ''] ?? 'pending',
  }))
}

const REFUND_STATES: Readonly<Record<string, ProviderRefund['state']>> = {
  succeeded: 'done',
  failed: 'failed',
  canceled: 'failed',
}

async function disputesOf(client: Stripe, intent: string): Promise<ProviderDispute[]> {
  const { data } = await client.disputes.list({ payment_intent: intent, limit: PAGE })
  return data.map(({ id, amount, currency, status, evidence_details: evidence }) => ({
    reference: id,
    ...fromStripe(amount, currency),
    state: DISPUTE_STATES[status] ?? 'unknown',
    word: status,
    evidenceDueAt:
      evidence.due_by === null || evidence.due_by === undefined
        ? undefined
        : fromSeconds(evidence.due_by),
  }))
}

const DISPUTE_STATES: Readonly<Record<string, ProviderDispute['state']>> = {
  warning_needs_response: 'inquiry',
  warning_under_review: 'inquiry',
  warning_closed: 'closed',
  needs_response: 'open',
  under_review: 'open',
  won: 'won',
  lost: 'lost',
}

/**
 * Only what Stripe signed a short time ago is read, from the bytes as they came. What happens to accounts of sellers comes
 * from another endpoint of the dashboard, with a secret of its own.
 */
function readWebhook(
  client: Stripe,
  { webhookSecret, connectWebhookSecret = '' }: StripeOptions,
  raw: Buffer,
  signature: string | string[] | undefined,
): WebhookReading {
  if (typeof signature !== 'string') return { refused: 'no signature' }
  let refused = 'not readable'
  for (const secret of [webhookSecret, connectWebhookSecret]) {
    if (secret === '') continue
    try {
      const event = client.webhooks.constructEvent(raw, signature, secret, SIGNATURE_MAX_AGE_S)
      return {
        eventId: event.id,
        kind: event.type,
        subject: subjectOf(event.type),
        references: referencesIn(event.data.object, event.account),
      }
    } catch (error) {
      if (error instanceof Error) refused = error.message
    }
  }
  return { refused }
}

function subjectOf(kind: string): 'payment' | 'account' | 'transfer' | 'other' {
  if (ABOUT_PAYMENTS.test(kind)) return 'payment'
  if (ABOUT_ACCOUNTS.test(kind)) return 'account'
  return ABOUT_TRANSFERS.test(kind) ? 'transfer' : 'other'
}

/** Sessions, intents and transfers have our id; refunds and disputes name the intent. `account`: that of a seller. */
function referencesIn(object: unknown, account: string | undefined): string[] {
  if (typeof object !== 'object' || object === null) return []
  const { id, metadata, payment_intent: intent } = object as Record<string, unknown>
  const { attemptId, payoutId } =
    typeof metadata === 'object' && metadata !== null ? (metadata as Record<string, unknown>) : {}
  return [attemptId, payoutId, id, intent, account].filter(
    (one): one is string => typeof one === 'string',
  )
}

async function* charges(client: Stripe, from: Date, to: Date): AsyncIterable<ProviderCharge> {
  const list = client.paymentIntents.list({
    created: { gte: inSeconds(from), lt: inSeconds(to) },
    limit: PAGE,
    expand: ['data.latest_charge'],
  })
  for await (const intent of list) {
    const charge = typeof intent.latest_charge === 'string' ? null : intent.latest_charge
    yield {
      chargeReference: intent.id,
      attemptId: intent.metadata.attemptId,
      currencyCode: intent.currency.toUpperCase(),
      captured: readStripe(intent.amount_received, intent.currency),
      refunded: readStripe(charge?.amount_refunded ?? 0, intent.currency),
    }
  }
}

async function* moves(client: Stripe, from: Date, to: Date): AsyncIterable<ProviderMove> {
  const created = { gte: inSeconds(from), lt: inSeconds(to) }
  const moveOf = (kind: ProviderMove['kind'], one: Stripe.Refund | Stripe.Dispute) => {
    const intent = one.payment_intent
    return {
      kind,
      reference: one.id,
      chargeReference: (typeof intent === 'string' ? intent : intent?.id) ?? '',
      amount: readStripe(one.amount, one.currency),
      currencyCode: one.currency.toUpperCase(),
    }
  }
  for await (const refund of client.refunds.list({ created, limit: PAGE })) {
    if (refund.metadata?.refundId === undefined) yield moveOf('foreign_refund', refund)
  }
  for await (const dispute of client.disputes.list({ created, limit: PAGE })) {
    yield moveOf('dispute', dispute)
  }
}
