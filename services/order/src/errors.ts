import { defineError } from '@auction/common/http/errors.ts'

/** Every error this service answers with. */
export const orderErrors = {
  unauthenticated: defineError('order.unauthenticated', 'Log in to do this.', 401),
  notFound: defineError('order.not_found', 'There is no such order.', 404),
  notPayable: defineError('order.not_payable', 'This order cannot be paid now.', 409),
  claimedByAnother: defineError(
    'order.claimed_by_another',
    'Another payment of this order is under way.',
    409,
  ),
  paymentEnded: defineError('order.payment_ended', 'This payment is over.', 409),
  amountMismatch: defineError(
    'order.amount_mismatch',
    'The amount or the currency is not that of the order.',
    422,
  ),
  differentSellers: defineError(
    'order.different_sellers',
    'Orders of one seller only are paid together.',
    422,
  ),
  differentCurrencies: defineError(
    'order.different_currencies',
    'Orders of one currency only are paid together.',
    422,
  ),
  notYours: defineError('order.not_yours', 'The other side of the order does this.', 403),
  wrongState: defineError('order.wrong_state', 'The order is not in a state for this.', 409),
  beingPaid: defineError('order.being_paid', 'A payment of this order is under way.', 409),
  reserved: defineError(
    'order.reserved',
    'The item is reserved for the buyer, who still has time to pay.',
    409,
  ),
  wrongDelivery: defineError(
    'order.wrong_delivery',
    'The order is delivered in another way: shipped, or collected in person.',
    409,
  ),
  deliveryNotChosen: defineError(
    'order.delivery_not_chosen',
    'The buyer has not chosen how to get it.',
    409,
  ),
  chargeback: defineError(
    'order.chargeback',
    'The bank of the buyer has taken the money back, for good or until it decides.',
    409,
  ),
  invalidAddress: defineError('order.invalid_address', 'The address is not right.', 422),
  addressRequired: defineError('order.address_required', 'Say where to ship it to.', 422),
  invalidTrackingNumber: defineError(
    'order.invalid_tracking_number',
    'A tracking number has 4 to 40 letters and digits.',
    422,
  ),
  tooManyShipments: defineError('order.too_many_shipments', 'No more parcels can be added.', 409),
  codeWrong: defineError('order.code_wrong', 'This is not the code of the buyer.', 422),
  codeMissing: defineError('order.code_missing', 'The buyer has no code yet.', 409),
  codeLocked: defineError(
    'order.code_locked',
    'Too many wrong codes. The buyer must make a new one.',
    409,
  ),
  reopenTooLate: defineError('order.reopen_too_late', 'It was cancelled too long ago.', 409),
  buyerBarred: defineError('order.buyer_barred', 'The buyer may not buy at present.', 409),
  itemRemoved: defineError('order.item_removed', 'A moderator removed the item.', 409),
  unitSold: defineError('order.unit_sold', 'The item was sold to another buyer meanwhile.', 409),
  forbidden: defineError('order.forbidden', 'Moderators do this.', 403),
  disputeNone: defineError('order.no_dispute', 'There is no open dispute.', 404),
  disputeNotYours: defineError('order.dispute_not_yours', 'The other side opened it.', 403),
  disputeAnswerOpen: defineError(
    'order.dispute_answer_open',
    'The other side has not answered, and still has time to.',
    409,
  ),
  tooManyMessages: defineError('order.too_many_messages', 'No more messages can be written.', 409),
  tooManyOwnMessages: defineError(
    'order.too_many_own_messages',
    'You cannot write more messages in this dispute.',
    409,
  ),
  disputedBefore: defineError(
    'order.disputed_before',
    'There was a dispute of this order, and there is one for an order.',
    409,
  ),
  refundNotPending: defineError(
    'order.refund_not_pending',
    'The order does not wait for a refund.',
    409,
  ),
  invalidMessage: defineError('order.invalid_message', 'The message is not right.', 422),
  refundInvalid: defineError(
    'order.refund_invalid',
    'The amount is above zero and at most what is left of the payment.',
    422,
  ),
}
