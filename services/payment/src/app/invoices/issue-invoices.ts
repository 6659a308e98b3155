import { readClock } from '@auction/common/postgres/clock.ts'
import type { Kysely, Transaction } from 'kysely'
import {
  draftsOf,
  type InvoiceDraft,
  type Issuer,
  invoiceNumber,
  snapshotOf,
} from '#src/domain/invoice.ts'
import { sha256 } from '#src/infra/crypto/snapshot-digest.ts'
import { renderInvoice } from '#src/infra/pdf/render-invoice.ts'
import {
  endTask,
  failureOf,
  type InvoiceTask,
  insertInvoice,
  lockSeries,
  lockUnrendered,
  nextNumber,
  postponeTask,
  readCorrected,
  storeDocument,
  takeTasks,
} from '#src/infra/postgres/invoices/invoices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const BATCH = 50

/**
 * Issues what entries earned and gave back, some time after them: a capture never waits for a number. An invoice, its number and
 * the end of its task are one transaction. An entry that cannot be invoiced yet, such as a credit note whose invoice is not issued,
 * waits, and stops no other. Returns how many entries were invoiced.
 */
export async function issueInvoices(
  db: Kysely<Database>,
  issuer: Issuer,
  batch = BATCH,
): Promise<number> {
  for (let issued = 0; ; ) {
    const { taken, done } = await db.transaction().execute((tx) => issueBatch(tx, issuer, batch))
    issued += done
    if (taken < batch) return issued
  }
}

async function issueBatch(
  tx: Transaction<Database>,
  issuer: Issuer,
  batch: number,
): Promise<{ taken: number; done: number }> {
  await lockSeries(tx)
  const tasks = await takeTasks(tx, batch)
  let done = 0
  for (const task of tasks) {
    const failure = await failureOf(tx, async () => {
      await issueEntry(tx, task, issuer)
      await endTask(tx, task.entryId)
    })
    if (failure === undefined) done += 1
    else await postponeTask(tx, task.entryId, failure instanceof Error ? failure.message : 'failed')
  }
  return { taken: tasks.length, done }
}

async function issueEntry(
  tx: Transaction<Database>,
  { entryId, postings, sale }: InvoiceTask,
  issuer: Issuer,
): Promise<void> {
  if (sale === null) return
  for (const draft of draftsOf(sale, postings)) await issue(tx, entryId, sale, draft, issuer)
}

async function issue(
  tx: Transaction<Database>,
  entryId: bigint,
  sale: NonNullable<InvoiceTask['sale']>,
  draft: InvoiceDraft,
  issuer: Issuer,
): Promise<void> {
  const { series, subject, userId, net, tax } = draft
  const isCredit = series !== subject
  const number = await nextNumber(tx, series)
  const corrected = isCredit ? await readCorrected(tx, sale, subject) : undefined
  if (isCredit && corrected === undefined) throw new Error(`entry ${entryId} corrects no invoice`)
  const at = await readClock(tx)
  const snapshot = JSON.stringify(
    snapshotOf(draft, sale, {
      number,
      at,
      issuer,
      corrects: corrected && invoiceNumber(subject, corrected.number),
    }),
  )
  await insertInvoice(tx, {
    series,
    number,
    entryId,
    userId,
    sale,
    corrects: corrected?.id ?? null,
    net,
    tax,
    snapshot,
    sha256: sha256(snapshot),
    issuedAt: at,
  })
}

/** Renders the documents of invoices that have none; returns how many. */
export async function renderInvoices(db: Kysely<Database>): Promise<number> {
  for (let rendered = 0; ; rendered += 1) {
    const isDone = await db.transaction().execute(async (tx) => {
      const invoice = await lockUnrendered(tx)
      if (invoice === undefined) return false
      const pdf = await renderInvoice(JSON.parse(invoice.snapshot))
      await storeDocument(tx, invoice.id, pdf, sha256(pdf))
      return true
    })
    if (!isDone) return rendered
  }
}
