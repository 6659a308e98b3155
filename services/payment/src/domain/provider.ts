/** Minor units of a currency, by our table of ISO 4217. A provider's own digits stay in its adapter. */
export interface Money {
  readonly amount: bigint
  readonly currencyCode: string
}

/** Why a request to a provider did not end as it should. */
export type ProviderProblem =
  /** It was refused: nothing was done, and the same request would be refused again. */
  | 'refused'
  /** No answer, or none that says what happened: it may have been done. */
  | 'unclear'
  /** The answer is about another amount or currency than the request. */
  | 'mismatch'

/** The code of a request that was not done, because there were too many. */
export const TOO_MANY = 'rate_limit'

/** Says whether a request may have had its effect; `code` is ours, or the provider's own word. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError'
  readonly problem: ProviderProblem
  readonly code: string

  constructor(problem: ProviderProblem, code: string, message: string) {
    super(message)
    this.problem = problem
    this.code = code
  }
}

/** What the provider is asked to begin. The same attempt always asks for the same. */
export interface BeginRequest {
  readonly attemptId: string
  readonly paymentId: string
  readonly money: Money
  readonly description: string
  /** Where the buyer's browser goes afterwards. */
  readonly returnUrl: string
  readonly cancelUrl: string
  /** The buyer can pay until then. */
  readonly expiresAt: Date
}

export type NextStep =
  | { readonly kind: 'redirect'; readonly url: string }
  | { readonly kind: 'none' }

export interface Begun {
  /** By which the provider knows the attempt. */
  readonly reference: string
  readonly next: NextStep
}

/** How the provider knows an attempt; the second is there as soon as the buyer has paid with something. */
export interface AttemptReference {
  readonly reference: string
  readonly chargeReference: string | null
}

export interface ProviderRefund {
  /** Ours, when we asked for it. */
  readonly refundId: string | undefined
  readonly reference: string
  readonly amount: bigint
  readonly state: 'pending' | 'done' | 'failed'
}

export interface ProviderDispute {
  readonly reference: string
  readonly amount: bigint
  readonly currencyCode: string
  /**
   * inquiry: the bank asks, and has taken nothing; closed: it asks no more. unknown: the provider has a word for it that
   * the adapter does not know.
   */
  readonly state: 'inquiry' | 'closed' | 'open' | 'won' | 'lost' | 'unknown'
  /** The provider's own word for the state. */
  readonly word: string
  readonly evidenceDueAt: Date | undefined
}

/** What the provider says of an attempt now. Only this moves a payment, never a webhook by itself. */
export interface ProviderState {
  readonly state: 'open' | 'processing' | 'authorised' | 'captured' | 'cancelled' | 'expired'
  /** What the buyer was asked for. */
  readonly money: Money
  readonly captured: bigint
  readonly chargeReference: string | null
  /** The hold ends then, if it is not captured. */
  readonly holdEndsAt: Date | undefined
  /** Of the last card that did not work. */
  readonly failureCode: string | undefined
  /** What was given back by its own count, whatever was reported of single refunds. */
  readonly refunded: bigint
  readonly refunds: readonly ProviderRefund[]
  readonly disputes: readonly ProviderDispute[]
}

export interface RefundRequest {
  readonly refundId: string
  readonly money: Money
}

/** One payment in the provider's books, for comparing them with ours. */
export interface ProviderCharge {
  readonly chargeReference: string
  readonly attemptId: string | undefined
  readonly currencyCode: string
  /** Text, as the provider writes it: in a currency that we never ask for. */
  readonly captured: bigint | string
  readonly refunded: bigint | string
}

/** A refund that we did not ask for, or a dispute, that began in a time. */
export interface ProviderMove {
  readonly kind: 'foreign_refund' | 'dispute'
  readonly reference: string
  readonly chargeReference: string
  /** Text, as the provider writes it: in a currency that we never ask for. */
  readonly amount: bigint | string
  readonly currencyCode: string
}

export type WebhookReading =
  | {
      readonly eventId: string
      readonly kind: string
      /** What is to be looked at: a payment, the account of a seller, a payout; or nothing. */
      readonly subject: 'payment' | 'account' | 'transfer' | 'other'
      /** Names by which it may be known: our id, or references of the provider. */
      readonly references: readonly string[]
    }
  | { readonly refused: string }

/**
 * A company that takes money from buyers. Every method that changes something has a key: the same key has its
 * effect once. "Accepted" is not "done": `look` says what is done.
 */
export interface PaymentProvider {
  readonly name: string
  /** Why it cannot take this amount; undefined: it can. */
  problemOf(money: Money): 'currency' | 'amount' | undefined
  begin(request: BeginRequest, key: string): Promise<Begun>
  capture(attempt: AttemptReference, money: Money, key: string): Promise<void>
  /**
   * Makes sure that the buyer is not charged: closes the page, or lets go of the hold. `isHeld`: a look showed the hold, so there is
   * no page to close.
   */
  cancel(attempt: AttemptReference & { readonly isHeld?: boolean }, key: string): Promise<void>
  refund(
    attempt: AttemptReference,
    refund: RefundRequest,
    key: string,
  ): Promise<{ reference: string }>
  look(attempt: AttemptReference): Promise<ProviderState>
  /** Of a report as it came; `query` is that of its address. */
  readWebhook(
    raw: Buffer,
    headers: Readonly<Record<string, string | string[] | undefined>>,
    query: Readonly<Record<string, unknown>>,
  ): WebhookReading
  /** Everything that was begun between two instants, in pages. */
  charges(from: Date, to: Date): AsyncIterable<ProviderCharge>
  /** What happened between two instants to payments of any age, in pages. */
  moves(from: Date, to: Date): AsyncIterable<ProviderMove>
}
