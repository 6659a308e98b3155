import { readClock } from '@auction/common/postgres/clock.ts'
import { writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Transaction } from 'kysely'
import { collectDebt } from '#src/app/payouts/collect-debt.ts'
import { postDisputeDecided, postDisputeOpened, readSale } from '#src/app/sales/sale-ledger.ts'
import type { ProviderDispute, ProviderState } from '#src/domain/provider.ts'
import { leftOf, shareDispute } from '#src/domain/sale.ts'
import { recordDifference } from '#src/infra/postgres/payments/differences.ts'
import { type Dispute, putDispute, readDisputes } from '#src/infra/postgres/payments/disputes.ts'
import { lockPayment, type Payment, updatePayment } from '#src/infra/postgres/payments/payments.ts'
import { readDisputeParts } from '#src/infra/postgres/sales/sales.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { chargebackEvent } from './payment-events.ts'

type Tx = Transaction<Database>
type Part = { orderId: string; amount: bigint }

const UNDECIDED: readonly ProviderDispute['state'][] = ['inquiry', 'open', 'unknown']

/** Brings disputes of the buyer's bank into the ledger. True: one of them is not decided. The payment is locked. */
export async function foldDisputes(tx: Tx, { id }: Payment, seen: ProviderState): Promise<boolean> {
  for (const dispute of seen.disputes) await foldDispute(tx, id, dispute)
  return seen.disputes.some(({ state }) => UNDECIDED.includes(state))
}

/** States move forward only; what does not fit to what was booked is a difference, and an operator decides. */
async function foldDispute(tx: Tx, paymentId: string, dispute: ProviderDispute): Promise<void> {
  const payment = await current(tx, paymentId)
  const disputes = await readDisputes(tx, paymentId)
  const known = disputes.find(({ reference }) => reference === dispute.reference)
  const isBooked = known !== undefined && known.state !== 'inquiry' && known.state !== 'closed'
  switch (dispute.state) {
    case 'unknown':
      await differ(tx, payment, dispute, oursOf(payment, known), dispute.word)
      return
    case 'inquiry':
      // An older look, if more is known.
      if (known === undefined) await put(tx, payment, dispute, 'inquiry')
      return
    case 'closed':
      if (isBooked) await differ(tx, payment, dispute, known.state, dispute.word)
      else if (known?.state !== 'closed') await put(tx, payment, dispute, 'closed')
      return
    default:
      await book(tx, payment, dispute, isBooked ? known : undefined)
  }
}

/** A dispute by which money moves. What it was opened with is what is decided about. */
async function book(
  tx: Tx,
  payment: Payment,
  dispute: ProviderDispute,
  known: Dispute | undefined,
): Promise<void> {
  const { amount, currencyCode, state } = dispute
  if (known === undefined) {
    if (currencyCode !== payment.currencyCode || amount <= 0n) {
      await differ(tx, payment, dispute, 'no dispute', `${amount} ${currencyCode}`)
      return
    }
    await open(tx, payment, dispute)
  } else if (known.amount !== amount || currencyCode !== payment.currencyCode) {
    await differ(tx, payment, dispute, oursOf(payment, known), `${amount} ${currencyCode}`)
  }
  if (state === 'open') return
  const before = known?.state ?? 'open'
  if (before === 'open') await decide(tx, await current(tx, payment.id), dispute, known)
  else if (before !== state) await differ(tx, payment, dispute, before, state)
}

const oursOf = ({ currencyCode }: Payment, known: Dispute | undefined) =>
  known === undefined ? 'no dispute' : `${known.amount} ${currencyCode}`

async function current(tx: Tx, id: string): Promise<Payment> {
  const payment = await lockPayment(tx, id)
  if (payment === undefined) throw new Error(`there is no payment ${id}`)
  return payment
}

async function differ(
  tx: Tx,
  { id, provider }: Payment,
  { reference }: ProviderDispute,
  ours: string,
  theirs: string,
): Promise<void> {
  const difference = { provider, kind: 'dispute', reference, paymentId: id, ours, theirs } as const
  await recordDifference(tx, difference)
}

const put = (
  tx: Tx,
  { id, provider }: Payment,
  { reference, amount, evidenceDueAt }: ProviderDispute,
  state: Dispute['state'],
) =>
  putDispute(tx, id, {
    provider,
    reference,
    amount,
    state,
    evidenceDueAt: evidenceDueAt ?? null,
  })

const nameOf = ({ reference }: ProviderDispute, orderId: string) => `${reference}:${orderId}`

async function open(tx: Tx, payment: Payment, dispute: ProviderDispute): Promise<void> {
  await put(tx, payment, dispute, 'open')
  const orders: { orderId: string; left: bigint }[] = []
  for (const { orderId } of payment.orders) {
    const sale = await readSale(tx, { paymentId: payment.id, orderId })
    orders.push({ orderId, left: sale === undefined ? 0n : leftOf(sale) })
  }
  const parts = shareDispute(orders, dispute.amount)
  for (const { orderId, amount } of parts) {
    await postDisputeOpened(tx, {
      paymentId: payment.id,
      orderId,
      disputeId: nameOf(dispute, orderId),
      amount,
      fee: 0n,
    })
  }
  await publish(tx, payment, dispute, parts, 'opened')
}

async function decide(
  tx: Tx,
  payment: Payment,
  dispute: ProviderDispute,
  known: Dispute | undefined,
): Promise<void> {
  const isWon = dispute.state === 'won'
  const amount = known?.amount ?? dispute.amount
  await put(tx, payment, { ...dispute, amount }, isWon ? 'won' : 'lost')
  const keys = payment.orders.map(({ orderId }) => `dispute:${nameOf(dispute, orderId)}`)
  const parts = await readDisputeParts(tx, payment.id, keys)
  // All sales before the row of the seller, as the completion of an order locks them.
  for (const { orderId } of parts) await readSale(tx, { paymentId: payment.id, orderId })
  for (const { orderId, amount: part } of parts) {
    await postDisputeDecided(tx, {
      paymentId: payment.id,
      orderId,
      disputeId: nameOf(dispute, orderId),
      amount: part,
      isWon,
    })
  }
  // What the seller was paid for it is gone.
  if (!isWon) await collectDebt(tx, payment)
  await publish(tx, payment, dispute, parts, isWon ? 'won' : 'lost')
}

async function publish(
  tx: Tx,
  payment: Payment,
  { evidenceDueAt }: ProviderDispute,
  parts: readonly Part[],
  phase: 'opened' | 'won' | 'lost',
): Promise<void> {
  const at = await readClock(tx)
  const sequence = payment.sequence + 1
  await updatePayment(tx, payment.id, { sequence })
  await writeOutbox(
    tx,
    parts.map((part) => chargebackEvent(payment, part, { phase, evidenceDueAt, sequence, at })),
  )
}
