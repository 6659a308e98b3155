import { readClock } from '@auction/common/postgres/clock.ts'
import type { Transaction } from 'kysely'
import { sellerPayable } from '#src/domain/accounts.ts'
import { chargesOf, decideCharges } from '#src/domain/charges.ts'
import type { Entry } from '#src/domain/entry.ts'
import {
  captured,
  capturedInVain,
  disputeLost,
  disputeOpened,
  disputeWon,
  foldSale,
  refunded,
  refundFailed,
  refundPaid,
  released,
  returnedInVain,
  type Sale,
  type SaleState,
} from '#src/domain/sale.ts'
import { post } from '#src/infra/postgres/ledger/post.ts'
import { putCandidate } from '#src/infra/postgres/payouts/payouts.ts'
import { readChargeTables } from '#src/infra/postgres/sales/rates.ts'
import {
  completeSales,
  insertSale,
  lockSale,
  type NewSale,
  readSaleEntries,
  type SaleId,
  type StoredSale,
} from '#src/infra/postgres/sales/sales.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

// Each of these posts a fact in the transaction of the change that it is about, under the lock of its sale. They
// answer false when the fact was posted before, so a caller that does not know may simply call again.

type Tx = Transaction<Database>

export interface CapturedSale extends NewSale {
  /** The category of the item and those above it, the closest first; empty: not known. */
  categoryIds: readonly string[]
}

/** The provider took the money of an order that wants it. `jurisdiction`: where the platform owes tax. */
export async function postCapture(
  tx: Tx,
  { categoryIds, ...sale }: CapturedSale,
  jurisdiction: string | undefined,
): Promise<boolean> {
  const tables = await readChargeTables(tx, { ...sale, categoryIds }, jurisdiction)
  const decision = decideCharges({ ...sale, categoryIds }, tables, await readClock(tx))
  if (!(await insertSale(tx, sale, decision))) return false
  return post(tx, captured(sale, chargesOf(decision)))
}

/** The provider took money that no order wants: all of it is owed to the buyer until it is returned. */
export async function postCaptureInVain(tx: Tx, sale: Sale): Promise<boolean> {
  return post(tx, capturedInVain(sale))
}

/** The provider gave back what it took in vain. */
export async function postReturnInVain(tx: Tx, sale: Sale): Promise<boolean> {
  return post(tx, returnedInVain(sale))
}

export interface Refund extends SaleId {
  refundId: string
  amount: bigint
}

/** A refund was decided. Throws a RangeError when it is more than what is left of the sale. */
export async function postRefund(tx: Tx, { refundId, amount, ...id }: Refund): Promise<boolean> {
  return change(tx, id, `refund:${refundId}`, (state) => refunded(state, refundId, amount))
}

/** The provider gave a refund to the buyer. */
export async function postRefundPaid(
  tx: Tx,
  { refundId, amount, ...id }: Refund,
): Promise<boolean> {
  return change(tx, id, `refund:${refundId}:paid`, (state) => refundPaid(state, refundId, amount))
}

/** The provider could not give a refund: all is as before, and payable again if the order is completed. */
export async function postRefundFailed(
  tx: Tx,
  { refundId, ...id }: Omit<Refund, 'amount'>,
): Promise<boolean> {
  const isNew = await change(tx, id, `refund:${refundId}:failed`, (state, entries) => {
    const refund = entries.find(({ key }) => key === `refund:${refundId}`)
    if (refund === undefined) throw new Error(`refund ${refundId} was not posted`)
    return refundFailed(state, refundId, refund)
  })
  if (isNew) await release(tx, await locked(tx, id))
  return isNew
}

export interface Dispute extends SaleId {
  disputeId: string
  amount: bigint
}

export async function postDisputeOpened(
  tx: Tx,
  { disputeId, amount, fee, ...id }: Dispute & { fee: bigint },
): Promise<boolean> {
  return change(tx, id, `dispute:${disputeId}`, (state) =>
    disputeOpened(state, { id: disputeId, amount, fee }),
  )
}

export async function postDisputeDecided(
  tx: Tx,
  { disputeId, amount, isWon, ...id }: Dispute & { isWon: boolean },
): Promise<boolean> {
  const dispute = { id: disputeId, amount }
  return change(tx, id, `dispute:${disputeId}:${isWon ? 'won' : 'lost'}`, (state) =>
    isWon ? disputeWon(state, dispute) : disputeLost(state, dispute),
  )
}

/** An order is completed: what its sales owe the seller is paid out next, unless a dispute holds it. */
export async function completeOrder(tx: Tx, orderId: string, at: Date): Promise<void> {
  for (const sale of await completeSales(tx, orderId, at)) await release(tx, sale)
}

/** What is left of a sale, and what its entries add up to; undefined: there is none. */
export async function readSale(tx: Tx, id: SaleId): Promise<SaleState | undefined> {
  const sale = await lockSale(tx, id)
  if (sale === undefined) return undefined
  return foldSale(sale, await readSaleEntries(tx, sale), sale.completedAt !== null)
}

type SaleEntries = Awaited<ReturnType<typeof readSaleEntries>>

async function change(
  tx: Tx,
  id: SaleId,
  key: string,
  entryOf: (state: SaleState, entries: SaleEntries) => Entry,
): Promise<boolean> {
  const sale = await locked(tx, id)
  const entries = await readSaleEntries(tx, sale)
  // What it would be now is not what it was: the entries since then count too.
  if (entries.some((entry) => entry.key === key)) return false
  return postOf(tx, sale, entryOf(foldSale(sale, entries, sale.completedAt !== null), entries))
}

async function locked(tx: Tx, id: SaleId): Promise<StoredSale> {
  const sale = await lockSale(tx, id)
  if (sale === undefined) throw new Error(`no sale of order ${id.orderId} by ${id.paymentId}`)
  return sale
}

async function release(tx: Tx, sale: StoredSale): Promise<void> {
  const entries = await readSaleEntries(tx, sale)
  const entry = released(foldSale(sale, entries, sale.completedAt !== null))
  if (entry !== undefined) await postOf(tx, sale, entry)
}

/**
 * Posts an entry of a sale. The row of a seller whose payable money it moves is locked before, so that two of them never
 * decide by the same balance; the next payouts look at the seller.
 */
async function postOf(
  tx: Tx,
  { sellerId, currencyCode }: StoredSale,
  entry: Entry,
): Promise<boolean> {
  const payable = sellerPayable(sellerId)
  const isMoved = entry.postings.some(({ account }) => account === payable)
  if (isMoved) await putCandidate(tx, sellerId, currencyCode)
  return post(tx, entry)
}
