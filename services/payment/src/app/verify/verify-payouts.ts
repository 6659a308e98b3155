import {
  readInTransit,
  readPayoutEntries,
  readVerifiedOwed,
  readVerifiedPayouts,
  readVerifiedRefunds,
  type VerifiedOwed,
  type VerifiedPayout,
  type VerifiedRefund,
} from '#src/infra/postgres/verify/pages.ts'
import type { Work } from './verify-money.ts'

const NIL = '00000000-0000-0000-0000-000000000000'

/** Compares every payout, and what came back of it, with the ledger; returns how many there are. */
export async function verifyPayouts(work: Work): Promise<bigint> {
  const { db, page, report } = work
  const count = await inPages(
    (after) => readVerifiedPayouts(db, after, page),
    page,
    (payout) => {
      for (const reason of payoutFaults(payout)) report(`payout ${payout.id}: ${reason}`)
    },
  )
  let last = 0n
  for (;;) {
    const entries = await readPayoutEntries(db, last, page)
    for (const { id, key, isOrphan } of entries) {
      if (isOrphan) report(`entry ${key}: there is no payout of it`)
      last = id
    }
    if (entries.length < page) break
  }
  for (const { currencyCode, open, posted } of await readInTransit(db)) {
    if (open !== posted) {
      report(`payouts: ${open} ${currencyCode} are on their way, but ${posted} in the ledger`)
    }
  }
  return count
}

function* payoutFaults(payout: VerifiedPayout): Generator<string> {
  const { state, amount, sent, done, failed, reversedAmount, reversals, foreign } = payout
  const isPaid = state === 'done' || state === 'returned'
  if (sent !== amount) yield `is of ${amount}, but ${sent ?? 'nothing'} was posted`
  if (done !== (isPaid ? amount : null))
    yield `is ${state}, but ${done ?? 'nothing'} posted as paid`
  if (failed !== (state === 'failed' ? amount : null)) {
    yield `is ${state}, but ${failed ?? 'nothing'} posted as failed`
  }
  if (reversedAmount !== reversals)
    yield `${reversedAmount} came back, but ${reversals} by its rows`
  if (payout.unposted > 0) yield `${payout.unposted} reversals differ from the ledger`
  const isOpen = ['planned', 'sending', 'unknown'].includes(state)
  if (!isOpen && payout.waits > 0) yield `is ${state}, but ${payout.waits} refunds wait for it`
  if ((state === 'returned') !== (foreign === amount)) yield `is ${state}, but ${foreign} came back`
}

/** Compares every refund with the ledger, and what is owed to buyers with what they were given. */
export async function verifyRefunds({ db, page, report }: Work): Promise<void> {
  await inPages(
    (after) => readVerifiedRefunds(db, after, page),
    page,
    (refund) => {
      for (const reason of refundFaults(refund)) report(`refund ${refund.id}: ${reason}`)
    },
  )
  await inPages(
    (after) => readVerifiedOwed(db, after, page),
    page,
    (owed) => {
      for (const reason of owedFaults(owed)) report(`owed refund ${owed.id}: ${reason}`)
    },
  )
}

function* refundFaults({ state, amount, due, paid }: VerifiedRefund): Generator<string> {
  const wanted = state === 'failed' ? 0n : amount
  if (due !== wanted) yield `is ${state}, but ${due} of ${amount} is owed in the ledger`
  if (paid !== (state === 'done' ? amount : 0n)) yield `is ${state}, but ${paid} posted as given`
}

function* owedFaults(owed: VerifiedOwed): Generator<string> {
  const { state, amount, given, isPending, strays, hasDifference } = owed
  if (given > amount) yield `${given} was given of ${amount}`
  if (strays > 0) yield `${strays} refunds of it are of another order`
  if (state !== 'open' && isPending) yield `is ${state}, but a refund of it is under way`
  if (state === 'given_up' && !hasDifference) yield 'was given up, and no operator was asked'
}

async function inPages<T extends { id: string }>(
  read: (after: string) => Promise<T[]>,
  page: number,
  each: (row: T) => void,
): Promise<bigint> {
  let count = 0n
  let last = NIL
  for (;;) {
    const rows = await read(last)
    for (const row of rows) {
      each(row)
      count += 1n
      last = row.id
    }
    if (rows.length < page) return count
  }
}
