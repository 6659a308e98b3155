import { createHash } from 'node:crypto'
import { isTransient } from '@auction/common/http/errors.ts'
import { newId } from '@auction/common/ids.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { CreateDependencies } from '#src/app/listing/create-item.ts'
import type { ItemContent } from '#src/domain/item.ts'
import { importErrors } from '#src/errors.ts'
import { insertItems } from '#src/infra/postgres/item/items.ts'
import {
  claimImport,
  type KnownImport,
  readImport,
} from '#src/infra/postgres/spreadsheets/item-imports.ts'
import { type FileFormat, openFile, readFile } from './read-file.ts'

// Far from the number of parameters that PostgreSQL takes in a statement.
const ROWS_PER_STATEMENT = 200

export interface ImportCommand {
  sellerId: string
  key: string
  bytes: Buffer
  /** The encoding that the sender names. */
  charset: string | undefined
  trace: Trace
}

export interface Imported {
  itemIds: readonly string[]
  format: FileFormat
  isReplayed: boolean
}

/**
 * Makes a draft of every row of a file, or none. The same key and file again gives the same answer and
 * makes nothing, also when both requests run at once.
 */
export async function importItems(
  { db, events, limits }: CreateDependencies,
  { sellerId, key, bytes, charset, trace }: ImportCommand,
): Promise<Imported> {
  const file = openFile(bytes, charset)
  const { format } = file
  const bodyHash = createHash('sha256').update(bytes).digest('hex')
  const by = { sellerId, key, bodyHash }
  // Before the file is validated: a start that was valid then may be in the past now.
  const known = await readImport(db, by)
  if (known !== undefined) return { ...replay(known, bodyHash), format }
  const contents = await readFile(file, await readClock(db), limits)
  // Ids of one millisecond come in any order, and an export goes by ids: the rows keep theirs.
  const itemIds = contents.map(() => newId()).sort()
  const rows = contents.map((content, index) => ({ id: itemIds[index] as string, content }))
  return outboxTransaction(db, async (tx): Promise<Imported> => {
    if (!(await claim(tx, { ...by, itemIds }))) {
      const rival = await readImport(tx, by)
      if (rival === undefined) throw new Error('an import was neither inserted nor found')
      return { ...replay(rival, bodyHash), format }
    }
    for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT) {
      const reads = await insertItems(tx, sellerId, rows.slice(at, at + ROWS_PER_STATEMENT))
      await events.emitCreated(tx, reads, trace)
    }
    return { itemIds, format, isReplayed: false }
  })
}

/** Judges a file as an import would, and writes nothing. */
export async function previewImport(
  { db, limits }: CreateDependencies,
  { bytes, charset }: Pick<ImportCommand, 'bytes' | 'charset'>,
): Promise<{ contents: ItemContent[]; format: FileFormat }> {
  const file = openFile(bytes, charset)
  return { contents: await readFile(file, await readClock(db), limits), format: file.format }
}

/** Writing a large file takes longer than a statement may wait for a lock. */
async function claim(...[tx, wanted]: Parameters<typeof claimImport>): Promise<boolean> {
  try {
    return await claimImport(tx, wanted)
  } catch (error) {
    throw isTransient(error) ? importErrors.inProgress() : error
  }
}

function replay({ bodyHash, itemIds }: KnownImport, wanted: string): Omit<Imported, 'format'> {
  if (bodyHash !== wanted) throw importErrors.keyReused({ field: 'idempotency-key' })
  return { itemIds, isReplayed: true }
}
