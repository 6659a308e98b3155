import { UUID } from '@auction/common/ids.ts'
import { formatAmount } from '@auction/common/money.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { readCommandLine, refuse } from '@auction/common/process/command-line.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import type { Kysely } from 'kysely'
import { reconcile } from '#src/app/payments/reconcile.ts'
import { reconcileTransfers } from '#src/app/payouts/reconcile-transfers.ts'
import { createPayoutProviders, createProviders, readReconcileConfig } from '#src/config.ts'
import { KINDS } from '#src/domain/approval.ts'
import { listApprovals } from '#src/infra/postgres/approvals/approvals.ts'
import { closeDifference, readOpenDifferences } from '#src/infra/postgres/payments/differences.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

const HELP = `npm run payments -- reconcile                  compares providers' books of the last two days with ours
npm run payments -- reconcile --since INSTANT  from then on, such as 2026-07-01T00:00:00Z
npm run payments -- differences                what differs and waits for a person
npm run payments -- close ID "what was done"   closes a difference
npm run payments -- approvals                  what waits for a second operator`

const LISTED_MAX = 200
const TWO_DAYS_MS = 2 * 24 * 3_600_000

const { positionals, values } = readCommandLine({
  help: HELP,
  wordsMax: 3,
  options: { since: { type: 'string' } },
})
const [name, id = '', note = ''] = positionals
switch (name) {
  case 'reconcile': {
    const since = readSince(values.since)
    await withDatabase((db) => compareAll(db, since))
    break
  }
  case 'differences':
    await withDatabase(list)
    break
  case 'approvals':
    await withDatabase(listWaiting)
    break
  case 'close':
    if (!UUID.test(id)) refuse(`${id} is no ID`)
    if (note === '') refuse('Say what was done')
    await withDatabase((db) => close(db, id, note))
    break
  default:
    console.error(HELP)
    process.exit(2)
}

async function withDatabase(work: (db: Kysely<Database>) => Promise<boolean>): Promise<void> {
  const config = readReconcileConfig(process.env)
  const log = createLogger(SERVICE.name, config.LOG_LEVEL)
  const pool = createPool(config, { log, name: 'payments', max: 1 })
  try {
    process.exitCode = (await work(createDatabase<Database>(pool))) ? 0 : 1
  } finally {
    await pool.end()
  }
}

function readSince(text: string | undefined): Date {
  const since = text === undefined ? new Date(Date.now() - TWO_DAYS_MS) : new Date(text)
  if (Number.isNaN(since.getTime())) refuse(`${text} is no instant`)
  return since
}

async function compareAll(db: Kysely<Database>, since: Date): Promise<boolean> {
  let isSame = true
  const config = readReconcileConfig(process.env)
  for (const provider of createProviders(config).values()) {
    const { charges, payments, differences } = await reconcile(db, provider, since, new Date())
    console.log(
      `${provider.name}: ${charges} of theirs, ${payments} of ours, ${differences} differences`,
    )
    isSame &&= differences === 0
  }
  for (const provider of createPayoutProviders(config)) {
    const { transfers, differences } = await reconcileTransfers(db, provider, since, new Date())
    console.log(`${provider.name}: ${transfers} transfers to sellers, ${differences} differences`)
    isSame &&= differences === 0
  }
  return isSame
}

async function list(db: Kysely<Database>): Promise<boolean> {
  const differences = await readOpenDifferences(db, LISTED_MAX)
  for (const one of differences) {
    const about = `${one.kind} ${one.reference}`.padEnd(60)
    console.log(`${one.id}  ${about} ours: ${one.ours}; theirs: ${one.theirs}`)
  }
  console.log(`${differences.length} open`)
  return differences.length === 0
}

async function listWaiting(db: Kysely<Database>): Promise<boolean> {
  const waiting = await listApprovals(db, {
    kinds: KINDS,
    state: 'open',
    after: undefined,
    limit: LISTED_MAX,
  })
  for (const { id, kind, amount, currencyCode, askedBy, askedAt, expiresAt } of waiting) {
    const money =
      amount === null || currencyCode === null
        ? ''
        : `${formatAmount(amount, currencyCode)} ${currencyCode}`
    const times = `${askedAt.toISOString()} until ${expiresAt.toISOString()}`
    console.log(`${id}  ${kind.padEnd(16)} ${money.padEnd(16)} by ${askedBy}, ${times}`)
  }
  console.log(`${waiting.length} wait`)
  return true
}

async function close(db: Kysely<Database>, which: string, done: string): Promise<boolean> {
  const isClosed = await closeDifference(db, which, done)
  console.log(isClosed ? 'closed' : 'There is no open difference with this ID.')
  return isClosed
}
