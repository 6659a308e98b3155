import { loadavg } from 'node:os'
import { type Platform, startPlatform } from '@auction/local/platform.ts'
import autocannon from 'autocannon'
import { type ApiClient, createClient } from '#src/api-client.ts'
import { join, type Person, sell } from '#src/people.ts'
import { cpuSeconds, load } from './children.ts'
import { startWatchers } from './live.ts'
import { openLoop } from './open-loop.ts'
import { atLeast, atMost, median, type Row, seen } from './report.ts'

const LOTS = 50
const CONNECTIONS = 16
const PAGES_PER_SECOND = 1_000
const P99_MAX_MS = 50
const OPEN_PAGES = 1_000
const CHANGES_PER_SECOND = 5
/** So often did each open page load itself again, before prices came over a stream. */
const RELOAD_SECONDS = 5
/** While prices move this fast, an open page reads the history after up to five seconds, and then again. */
const HISTORY_SECONDS = 5 / 2 + 1 / CHANGES_PER_SECOND / 2
const START_CENTS = 10_000_000
/** What is read of a lot's page before it is measured: modules are compiled by then. */
const WARM_UP_PAGES = 3_000

export interface PagesBenchSettings {
  stateDir: string
  rounds: number
  seconds: number
  log: (line: string) => void
}

/** Pages of lots for visitors: how many one process makes, how soon they come, and what open ones cost. */
export async function benchPages(settings: PagesBenchSettings): Promise<Row[]> {
  const { stateDir, log } = settings
  const platform = await startPlatform({ stateDir, log })
  const client = createClient({ baseUrl: platform.gatewayUrl })
  try {
    const run = Date.now().toString(36)
    const [seller, ...bidders] = await Promise.all(
      ['seller', 'ann', 'ben'].map((name) => join(client, name, `${name}-${run}`)),
    )
    if (seller === undefined) throw new Error('there is no seller')
    const lots: string[] = []
    for (let index = 0; index < LOTS; index += 1) lots.push(await openLot(client, seller))
    await bidOn(platform, lots, bidders, 4)
    return [
      ...(await served(platform, lots, settings)),
      ...(await openPages(platform, lots[0] ?? '', bidders, settings)),
    ]
  } finally {
    client.close()
    await platform.stop()
  }
}

async function openLot(client: ApiClient, seller: Person): Promise<string> {
  const terms = { bidIncrement: '0.01' }
  const item = { name: 'Walnut desk', startPrice: '100000.00', durationMs: 3_600_000, terms }
  return (await sell(client, seller, item)).id
}

/** Two people outbid each other, so that each bid moves the price. */
async function bidOn(
  platform: Platform,
  itemIds: string[],
  bidders: readonly Person[],
  seconds: number,
  perSecond = 100,
  fromCents = START_CENTS,
): Promise<void> {
  const { decided, failed } = await load({
    ports: [Number(new URL(platform.addresses.get('bid-api') ?? '').port)],
    itemIds,
    tokens: bidders.map(({ token }) => token),
    connections: bidders.length,
    rate: perSecond,
    fromCents,
    spreadCents: 0,
    seconds,
  })
  if (failed > 0 || decided === 0) throw new Error(`${failed} bids failed, ${decided} did not`)
}

/** Straight from the process that makes them. */
async function served(
  platform: Platform,
  lots: readonly string[],
  { rounds, seconds, log }: PagesBenchSettings,
): Promise<Row[]> {
  const baseUrl = platform.addresses.get('web') ?? ''
  const pid = platform.pid('web')
  const paths = lots.map((id) => `/lots/${id}`)
  const [one = ''] = paths
  await autocannon({ url: `${baseUrl}${one}`, connections: CONNECTIONS, amount: WARM_UP_PAGES })
  const rates: number[] = []
  const costsMs: number[] = []
  const many: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const cpuFrom = cpuSeconds([pid])
    const { perSecond, total } = await perSecondOf(baseUrl, [one], seconds)
    costsMs.push(((cpuSeconds([pid]) - cpuFrom) * 1_000) / total)
    rates.push(perSecond)
    many.push((await perSecondOf(baseUrl, paths, seconds)).perSecond)
    log(
      `pages: ${perSecond.toFixed(0)}/s of one lot at ${costsMs.at(-1)?.toFixed(2)} ms of CPU, ` +
        `${many.at(-1)?.toFixed(0)}/s of ${LOTS} lots; load average ${loadavg()[0]?.toFixed(1)}`,
    )
  }
  const half = Math.round(median(rates) / 2)
  const latencies: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const { p99Ms } = await openLoop({ baseUrl, path: one, perSecond: half, seconds })
    latencies.push(p99Ms)
    log(`pages: whole page p99 ${p99Ms.toFixed(1)} ms at ${half}/s`)
  }
  const name = 'pages of a lot for visitors, one process'
  return [
    atLeast('pages', name, median(rates), PAGES_PER_SECOND, '/s'),
    seen('pages', 'CPU of web for one of them', `${median(costsMs).toFixed(2)} ms`, ''),
    seen('pages', `${LOTS} lots in turn`, `${median(many).toFixed(0)}/s`, ''),
    // The last byte comes after the first one.
    atMost(
      'pages',
      `whole page, p99 at half load (${half}/s)`,
      median(latencies),
      P99_MAX_MS,
      'ms',
    ),
  ]
}

async function perSecondOf(baseUrl: string, paths: readonly string[], seconds: number) {
  const result = await autocannon({
    url: baseUrl,
    connections: CONNECTIONS,
    duration: seconds,
    requests: paths.map((path) => ({ method: 'GET', path })),
  })
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`pages: ${result.non2xx} refused, ${result.errors} failed`)
  }
  const { total } = result.requests
  return { total, perSecond: total / result.duration }
}

/** Through the gateway: a thousand readers of one lot while its price moves, beside what reloading would cost. */
async function openPages(
  platform: Platform,
  itemId: string,
  bidders: readonly Person[],
  { seconds: given, log }: PagesBenchSettings,
): Promise<Row[]> {
  const seconds = Math.max(given, 10)
  const port = Number(new URL(platform.gatewayUrl).port)
  const parts = {
    web: 'web',
    gateway: 'traefik',
    notification: 'notification-api',
    bid: 'bid-api',
  } as const
  const used = () => Object.values(parts).map((name) => cpuSeconds([platform.pid(name)]))
  /** Shares of a core while `work` runs. */
  const during = async (work: () => Promise<unknown>): Promise<string> => {
    const [from, beganMs] = [used(), performance.now()]
    await work()
    const tookSeconds = (performance.now() - beganMs) / 1_000
    return used()
      .map((upTo, index) => {
        const share = ((upTo - (from[index] ?? 0)) / tookSeconds) * 100
        return `${Object.keys(parts)[index]} ${share.toFixed(1)} %`
      })
      .join(', ')
  }
  const watchers = await startWatchers(port, OPEN_PAGES, 0, () => [itemId])
  let live = ''
  try {
    const fromCents = START_CENTS * 2
    const history = {
      baseUrl: platform.gatewayUrl,
      path: `/api/v1/lots/${itemId}/bids?limit=30`,
      perSecond: OPEN_PAGES / HISTORY_SECONDS,
      seconds,
    }
    live = await during(() =>
      Promise.all([
        bidOn(platform, [itemId], bidders, seconds, CHANGES_PER_SECOND, fromCents),
        openLoop(history),
      ]),
    )
    const { sightings, lost } = await watchers.finish()
    if (lost > 0) throw new Error(`${lost} streams have ended`)
    const each = sightings.length / OPEN_PAGES / seconds
    log(`pages: ${OPEN_PAGES} open, each got ${each.toFixed(1)} prices a second; ${live}`)
    // A lot may send less than there are bids, but a run in which nothing came shows nothing.
    if (each < 1) throw new Error('the prices did not come to the open pages')
  } finally {
    watchers.stop()
  }
  const order = {
    baseUrl: platform.gatewayUrl,
    path: `/lots/${itemId}`,
    perSecond: OPEN_PAGES / RELOAD_SECONDS,
    seconds,
  }
  const reloading = await during(() => openLoop(order))
  log(`pages: reloading every ${RELOAD_SECONDS} s; ${reloading}`)
  const what = `${OPEN_PAGES} open pages, ${CHANGES_PER_SECOND} prices a second, of one core; reloaded each ${RELOAD_SECONDS} s`
  return [seen('pages', what, live, reloading)]
}
