import { type Kysely, sql } from 'kysely'
import { isReturning, RETURN_FAILED } from '#src/domain/deposit.ts'
import { type PaymentProvider, type ProviderCharge, ProviderError } from '#src/domain/provider.ts'
import { type Deposit, readDeposit, wakeDeposit } from '#src/infra/postgres/deposits/deposits.ts'
import type { Difference } from '#src/infra/postgres/payments/differences.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const PAGE = 200

export interface DepositBooks {
  db: Kysely<Database>
  provider: PaymentProvider
  record(difference: Omit<Difference, 'provider'>): Promise<void>
}

type Compared = Pick<ProviderCharge, 'currencyCode' | 'captured' | 'refunded'>

/** Compares what a list says of a deposit. A page of a list is old when it is read, so a look has the last word. */
export async function compareDeposit(
  books: DepositBooks,
  id: string,
  charge: Compared | undefined,
): Promise<void> {
  const { db, provider, record } = books
  const before = await readDeposit(db, id)
  if (before === undefined || (charge !== undefined && isSame(before, charge))) return
  const seen = await lookAt(provider, before)
  const after = await readDeposit(db, id)
  if (after === undefined) return
  // What is not over is decided by the worker's look, which stops it when it must.
  const isMoving = after.sequence !== before.sequence || after.state !== before.state
  if (isMoving || isReturning(after) || after.state === 'requested' || after.state === 'held') {
    await wakeDeposit(db, id)
    return
  }
  const about = {
    reference: after.chargeReference ?? after.reference ?? id,
    paymentId: null,
    ours: `deposit ${id}: ${takenOf(after)} ${after.currencyCode}`,
  }
  if ('gone' in seen) {
    if (takenOf(after) > 0n) await record({ ...about, kind: 'missing_charge', theirs: seen.gone })
    return
  }
  if (isSame(after, seen)) return
  const isTaken = seen.captured === takenOf(after)
  await record({
    ...about,
    kind: isTaken ? 'refunded_amount' : 'captured_amount',
    theirs: `${isTaken ? `${seen.refunded} given back of ` : ''}${seen.captured} ${seen.currencyCode}`,
  })
}

const takenOf = ({ state, amount }: Deposit) =>
  state === 'captured' || state === 'returned' ? amount : 0n

const returnedOf = ({ state, amount }: Deposit) => (state === 'returned' ? amount : 0n)

// What the provider did not give back when it was asked is with an operator already, who may give it back there.
const isSame = (deposit: Deposit, { captured, refunded, currencyCode }: Compared) =>
  takenOf(deposit) === captured &&
  (deposit.code === RETURN_FAILED || returnedOf(deposit) === refunded) &&
  deposit.currencyCode === currencyCode

async function lookAt(
  provider: PaymentProvider,
  { reference, chargeReference }: Deposit,
): Promise<Compared | { gone: string }> {
  try {
    const seen = await provider.look({ reference: reference ?? '', chargeReference })
    const { captured, refunded, money } = seen
    return { captured, refunded, currencyCode: money.currencyCode }
  } catch (error) {
    if (!(error instanceof ProviderError) || error.problem !== 'refused') throw error
    return { gone: error.code }
  }
}

/** The other way: every deposit that was taken in a time is with the provider. Returns how many these were. */
export async function compareTakenDeposits(
  books: DepositBooks,
  from: Date,
  to: Date,
  stopping?: AbortSignal,
): Promise<number> {
  const { db, provider } = books
  let count = 0
  let after: { endedAt: string; id: string } | undefined
  for (;;) {
    const beyond =
      after === undefined
        ? sql`true`
        : sql`(ended_at, id) > (${after.endedAt}::timestamptz, ${after.id}::uuid)`
    const { rows } = await sql<{ id: string; endedAt: string }>`
      select id, ended_at::text as "endedAt" from deposits
      where provider = ${provider.name} and state in ('captured', 'returned') and ended_at >= ${from} and ended_at < ${to} and ${beyond}
      order by ended_at, id limit ${PAGE}`.execute(db)
    for (const { id } of rows) {
      stopping?.throwIfAborted()
      await compareDeposit(books, id, undefined)
      count += 1
    }
    after = rows.at(-1)
    if (rows.length < PAGE) return count
  }
}
