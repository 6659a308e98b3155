import { greater, lesser, share } from '@auction/common/money.ts'
import { type Account, clearing, sellerPayable, sellerPending, taxOf } from './accounts.ts'
import type { Entry, EntryKind, Posting } from './entry.ts'

/** What a buyer paid for one order, in minor units of one currency. */
export interface Sale {
  readonly paymentId: string
  readonly orderId: string
  readonly sellerId: string
  readonly provider: string
  readonly currencyCode: string
  /** The price of the item and what its delivery costs: the seller's. */
  readonly sellerGross: bigint
  /** What the buyer pays to the platform on top, its tax included. */
  readonly premium: bigint
}

export interface Tax {
  readonly jurisdiction: string
  readonly amount: bigint
}

/** What the platform takes of a sale. */
export interface Charges {
  /** Of the seller's money. */
  readonly commission: bigint
  /** On top of the commission, of the seller's money. */
  readonly commissionTax?: Tax | undefined
  /** Inside the premium: its price to the buyer is the final one. */
  readonly premiumTax?: Tax | undefined
}

/** An entry as it was posted. */
export interface PostedEntry {
  readonly kind: EntryKind
  readonly postings: readonly Posting[]
}

const keyOf = ({ paymentId, orderId }: Pick<Sale, 'paymentId' | 'orderId'>) =>
  `${paymentId}:${orderId}`

/** The provider took the buyer's money: most of it is the seller's, pending until the order is completed. */
export function captured(sale: Sale, charges: Charges): Entry {
  const { paymentId, orderId, currencyCode, sellerGross, premium } = sale
  const commissionTax = charges.commissionTax?.amount ?? 0n
  const premiumTax = charges.premiumTax?.amount ?? 0n
  const sellerNet = sellerGross - charges.commission - commissionTax
  if (sellerNet < 0n) throw new RangeError(`${orderId}: more is charged than ${sellerGross}`)
  const credit = (account: Account, amount: bigint): Posting => ({
    account,
    currencyCode,
    amount: -amount,
  })
  const tax = (on: 'commission' | 'premium', one: Tax | undefined) =>
    one === undefined ? [] : [credit(taxOf(one.jurisdiction, on), one.amount)]
  return {
    key: `capture:${keyOf(sale)}`,
    kind: 'capture',
    paymentId,
    orderId,
    postings: [
      { account: clearing(sale.provider), currencyCode, amount: sellerGross + premium },
      credit(sellerPending(sale.sellerId), sellerNet),
      credit('platform:commission', charges.commission),
      ...tax('commission', charges.commissionTax),
      credit('platform:premium', premium - premiumTax),
      ...tax('premium', charges.premiumTax),
    ],
  }
}

/** The provider took money that no order wants any more: all of it goes back to the buyer. */
export function capturedInVain(sale: Sale): Entry {
  const { paymentId, orderId, currencyCode, sellerGross, premium } = sale
  const amount = sellerGross + premium
  return {
    key: `capture:${keyOf(sale)}`,
    kind: 'capture',
    paymentId,
    orderId,
    postings: [
      { account: clearing(sale.provider), currencyCode, amount },
      { account: 'refund:due', currencyCode, amount: -amount },
    ],
  }
}

/** The provider gave back what it took in vain. */
export function returnedInVain(sale: Sale): Entry {
  const { paymentId, orderId, currencyCode, sellerGross, premium } = sale
  const amount = sellerGross + premium
  return {
    key: `return:${keyOf(sale)}`,
    kind: 'refund_paid',
    paymentId,
    orderId,
    postings: [
      { account: 'refund:due', currencyCode, amount },
      { account: clearing(sale.provider), currencyCode, amount: -amount },
    ],
  }
}

/** What the provider kept of a payment; `id` names it at the provider. */
export function providerCost(
  { paymentId, provider, currencyCode }: Pick<Sale, 'paymentId' | 'provider' | 'currencyCode'>,
  id: string,
  amount: bigint,
): Entry {
  return {
    key: `cost:${provider}:${id}`,
    kind: 'provider_cost',
    paymentId,
    postings: [
      { account: 'provider:costs', currencyCode, amount },
      { account: clearing(provider), currencyCode, amount: -amount },
    ],
  }
}

/** A sale, and what its entries add up to. */
export interface SaleState extends Sale {
  readonly total: bigint
  /** Of the total, what was refunded or lost to a dispute. */
  readonly undone: bigint
  /** Owed to the seller for this order, before and after its completion. */
  readonly pending: bigint
  readonly payable: bigint
  /** The order is completed: what is the seller's is payable, unless a dispute holds it. */
  readonly isCompleted: boolean
  readonly openDisputes: number
  /** What banks hold of it until they decide. */
  readonly held: bigint
  /** How often the seller's part was made payable. */
  readonly releases: number
  /** Commission, premium and taxes as captured, and what of them was given back. */
  readonly charges: readonly { account: Account; captured: bigint; returned: bigint }[]
}

/** Folds the entries of a sale, the capture among them. */
export function foldSale(
  sale: Sale,
  entries: readonly PostedEntry[],
  isCompleted: boolean,
): SaleState {
  const count = (...kinds: EntryKind[]) => entries.filter(({ kind }) => kinds.includes(kind)).length
  const all = entries.flatMap(({ kind, postings }) => postings.map((one) => ({ ...one, kind })))
  const sum = (account: Account, kinds?: readonly EntryKind[]) =>
    all
      .filter((one) => one.account === account && (kinds === undefined || kinds.includes(one.kind)))
      .reduce((total, { amount }) => total + amount, 0n)
  const earned = new Set(
    all
      .filter(({ kind, account }) => kind === 'capture' && /^(platform|tax):/.test(account))
      .map(({ account }) => account),
  )
  return {
    ...sale,
    total: sale.sellerGross + sale.premium,
    undone:
      -sum('refund:due', ['refund', 'refund_failed']) -
      sum('dispute:held', ['dispute_lost']) -
      sum('provider:costs', ['dispute_lost']),
    pending: -sum(sellerPending(sale.sellerId)),
    payable: -sum(sellerPayable(sale.sellerId)),
    isCompleted,
    held: sum('dispute:held'),
    openDisputes: count('dispute_opened') - count('dispute_won', 'dispute_lost'),
    releases: count('release'),
    charges: [...earned].map((account) => {
      const before = -sum(account, ['capture'])
      return { account, captured: before, returned: before + sum(account) }
    }),
  }
}

/** What can still be refunded: it was neither refunded nor lost, and no bank holds it. */
export function leftOf({ total, undone, held }: SaleState): bigint {
  return greater(total - undone - held, 0n)
}

/**
 * What a refund takes of what is payable to the seller; more than what is there is a debt of the seller's. While a bank decides about a
 * completed order, all that is pending was payable before, or paid out.
 */
export function takenOfPayable(state: SaleState, amount: bigint): bigint {
  const accounts: Account[] = [sellerPayable(state.sellerId)]
  if (wasPayable(state)) accounts.push(sellerPending(state.sellerId))
  return undo(state, amount)
    .filter(([account]) => accounts.includes(account))
    .reduce((sum, [, moved]) => sum + moved, 0n)
}

/** What is pending of a completed order is what a bank holds of what was payable. */
export const wasPayable = ({ isCompleted, openDisputes }: SaleState): boolean =>
  isCompleted && openDisputes > 0

/** A dispute is about a payment as a whole: its orders bear it one after the other, each what is left of it. */
export function shareDispute(
  orders: readonly { orderId: string; left: bigint }[],
  amount: bigint,
): { orderId: string; amount: bigint }[] {
  let rest = amount
  return orders.flatMap(({ orderId, left }, index) => {
    // What is more than all of them together is borne by the last, where it is a cost of the platform.
    const part = index === orders.length - 1 ? rest : lesser(rest, left)
    rest -= part
    return part === 0n ? [] : { orderId, amount: part }
  })
}

/** The order is completed: what is left of the seller's part is paid out next. Undefined: nothing may be. */
export function released(state: SaleState): Entry | undefined {
  if (!state.isCompleted || state.openDisputes > 0 || state.pending <= 0n) return undefined
  return entryOf(state, `release:${keyOf(state)}:${state.releases + 1}`, 'release', [
    [sellerPending(state.sellerId), state.pending],
    [sellerPayable(state.sellerId), -state.pending],
  ])
}

/** A refund was decided: the buyer is owed it from now on, and the seller is not. */
export function refunded(state: SaleState, refundId: string, amount: bigint): Entry {
  return entryOf(state, `refund:${refundId}`, 'refund', [
    ...undo(state, amount),
    ['refund:due', -amount],
  ])
}

/** The provider gave a refund to the buyer. */
export function refundPaid(state: SaleState, refundId: string, amount: bigint): Entry {
  return entryOf(state, `refund:${refundId}:paid`, 'refund_paid', [
    ['refund:due', amount],
    [clearing(state.provider), -amount],
  ])
}

/** The provider could not give a refund: everything is as before it was decided. */
export function refundFailed(state: SaleState, refundId: string, refund: PostedEntry): Entry {
  return entryOf(
    state,
    `refund:${refundId}:failed`,
    'refund_failed',
    refund.postings.map(({ account, amount }) => [account, -amount]),
  )
}

/**
 * The buyer's bank took the money until a dispute is decided, and the provider a fee for it. What is payable to the
 * seller of this order is pending again meanwhile; what was paid out already is a debt until then.
 */
export function disputeOpened(
  state: SaleState,
  dispute: { id: string; amount: bigint; fee: bigint },
): Entry {
  const { id, amount, fee } = dispute
  return entryOf(state, `dispute:${id}`, 'dispute_opened', [
    [clearing(state.provider), -(amount + fee)],
    ['dispute:held', amount],
    ['provider:costs', fee],
    [sellerPayable(state.sellerId), state.payable],
    [sellerPending(state.sellerId), -state.payable],
  ])
}

/** The money came back, and the seller has again what was held. */
export function disputeWon(state: SaleState, dispute: { id: string; amount: bigint }): Entry {
  const { id, amount } = dispute
  return entryOf(state, `dispute:${id}:won`, 'dispute_won', [
    [clearing(state.provider), amount],
    ['dispute:held', -amount],
    ...releaseAgain(state, state.pending),
  ])
}

/**
 * The money is gone, as after a refund. What was refunded before cannot be taken from the seller a second time: the bank took
 * it twice, and it is a cost of the platform.
 */
export function disputeLost(state: SaleState, dispute: { id: string; amount: bigint }): Entry {
  const { id, amount } = dispute
  const undone = lesser(amount, state.total - state.undone)
  const back = undone === 0n ? [] : undo(state, undone)
  const pendingLeft = back
    .filter(([account]) => account === sellerPending(state.sellerId))
    .reduce((left, [, moved]) => left - moved, state.pending)
  return entryOf(state, `dispute:${id}:lost`, 'dispute_lost', [
    ...back,
    ['provider:costs', amount - undone],
    ['dispute:held', -amount],
    ...releaseAgain(state, pendingLeft),
  ])
}

type Move = readonly [account: Account, amount: bigint]

/**
 * Takes `amount` of a sale back from those who earned it. Each charge gives its share of everything undone so far, less what
 * it gave before; the seller gives the rest, first of what is pending.
 */
function undo(state: SaleState, amount: bigint): Move[] {
  const { total, sellerId, pending, charges } = state
  const undone = state.undone + amount
  if (amount <= 0n || undone > total) throw new RangeError(`${amount} of ${total - state.undone}`)
  const moves = charges.map(
    ({ account, captured, returned }): Move => [account, share(captured, undone, total) - returned],
  )
  const ofSeller = moves.reduce((rest, [, moved]) => rest - moved, amount)
  // A refund of one unit may give back one unit of two charges: then the seller gets one, and gives it with the next.
  const ofPending = pending > 0n ? lesser(ofSeller, pending) : 0n
  return [
    ...moves,
    [sellerPending(sellerId), ofPending],
    [sellerPayable(sellerId), ofSeller - ofPending],
  ]
}

/** What a dispute that is decided now held, if it was the last one. */
function releaseAgain({ isCompleted, openDisputes, sellerId }: SaleState, pending: bigint): Move[] {
  if (!isCompleted || openDisputes > 1) return []
  return [
    [sellerPending(sellerId), pending],
    [sellerPayable(sellerId), -pending],
  ]
}

function entryOf(
  { paymentId, orderId, currencyCode }: SaleState,
  key: string,
  kind: EntryKind,
  moves: readonly Move[],
): Entry {
  // Several moves of one account are one posting.
  const sums = new Map<Account, bigint>()
  for (const [account, amount] of moves) sums.set(account, (sums.get(account) ?? 0n) + amount)
  const postings = [...sums].map(([account, amount]) => ({ account, currencyCode, amount }))
  return { key, kind, paymentId, orderId, postings }
}
