import { readCommandLine, refuse } from '@auction/common/process/command-line.ts'
import type { Platform } from '@auction/local/platform.ts'
import { type ApiClient, createClient } from '#src/api-client.ts'
import { type AnswerLog, createAnswerLog } from '#src/crash/answers.ts'
import { type Counts, check, queuesOf, settled } from '#src/crash/check.ts'
import {
  checkNotices,
  deletionsSettled,
  type NoticeCounts,
  noticesSettled,
  readDeleted,
} from '#src/crash/check-notices.ts'
import { checkSales, type SalesCounts } from '#src/crash/check-sales.ts'
import { FAULT_KINDS, type FaultKind, type FaultsResult, runFaults } from '#src/crash/faults.ts'
import { createChance, type SentBid } from '#src/crash/history.ts'
import { findOutlived, type IdentityHistory, startIdentityLoad } from '#src/crash/identity-load.ts'
import { startLeavingLoad } from '#src/crash/leaving-load.ts'
import { type Load, startLoad } from '#src/crash/load.ts'
import { type SalesHistory, startSalesLoad } from '#src/crash/sales-load.ts'
import { positive } from '#src/options.ts'
import { withOwnPlatform } from '#src/own-platform.ts'
import { join, logIn } from '#src/people.ts'

const HELP = `npm run crash -- [--rounds N] [--rate BIDS_PER_SECOND] [--faults KINDS] [--seed N] [--keep]

Bids over 20 lots, people who register, log in, refresh and log out, and others who are outbid and delete their
account; lots that are bought while others bid, orders that are cancelled by agreement and reopened, offers to the next
bidder that two tabs accept, and new rounds by hand and by themselves; while each round does one bad thing. Then compares
clients, ledger, lots, orders, offers, rounds, events, read model, accounts, sessions, notices and mails. KINDS are ${FAULT_KINDS.join(',')}:

  kill    one process of identity, auction, bid, order, notification, PostgreSQL or RabbitMQ, with -9; it is started again
  freeze  one of them (not PostgreSQL) with SIGSTOP for longer than the lease of a relay, then SIGCONT
  hold    a lot's row is locked by another session for 8 s
  late    for 8 s a synchronous standby confirms every commit 200 ms late

A run in which no bid is accepted for a minute ends with what is known, and checks what was recorded so far.`

const { values } = readCommandLine({
  help: HELP,
  options: {
    rounds: { type: 'string', default: '50' },
    rate: { type: 'string', default: '320' },
    faults: { type: 'string', default: FAULT_KINDS.join(',') },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    keep: { type: 'boolean', default: false },
  },
})

const kinds = values.faults.split(',').map((word): FaultKind => {
  const kind = FAULT_KINDS.find((known) => known === word)
  return kind ?? refuse(`There are no faults of the kind '${word}'`)
})
const CLIENTS = 40
const BIDDERS = 40
const OPEN_LOTS = 20
const LOT_SECONDS = { from: 20, to: 60 }
/** The answers that a run shows which came to nothing. */
const LAST_ANSWERS_MS = 10_000
/** What must have happened after the hammer. */
const WORTHLESS_WITHOUT = ['bought', 'accepted', 'relisted', 'cancelled'] as const

const seed = Number(values.seed)
const rounds = positive('rounds', values.rounds)
const bidsPerSecond = positive('rate', values.rate)
const answers = createAnswerLog()
const isFine = await withOwnPlatform<boolean>(
  {
    name: 'crash',
    log: (line) => console.log(`  ${line}`),
    onFolder: (stateDir) =>
      console.log(`seed ${seed}, ${rounds} rounds, ${bidsPerSecond} bids/s, state in ${stateDir}`),
    mailsKept: Number.POSITIVE_INFINITY,
    // Else no account would be deleted within a run.
    env: { 'identity-api': { DELETION_DAYS: '0' } },
    keeps: (isRight) => values.keep || isRight !== true,
  },
  onPlatform,
)
process.exit(isFine ? 0 : 1)

async function onPlatform(platform: Platform): Promise<boolean> {
  const openClient = (index: number) =>
    answers.recorded(
      createClient({ baseUrl: platform.gatewayUrl, localAddress: `127.0.0.${index + 20}` }),
    )
  const clients = Array.from({ length: CLIENTS }, (_, index) => openClient(index))
  const sellerClient = openClient(CLIENTS)
  try {
    return await run(platform, clients, sellerClient)
  } finally {
    for (const client of [...clients, sellerClient]) client.close()
  }
}

async function run(
  platform: Platform,
  clients: ApiClient[],
  sellerClient: ApiClient,
): Promise<boolean> {
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
    sellerClient,
    seller,
    bidders,
    chance,
    bidsPerSecond,
    openLots: OPEN_LOTS,
    lotSeconds: LOT_SECONDS,
    history,
    sold,
  })
  const members = startIdentityLoad({ clients, chance, unique: String(seed) })
  const leavers = startLeavingLoad({
    clients,
    chance,
    unique: String(seed),
    bidOnce: load.bidOnce,
  })
  const sales = startSalesLoad({
    clients,
    chance,
    traders: bidders,
    unique: String(seed),
    history,
  })
  const result = await runFaults({
    platform,
    chance,
    rounds,
    kinds,
    history,
    acceptedCount: load.acceptedCount,
    openLots: load.openLots,
    log: (line) => console.log(line),
  })
  if (result.failure !== undefined) reportFailure(platform, result.failure, load, answers)
  const loadSeconds = (performance.now() - startedAtMs) / 1000
  // They bid, and use tokens that the load keeps fresh.
  await Promise.all([leavers.stop(), sales.stop()])
  await Promise.all([load.stop(), members.stop()])
  console.log('load stopped; waiting until every lot is closed and every event has arrived')
  const drainSeconds = await settled(platform.postgres.url, platform.rabbitmq.managementUrl)
  const unsettled = [await deletionsSettled(platform.postgres.url)]
  // What the deletions have published.
  await settled(platform.postgres.url, platform.rabbitmq.managementUrl)
  const counts = await check(platform.postgres.url, history)
  const afterwards = await checkSales(platform.postgres.url, sales.history)
  const queues = await queuesOf(platform.rabbitmq.managementUrl)
  const emails = [...people.map(({ email }) => email), ...members.history.registered]
  const locked = await countLocked(emails, () => chance.pick(clients))
  for (const ended of members.history.ended) {
    await findOutlived(chance.pick(clients), ended, members.history.outlived)
  }
  const identity = members.history
  unsettled.push(await noticesSettled(platform.postgres.url))
  const left = await readDeleted(platform.postgres.url, leavers.left)
  const notices = await checkNotices(platform.postgres.url, platform.mailbox.mails(), left)
  const waitedInVain = unsettled.filter((problem) => problem !== undefined)
  for (const problem of waitedInVain) console.log(`NOT SETTLED after three minutes: ${problem}`)
  const isRight = report(counts, {
    ...result,
    unsent: load.unsentCount(),
    loadSeconds,
    drainSeconds,
    queues,
    locked,
    identity,
    sales: { ...afterwards, ...sales.history },
    notices,
  })
  return isRight && waitedInVain.length === 0 && result.failure === undefined
}

/** What is known of a run that could not go on, before it is stopped. */
function reportFailure(
  platform: Platform,
  { round, name, problem }: NonNullable<FaultsResult['failure']>,
  load: Load,
  answers: AnswerLog,
): void {
  console.log(`ENDED in round ${round} (${name}): ${problem}`)
  const lots = load.openLots()
  console.log(`${lots.length} lots are open${lots.length === 0 ? '' : ':'}`)
  for (const { id, endsAtMs, priceCents } of lots) {
    const seconds = ((endsAtMs - Date.now()) / 1000).toFixed(1)
    console.log(`  ${id} ends in ${seconds} s, at ${(priceCents / 100).toFixed(2)}`)
  }
  console.log(`answers of the last ${LAST_ANSWERS_MS / 1000} s:`)
  for (const [answer, count] of answers.last(LAST_ANSWERS_MS)) console.log(`  ${count} x ${answer}`)
  for (const name of platform.names) console.log(`  ${name.padEnd(16)} ${platform.logFile(name)}`)
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

interface Circumstances extends FaultsResult {
  unsent: number
  loadSeconds: number
  drainSeconds: number
  queues: { deadLetters: number; waiting: number }
  locked: number
  identity: IdentityHistory
  sales: SalesCounts & Pick<SalesHistory, 'unfinished'>
  notices: NoticeCounts
}

function report(counts: Counts, circumstances: Circumstances): boolean {
  const { faults, loadSeconds, drainSeconds, queues, locked, identity, sales, notices } =
    circumstances
  const done = new Map<string, number>()
  for (const { name } of faults) done.set(name, (done.get(name) ?? 0) + 1)
  const recoveries = faults.map(({ recoveryMs }) => recoveryMs).sort((a, b) => a - b)
  const retried = counts.retried
  const worded = (numbers: Readonly<Record<string, number>>) =>
    Object.entries(numbers)
      .map(([what, count]) => `${what} ${count}`)
      .join(', ')
  const undone = Object.values(sales.undone).reduce((sum, count) => sum + count, 0)
  const lines: [string, unknown][] = [
    [
      'bids sent',
      `${counts.sent} (${(counts.sent / loadSeconds).toFixed(0)}/s), ${retried} of them more than once`,
    ],
    ['acknowledged 201', counts.acknowledged],
    ['refused', counts.refused],
    ['never answered', `${counts.unknown}, of which ${counts.unknownInLedger} are in the ledger`],
    ['not sent, none was free', circumstances.unsent],
    ['faults', worded(Object.fromEntries(done))],
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
    ['after the hammer', worded(sales.happened)],
    ['orders differ from sales', sales.ordersDiffer],
    ['units sold twice', sales.soldTwice],
    ['units differ from orders', sales.unitsDiffer],
    ['new rounds differ', sales.relistsDiffer],
    ['begun and not done', undone],
    ['acknowledged, not done', sales.forgotten.length],
    ['sales without an end', sales.unfinished.length],
    ['ledger violations', counts.violations.length],
    ['events unsent', counts.eventsUnsent],
    ['read model differs', counts.readModelDifferences],
    ['dead letters', queues.deadLetters],
    ['messages left in queues', queues.waiting],
    ['registered, refreshed', `${identity.registered.length}, ${identity.refreshed}`],
    ['sessions ended', identity.ended.length],
    ['people who cannot log in', locked],
    ['passed after its end', identity.outlived.length],
    ['notices due', notices.due],
    ['notices missing', notices.missing],
    ['notices too many', notices.surplus],
    ['accounts deleted', notices.departed],
    ['deletions not known', notices.departuresMissing],
    ['of these after deletion', notices.afterDeletion],
    ['mails received', notices.mails],
    ['mails twice', notices.mailedTwice],
    ['mails of no row', notices.strayMails],
    ['mails sent, not received', notices.mailsLost],
    ['mails of unknown outcome', notices.mailsUnknown],
  ]
  for (const [name, value] of lines) console.log(`${name.padEnd(26)} ${String(value)}`)
  for (const bid of counts.lostBids.slice(0, 20)) console.log(`  lost: ${JSON.stringify(bid)}`)
  for (const violation of counts.violations.slice(0, 20)) console.log(`  ${violation}`)
  if (undone > 0) console.log(`  not done: ${worded(sales.undone)}`)
  for (const what of sales.forgotten.slice(0, 20)) console.log(`  not done: ${what}`)
  for (const sale of sales.unfinished.slice(0, 20)) console.log(`  without an end: ${sale}`)
  const faulty = [
    counts.lost,
    counts.double,
    counts.ghosts,
    counts.wrongWinners,
    sales.ordersDiffer,
    sales.soldTwice,
    sales.unitsDiffer,
    sales.relistsDiffer,
    undone,
    sales.forgotten.length,
    sales.unfinished.length,
    counts.violations.length,
    counts.eventsUnsent,
    counts.readModelDifferences,
    counts.lots - counts.closed,
    queues.deadLetters,
    queues.waiting,
    locked,
    identity.outlived.length,
    notices.missing,
    notices.surplus,
    notices.departuresMissing,
    notices.afterDeletion,
    notices.mailedTwice,
    notices.strayMails,
    notices.mailsLost,
  ]
  // A run in which nothing was hit proves nothing.
  const isMeaningful =
    faults.length > 0 &&
    counts.acknowledged > 0 &&
    retried > 0 &&
    counts.closed > 0 &&
    identity.ended.length > 0 &&
    WORTHLESS_WITHOUT.every((what) => sales.happened[what] > 0) &&
    notices.due > 0 &&
    notices.mails > 0 &&
    notices.departed > 0
  if (!isMeaningful)
    console.log(
      'void: nothing bad was done, no bid accepted, retried or closed, no session ended, nothing bought, offered or put up again, or no notice, mail or deletion',
    )
  return isMeaningful && faulty.every((count) => count === 0)
}
