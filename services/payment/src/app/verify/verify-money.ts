import type { Kysely } from 'kysely'
import { digestEntry, LEDGER_GENESIS, type StoredEntry } from '#src/infra/crypto/entry-digest.ts'
import { sha256 } from '#src/infra/crypto/snapshot-digest.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  type ComparedSale,
  readCapturesWithoutSale,
  readComparedSales,
  readEarnings,
  readLastNumbers,
  readOneSided,
  readSealed,
  readSeries,
  readUnsealed,
} from '#src/infra/postgres/verify/pages.ts'
import { verifyDeposits } from './verify-deposits.ts'
import { verifyPayouts, verifyRefunds } from './verify-payouts.ts'

/** A place in the chain of seals: how many there were, and the digest of the last one. */
export interface LedgerHead {
  count: bigint
  digest: string
}

export interface MoneyVerdict {
  head: LedgerHead
  entries: bigint
  sales: bigint
  invoices: bigint
  payouts: bigint
  deposits: bigint
  differences: bigint
}

export interface VerifyOptions {
  /** A head that was noted elsewhere: a chain whose end was cut off is whole in itself. */
  noted?: LedgerHead | undefined
  page?: number
  /** Called for each difference; none is kept, since there may be any number. */
  report: (difference: string) => void
}

const PAGE = 1_000
const NIL = '00000000-0000-0000-0000-000000000000'

/** Compares everything about money with everything else, in one snapshot and a page at a time. */
export async function verifyMoney(
  db: Kysely<Database>,
  { noted, page = PAGE, report }: VerifyOptions,
): Promise<MoneyVerdict> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (tx) => {
      const work: Work = { db: tx, page, count: 0n, report: () => undefined }
      work.report = (difference) => {
        work.count += 1n
        report(difference)
      }
      const head = await verifySeals(work, noted)
      const unsealed = await verifyUnsealed(work)
      const sales = await verifySales(work)
      await verifyCaptures(work)
      await verifySides(work)
      const invoices = await verifyInvoices(work)
      await verifyEarnings(work)
      const payouts = await verifyPayouts(work)
      await verifyRefunds(work)
      const deposits = await verifyDeposits(work)
      const entries = head.count + unsealed
      return { head, entries, sales, invoices, payouts, deposits, differences: work.count }
    })
}

/** What every check of a run shares. */
export interface Work {
  db: Kysely<Database>
  page: number
  count: bigint
  report(difference: string): void
}

async function verifySeals(
  { db, page, report }: Work,
  noted: LedgerHead | undefined,
): Promise<LedgerHead> {
  let count = 0n
  let digest = LEDGER_GENESIS
  for (;;) {
    const seals = await readSealed(db, count, page)
    for (const seal of seals) {
      const { sequence, previousDigest } = seal
      if (sequence !== count + 1n) report(`seal ${count + 1n}: missing`)
      else if (!previousDigest.equals(digest))
        report(`seal ${sequence}: does not follow the one before`)
      if (!digestEntry(previousDigest, sequence, seal).equals(seal.digest)) {
        report(`entry ${seal.key}: differs from its seal ${sequence}`)
      }
      if (noted?.count === sequence && noted.digest !== seal.digest.toString('hex')) {
        report(`seal ${sequence}: is not the one that was noted`)
      }
      verifyEntry(seal, report)
      count = sequence
      digest = seal.digest
    }
    if (seals.length < page) break
  }
  if (noted !== undefined && noted.count > count) {
    report(`seal ${count + 1n}: missing; there were ${noted.count} once`)
  }
  return { count, digest: digest.toString('hex') }
}

async function verifyUnsealed({ db, page, report }: Work): Promise<bigint> {
  let [count, last] = [0n, 0n]
  for (;;) {
    const entries = await readUnsealed(db, last, page)
    for (const entry of entries) {
      if (entry.isOld) report(`entry ${entry.key}: has no seal`)
      verifyEntry(entry, report)
      count += 1n
      last = entry.id
    }
    if (entries.length < page) return count
  }
}

function verifyEntry(
  { key, lines, postings }: StoredEntry & { lines: number },
  report: Work['report'],
): void {
  if (postings.length !== lines) report(`entry ${key}: ${postings.length} postings of ${lines}`)
  const totals = new Map<string, bigint>()
  for (const [, currencyCode, amount] of postings) {
    totals.set(currencyCode, (totals.get(currencyCode) ?? 0n) + BigInt(amount))
  }
  for (const [currencyCode, total] of totals) {
    if (total !== 0n) report(`entry ${key}: adds up to ${total} ${currencyCode}`)
  }
}

async function verifySales({ db, page, report }: Work): Promise<bigint> {
  let count = 0n
  let last = { paymentId: NIL, orderId: NIL }
  for (;;) {
    const sales = await readComparedSales(db, last, page)
    for (const sale of sales) {
      for (const reason of faultsOf(sale)) {
        report(`sale ${sale.paymentId}:${sale.orderId}: ${reason}`)
      }
      count += 1n
      last = sale
    }
    if (sales.length < page) return count
  }
}

function* faultsOf(sale: ComparedSale): Generator<string> {
  if (!sale.isPosted) {
    yield 'its capture was not posted'
    return
  }
  const pairs: [string, bigint, bigint][] = [
    ['paid', sale.total, sale.paid],
    ['commission', sale.commission, sale.postedCommission],
    ['tax', sale.tax, sale.postedTax],
    ['premium', sale.premium, sale.postedPremium],
  ]
  for (const [what, said, posted] of pairs) {
    if (said !== posted) yield `${what} is ${said}, but ${posted} in the ledger`
  }
  const { undone, total, pending, payable, openDisputes, isCompleted } = sale
  if (undone < 0n || undone > total) yield `${undone} of ${total} is undone`
  if (undone === total && pending + payable !== 0n) {
    yield `all of it is undone, but ${pending} pending and ${payable} payable`
  }
  if (isCompleted && openDisputes === 0 && pending > 0n) {
    yield `the order is completed, but ${pending} still pending`
  }
  if (!isCompleted && payable > 0n) yield `${payable} payable before the order is completed`
  if (openDisputes < 0) yield 'more disputes are decided than were opened'
}

async function verifyCaptures({ db, page, report }: Work): Promise<void> {
  let last = 0n
  for (;;) {
    const captures = await readCapturesWithoutSale(db, last, page)
    for (const { id, key, isOrphan } of captures) {
      if (isOrphan) report(`entry ${key}: there is no sale of it`)
      last = id
    }
    if (captures.length < page) return
  }
}

async function verifySides({ db, report }: Work): Promise<void> {
  for (const { account, currencyCode, amount } of await readOneSided(db)) {
    const isWrong = account === 'dispute:held' ? amount < 0n : amount > 0n
    if (isWrong) report(`account ${account}: ${amount} ${currencyCode} is on the wrong side`)
  }
}

async function verifyInvoices(work: Work): Promise<bigint> {
  let count = 0n
  for (const { series, lastNumber } of await readLastNumbers(work.db)) {
    const last = await verifySeries(work, series)
    if (last !== lastNumber)
      work.report(`invoices ${series}: end at ${last}, but ${lastNumber} were given`)
    count += last
  }
  return count
}

/** Returns the last number of the series. */
async function verifySeries({ db, page, report }: Work, series: string): Promise<bigint> {
  let last = 0n
  for (;;) {
    const invoices = await readSeries(db, series, last, page)
    for (const { number, snapshot, sha256: digest } of invoices) {
      if (number !== last + 1n) report(`invoices ${series}: ${last + 1n} is missing`)
      if (!sha256(snapshot).equals(digest))
        report(`invoice ${series} ${number}: differs from its digest`)
      last = number
    }
    if (invoices.length < page) return last
  }
}

async function verifyEarnings({ db, page, report }: Work): Promise<void> {
  let last = 0n
  for (;;) {
    const entries = await readEarnings(db, last, page)
    for (const { id, key, isForgotten } of entries) {
      if (isForgotten) report(`entry ${key}: has no invoice`)
      last = id
    }
    if (entries.length < page) return
  }
}
