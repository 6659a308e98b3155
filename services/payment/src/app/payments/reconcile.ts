import { type Kysely, sql } from 'kysely'
import { compareDeposit, compareTakenDeposits } from '#src/app/deposits/reconcile-deposits.ts'
import { isOver } from '#src/domain/judge-payment.ts'
import {
  type PaymentProvider,
  type ProviderCharge,
  ProviderError,
  type ProviderMove,
} from '#src/domain/provider.ts'
import { findDepositByReferences } from '#src/infra/postgres/deposits/deposits.ts'
import {
  type Difference,
  isDifferenceKnown,
  recordDifference,
} from '#src/infra/postgres/payments/differences.ts'
import { readDisputes } from '#src/infra/postgres/payments/disputes.ts'
import {
  findByReferences,
  type Payment,
  readPayment,
  wakePayment,
} from '#src/infra/postgres/payments/payments.ts'
import { readRefunds } from '#src/infra/postgres/payments/refunds.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Reconciled {
  charges: number
  payments: number
  differences: number
}

const PAGE = 200
const LOOKS_MAX = 3

/**
 * Compares a provider's books of a time with ours, in both directions: every payment it has, every one that we captured then, and
 * what happened then to those of any age. What differs is recorded once and waits for an operator; what we only have
 * not seen yet is looked at. Throws when it is aborted.
 */
export async function reconcile(
  db: Kysely<Database>,
  provider: PaymentProvider,
  from: Date,
  to: Date,
  stopping?: AbortSignal,
): Promise<Reconciled> {
  const counts: Reconciled = { charges: 0, payments: 0, differences: 0 }
  // Both directions find the same ones.
  const found = new Set<string>()
  const books: Books = {
    db,
    provider,
    async record(difference) {
      counts.differences = found.add(`${difference.kind} ${difference.reference}`).size
      await recordDifference(db, { provider: provider.name, ...difference })
    },
  }
  for await (const charge of provider.charges(from, to)) {
    stopping?.throwIfAborted()
    counts.charges += 1
    await compareCharge(books, charge)
  }
  for await (const payment of capturedBetween(db, provider.name, from, to)) {
    stopping?.throwIfAborted()
    counts.payments += 1
    await compareTwice(books, payment.id)
  }
  counts.payments += await compareTakenDeposits(books, from, to, stopping)
  for await (const move of provider.moves(from, to)) {
    stopping?.throwIfAborted()
    await compareMove(books, move)
  }
  return counts
}

interface Books {
  db: Kysely<Database>
  provider: PaymentProvider
  record(difference: Omit<Difference, 'provider'>): Promise<void>
}

async function compareCharge(books: Books, charge: ProviderCharge): Promise<void> {
  const { db, provider, record } = books
  const names = [charge.chargeReference, charge.attemptId]
  const references = names.filter((one): one is string => one !== undefined)
  const id = await findByReferences(db, provider.name, references)
  const payment = id === undefined ? undefined : await readPayment(db, id)
  if (payment !== undefined) {
    // A page of a list is old when it is read.
    if (differencesOf(payment, charge).length > 0) await compareTwice(books, payment.id)
    return
  }
  const depositId = await findDepositByReferences(db, provider.name, references)
  if (depositId !== undefined) {
    await compareDeposit(books, depositId, charge)
  } else if (charge.captured !== 0n) {
    await record({
      kind: 'unknown_charge',
      reference: charge.chargeReference,
      paymentId: null,
      ours: 'no payment',
      theirs: `${charge.captured} ${charge.currencyCode}`,
    })
  }
}

type Compared = Pick<ProviderCharge, 'chargeReference' | 'currencyCode' | 'captured' | 'refunded'>
type Found = Pick<Difference, 'kind' | 'reference' | 'paymentId' | 'ours' | 'theirs'>

function differencesOf(payment: Payment, charge: Compared): Found[] {
  const about = { reference: charge.chargeReference, paymentId: payment.id }
  const captured = payment.state === 'captured' ? payment.amount : 0n
  const found: Found[] = []
  if (captured !== charge.captured || payment.currencyCode !== charge.currencyCode) {
    found.push({
      ...about,
      kind: 'captured_amount',
      ours: `${captured} ${payment.currencyCode}`,
      theirs: `${charge.captured} ${charge.currencyCode}`,
    })
  }
  if (payment.refundedAmount !== charge.refunded) {
    found.push({
      ...about,
      kind: 'refunded_amount',
      ours: `${payment.refundedAmount} ${payment.currencyCode}`,
      theirs: `${charge.refunded} ${charge.currencyCode}`,
    })
  }
  return found
}

/**
 * Both sides go on while they are compared. Only what a look shows while our row does not change, and while nothing of it is under
 * way, is a difference; everything else is looked at by the worker, and compared again by the next run.
 */
async function compareTwice({ db, provider, record }: Books, id: string): Promise<void> {
  for (let tries = 0; tries < LOOKS_MAX; tries += 1) {
    const before = await readPayment(db, id)
    if (before === undefined) return
    const seen = await lookAt(provider, before)
    const after = await readPayment(db, id)
    if (after === undefined || versionOf(before) !== versionOf(after)) continue
    if ('gone' in seen) {
      if (after.state !== 'captured') return
      await record({
        kind: 'missing_charge',
        reference: after.chargeReference ?? after.reference ?? '',
        paymentId: id,
        ours: `${after.amount} ${after.currencyCode}`,
        theirs: seen.gone,
      })
      return
    }
    const found = differencesOf(after, seen)
    if (found.length === 0) return
    if (await isUnderWay(db, after)) break
    for (const difference of found) await record(difference)
    return
  }
  await wakePayment(db, id)
}

/** What changes whenever something is recorded of a payment. */
const versionOf = ({ state, sequence, refundedAmount, operations }: Payment): string =>
  JSON.stringify([
    state,
    sequence,
    String(refundedAmount),
    operations.map(({ id, state: of, tries }) => [id, of, tries]),
  ])

async function isUnderWay(db: Kysely<Database>, payment: Payment): Promise<boolean> {
  // One that is not over is decided by the worker's look, which stops it when it must.
  if (!isOver(payment.state)) return true
  const refunds = await readRefunds(db, payment.id)
  return refunds.some(({ state }) => state === 'pending')
}

async function lookAt(
  provider: PaymentProvider,
  { reference, chargeReference }: Payment,
): Promise<Compared | { gone: string }> {
  try {
    const seen = await provider.look({ reference: reference ?? '', chargeReference })
    return {
      chargeReference: seen.chargeReference ?? reference ?? '',
      currencyCode: seen.money.currencyCode,
      captured: seen.captured,
      refunded: seen.refunded,
    }
  } catch (error) {
    if (!(error instanceof ProviderError) || error.problem !== 'refused') throw error
    return { gone: error.code }
  }
}

/** A dispute or a refund by hand that we have not seen: the worker looks. One of a payment that is not ours is a difference. */
async function compareMove(
  { db, provider, record }: Books,
  { kind, reference, chargeReference, amount, currencyCode }: ProviderMove,
): Promise<void> {
  const id = await findByReferences(db, provider.name, [chargeReference])
  if (id === undefined) {
    const theirs = `${amount} ${currencyCode}`
    const depositId = await findDepositByReferences(db, provider.name, [chargeReference])
    const ours = depositId === undefined ? 'no payment' : `deposit ${depositId}`
    await record({ kind, reference, paymentId: null, ours, theirs })
    return
  }
  const isKnown =
    kind === 'dispute'
      ? (await readDisputes(db, id)).some((one) => one.reference === reference)
      : await isDifferenceKnown(db, { provider: provider.name, kind, reference })
  if (!isKnown) await wakePayment(db, id)
}

/** Every payment that was captured in a time, a page in memory at once. */
async function* capturedBetween(
  db: Kysely<Database>,
  provider: string,
  from: Date,
  to: Date,
): AsyncIterable<Payment> {
  let after: { capturedAt: string; id: string } | undefined
  for (;;) {
    const beyond =
      after === undefined
        ? sql`true`
        : sql`(captured_at, id) > (${after.capturedAt}::timestamptz, ${after.id}::uuid)`
    const { rows } = await sql<{ id: string; capturedAt: string }>`
      select id, captured_at::text as "capturedAt" from payments
      where provider = ${provider} and captured_at >= ${from} and captured_at < ${to} and ${beyond}
      order by captured_at, id limit ${PAGE}`.execute(db)
    for (const { id } of rows) {
      const payment = await readPayment(db, id)
      if (payment !== undefined) yield payment
    }
    after = rows.at(-1)
    if (rows.length < PAGE) return
  }
}
