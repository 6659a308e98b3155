import { defineError } from '@auction/common/http/errors.ts'

// Only another setting helps, so there is no use in asking again soon.
const NOT_SET_UP = { retryAfterSeconds: 3_600 }

/** Every error this service answers with. */
export const paymentErrors = {
  unauthenticated: defineError('payment.unauthenticated', 'Log in to do this.', 401),
  forbidden: defineError('payment.forbidden', 'Only administrators do this.', 403),
  proofRequired: defineError(
    'payment.proof_required',
    'Prove again who you are, then repeat this.',
    403,
  ),
  notFound: defineError('payment.not_found', 'There is no such payment.', 404),
  idempotencyKeyMissing: defineError(
    'payment.idempotency_key_missing',
    'Send an Idempotency-Key, so that a repeated request is done once.',
    422,
  ),
  idempotencyKeyReused: defineError(
    'payment.idempotency_key_reused',
    'This Idempotency-Key was used for another request.',
    422,
  ),
  inProgress: defineError(
    'payment.in_progress',
    'One of these orders is being paid, or is paid.',
    409,
  ),
  notCancellable: defineError(
    'payment.not_cancellable',
    'It is over, or the money is being taken.',
    409,
  ),
  noProvider: defineError('payment.no_provider', 'Payments are not set up here.', 503, NOT_SET_UP),
  unknownProvider: defineError('payment.unknown_provider', 'There is no such provider.', 422),
  notSupported: defineError(
    'payment.not_supported',
    'The provider does not take this currency or amount.',
    422,
  ),
  returnUrl: defineError('payment.return_url', 'returnUrl must be an address of this site.', 422),
  webhookRefused: defineError(
    'payment.webhook_refused',
    'The report is not signed by the provider, or too old.',
    401,
  ),
  amount: defineError('payment.amount', 'This is not an amount of the currency.', 422),
  invalidReason: defineError('payment.invalid_reason', 'Say why, in at most 500 characters.', 422),
  ownPurchase: defineError(
    'payment.own_purchase',
    'You bought this, so another moderator decides.',
    403,
  ),
  orderNotPaid: defineError('payment.order_not_paid', 'The payment has no such order.', 404),
  notCaptured: defineError('payment.not_captured', 'No money was taken by this payment.', 409),
  refundTooLarge: defineError(
    'payment.refund_too_large',
    'More than is left of what was paid for the order.',
    409,
  ),
  refundNotCovered: defineError(
    'payment.refund_not_covered',
    'The money was paid out to you already, and what you have here does not cover it.',
    409,
  ),
}

/** Errors about what sellers are charged and paid. */
export const chargeErrors = {
  invalidAmount: defineError('charge.invalid_amount', 'This is no amount of the currency.', 422),
  invalidBounds: defineError(
    'charge.invalid_bounds',
    'Bounds need a currency, and the minimum is not above the maximum.',
    422,
  ),
  ownCharges: defineError(
    'charge.own',
    'It is about what you are charged, so another administrator does this.',
    403,
  ),
  invalidTime: defineError(
    'charge.invalid_time',
    'A rate begins now or later, and ends after it begins.',
    422,
  ),
}

/** Errors about deposits. */
export const depositErrors = {
  notFound: defineError('deposit.not_found', 'There is no such deposit, or no such lot.', 404),
  notRequired: defineError('deposit.not_required', 'This lot takes bids without a deposit.', 409),
  ownItem: defineError('deposit.own_item', 'You cannot bid on your own item.', 403),
  lotOver: defineError('deposit.lot_over', 'This lot takes no bids any more.', 409),
  inProgress: defineError(
    'deposit.in_progress',
    'Another deposit of yours for this lot is being ended. Try again shortly.',
    409,
    { retryAfterSeconds: 5 },
  ),
}

/** Errors about payouts. */
export const payoutErrors = {
  notFound: defineError('payout.not_found', 'There is no such payout.', 404),
  decided: defineError('payout.decided', 'It is known already how this payout ended.', 409),
  notManual: defineError('payout.not_manual', 'A provider says how this payout ends.', 409),
  invalidReference: defineError(
    'payout.invalid_reference',
    'The reference is a line of at most 200 characters.',
    422,
  ),
  own: defineError('payout.own', 'It is your own money, so another administrator does this.', 403),
  noAccount: defineError('payout.no_account', 'You have not said yet where to be paid.', 404),
  noProvider: defineError(
    'payout.no_provider',
    'Payouts by a provider are not set up here.',
    503,
    NOT_SET_UP,
  ),
  byHand: defineError('payout.by_hand', 'An administrator pays you by hand.', 409),
  accountRefused: defineError(
    'payout.account_refused',
    'The provider does not open an account with this.',
    422,
  ),
  providerUnclear: defineError(
    'payout.provider_unclear',
    'The provider does not answer. Try again shortly.',
    503,
    { retryAfterSeconds: 5 },
  ),
}

/** Errors about what a second operator approves. */
export const approvalErrors = {
  notFound: defineError('approval.not_found', 'There is no such request.', 404),
  decided: defineError('approval.decided', 'It was decided already.', 409),
  expired: defineError('approval.expired', 'No one decided in time. Ask for it again.', 409),
  outdated: defineError(
    'approval.outdated',
    'What it is about has changed since it was asked for. Ask for it again.',
    409,
  ),
  askedByYou: defineError(
    'approval.asked_by_you',
    'Another operator decides about what you asked for.',
    403,
  ),
  aboutYou: defineError('approval.about_you', 'It is about you, so others decide.', 403),
}

/** Errors about statements. */
export const statementErrors = {
  notYet: defineError('statement.not_yet', 'This month has not begun.', 404),
}

/** Errors about invoices. */
export const invoiceErrors = {
  notFound: defineError('invoice.not_found', 'You have no such invoice.', 404),
  notRendered: defineError(
    'invoice.not_rendered',
    'The document is being made. Try again shortly.',
    409,
    { retryAfterSeconds: 5 },
  ),
}
