import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { startPlatform } from '@auction/local/platform.ts'
import { type ApiClient, createClient } from '#src/api-client.ts'
import { type Counts, check, queuesOf, settled } from '#src/crash/check.ts'
import { type Fault, runFaults } from '#src/crash/faults.ts'
import { createChance, type SentBid } from '#src/crash/history.ts'
import { findOutlived, type IdentityHistory, startIdentityLoad } from '#src/crash/identity-load.ts'
import { startLoad } from '#src/crash/load.ts'
import { join, logIn } from '#src/people.ts'

const HELP = `npm run crash -- [--rounds N] [--rate BIDS_PER_SECOND] [--seed N] [--keep]

Bids over 20 lots, and people who register, log in, refresh and log out, while in each round one
process of identity, auction, bid, PostgreSQL or RabbitMQ is killed with -9 and started again; then
compares clients, ledger, lots, events, read model, accounts and sessions.`

const { values } = readCommandLine({
  help: HELP,
  options: {
    rounds: { type: 'string', default: '50' },
    rate: { type: 'string', default: '320' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    keep: { type: 'boolean', default: false },
  },
})

const CLIENTS = 40
const BIDDERS = 40
const OPEN_LOTS = 20
const LOT_SECONDS = { from: 20, to: 60 }

const seed = Number(values.seed)
const stateDir = mkdtempSync(joinPath(tmpdir(), 'auction-crash-'))
console.log(`seed ${seed}, ${values.rounds} rounds, ${values.rate} bids/s, state in ${stateDir}`)
const platform = await startPlatform({ stateDir, log: (line) => console.log(`  ${line}`) })
const clients = Array.from({ length: CLIENTS }, (_, index) =>
  createClient({ baseUrl: platform.gatewayUrl, localAddress: `127.0.0.${index + 20}` }),
)
let isFine = false
try {
  isFine = await run()
} finally {
  for (const client of clients) client.close()
  await platform.stop()
  if (!values.keep && isFine) rmSync(stateDir, { recursive: true, force: true })
  else console.log(`databases and logs are kept in ${stateDir}`)
}
process.exit(isFine ? 0 : 1)

async function run(): Promise<boolean> {
  const chance = createChance(seed)
  const people = await Promise.all(
    Array.from({ length: BIDDERS + 1 }, (_, index) =>
      join(chance.pick(clients), `bidder ${index}`, `crash-${seed}-${index}`),
    ),
  )
  const [seller, ...bidders] = people
  if (seller === undefined) throw new Error('there is no seller')
  const history: SentBid[] = []
  const sold: string[] = []
  const startedAtMs = performance.now()
  const load = startLoad({
    clients,
    seller,
    bidders,
    chance,
    bidsPerSecond: Number(values.rate),
    openLots: OPEN_LOTS,
    lotSeconds: LOT_SECONDS,
    history,
    sold,
  })
  const members = startIdentityLoad({ clients, chance, unique: String(seed) })
  const faults = await runFaults({
    platform,
    chance,
    rounds: Number(values.rounds),
    history,
    acceptedCount: load.acceptedCount,
    log: (line) => console.log(line),
  })
  const loadSeconds = (performance.now() - startedAtMs) / 1000
  await Promise.all([load.stop(), members.stop()])
  console.log('load stopped; waiting until every lot is closed and every event has arrived')
  const drainSeconds = await settled(platform.postgres.url, platform.rabbitmq.managementUrl)
  const counts = await check(platform.postgres.url, history)
  const queues = await queuesOf(platform.rabbitmq.managementUrl)
  const emails = [...people.map(({ email }) => email), ...members.history.registered]
  const locked = await countLocked(emails, () => chance.pick(clients))
  for (const ended of members.history.ended) {
    await findOutlived(chance.pick(clients), ended, members.history.outlived)
  }
  const identity = members.history
  return report(counts, { faults, loadSeconds, drainSeconds, queues, locked, identity })
}

/** How many users whose registration was confirmed cannot log in. */
async function countLocked(emails: string[], client: () => ApiClient): Promise<number> {
  let locked = 0
  for (const email of emails) {
    await logIn(client(), email).catch(() => {
      locked += 1
    })
  }
  return locked
}

interface Circumstances {
  faults: Fault[]
  loadSeconds: number
  drainSeconds: number
  queues: { deadLetters: number; waiting: number }
  locked: number
  identity: IdentityHistory
}

function report(counts: Counts, circumstances: Circumstances): boolean {
  const { faults, loadSeconds, drainSeconds, queues, locked, identity } = circumstances
  const killed = new Map<string, number>()
  for (const { name } of faults) killed.set(name, (killed.get(name) ?? 0) + 1)
  const recoveries = faults.map(({ recoveryMs }) => recoveryMs).sort((a, b) => a - b)
  const retried = counts.retried
  const lines: [string, unknown][] = [
    [
      'bids sent',
      `${counts.sent} (${(counts.sent / loadSeconds).toFixed(0)}/s), ${retried} of them more than once`,
    ],
    ['acknowledged 201', counts.acknowledged],
    ['refused', counts.refused],
    ['never answered', `${counts.unknown}, of which ${counts.unknownInLedger} are in the ledger`],
    ['killed', [...killed].map(([name, count]) => `${name} ${count}`).join(', ')],
    [
      'to the next accepted bid',
      `median ${recoveries[recoveries.length >> 1]?.toFixed(0)} ms, worst ${recoveries.at(-1)?.toFixed(0)} ms`,
    ],
    ['drained after', `${drainSeconds.toFixed(1)} s`],
    ['lots, closed', `${counts.lots}, ${counts.closed}`],
    ['ledger entries', counts.ledgerEntries],
    ['events committed', counts.eventsCommitted],
    ['LOST', counts.lost],
    ['DOUBLE', counts.double],
    ['bids that no client sent', counts.ghosts],
    ['wrong or missing winners', counts.wrongWinners],
    ['ledger violations', counts.violations.length],
    ['events unsent', counts.eventsUnsent],
    ['read model differs', counts.readModelDifferences],
    ['dead letters', queues.deadLetters],
    ['messages left in queues', queues.waiting],
    ['registered, refreshed', `${identity.registered.length}, ${identity.refreshed}`],
    ['sessions ended', identity.ended.length],
    ['people who cannot log in', locked],
    ['passed after its end', identity.outlived.length],
  ]
  for (const [name, value] of lines) console.log(`${name.padEnd(26)} ${String(value)}`)
  for (const violation of counts.violations.slice(0, 20)) console.log(`  ${violation}`)
  const faulty = [
    counts.lost,
    counts.double,
    counts.ghosts,
    counts.wrongWinners,
    counts.violations.length,
    counts.eventsUnsent,
    counts.readModelDifferences,
    counts.lots - counts.closed,
    queues.deadLetters,
    queues.waiting,
    locked,
    identity.outlived.length,
  ]
  // A run in which nothing was hit proves nothing.
  const isMeaningful =
    counts.acknowledged > 0 && retried > 0 && counts.closed > 0 && identity.ended.length > 0
  if (!isMeaningful)
    console.log('void: no bid was accepted, retried or closed, or no session ended')
  return isMeaningful && faulty.every((count) => count === 0)
}
