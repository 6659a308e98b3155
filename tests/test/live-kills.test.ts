import { randomUUID } from 'node:crypto'
import { type LiveClient, openLiveClient } from '@auction/common/testing/live-client.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { Platform } from '@auction/local/platform.ts'
import t from 'tap'
import type { ApiClient } from '#src/api-client.ts'
import { insist, join, logIn, type Person, sell } from '#src/people.ts'
import { createPlatform } from './helper.ts'

const WATCHERS = 150
const LOTS = 5
const REPLICAS = ['notification-api', 'notification-api-2']
/** Until a logout is noticed (S6). */
const LOGOUT_MAX_MS = 30_000
/** What the service asks clients to wait, at most, before they come back. */
const RETRY_MAX_MS = 5_000

t.test('watchers through the gateway, with two processes that serve them', async (t) => {
  const { platform, client } = await createPlatform(t, {
    extraNotificationApis: 1,
    // All of them have one address here.
    rateFactor: 1_000,
  })
  const run = randomUUID().slice(0, 8)
  const [ann, ben, cid] = (await Promise.all(
    ['ann', 'ben', 'cid'].map((name) => join(client, name, `${name}-${run}`)),
  )) as [Person, Person, Person]
  const readLot = async (itemId: string) => {
    const { body } = await insist(client, 'GET', `/api/v1/lots/${itemId}`, { accept: [200] })
    return body as { sequence: number; currentPrice: string }
  }
  const watch = (lots: readonly string[], token?: string): LiveClient => {
    const watcher = openLiveClient({
      urls: [platform.gatewayUrl],
      lots,
      token: () => token,
      readLot,
    })
    t.teardown(() => watcher.close())
    return watcher
  }
  const open = async (name: string) => {
    const terms = { bidIncrement: '1.00' }
    const { id } = await sell(client, ann, {
      name,
      startPrice: '1.00',
      durationMs: 3_600_000,
      terms,
    })
    return id
  }

  t.test(
    'a process is killed, then both are replaced, and no watcher misses a price',
    async (t) => {
      const itemIds = await Promise.all(
        Array.from({ length: LOTS }, (_, index) => open(`lot ${index}`)),
      )
      const watchers = Array.from({ length: WATCHERS }, () => watch(itemIds))
      await waitFor('the streams', () => watchers.every((watcher) => watcher.isOpen()))
      const bidding = startBids(client, itemIds, [ben, cid])
      await waitFor('the first prices', () =>
        watchers.every(({ lots }) => itemIds.every((id) => (lots.get(id)?.sequence ?? 0) > 1)),
      )
      const isWatched = () => watchers.every((watcher) => watcher.isOpen())
      const [first = '', second = ''] = REPLICAS
      const shares = await Promise.all(REPLICAS.map((name) => connections(platform, name)))
      t.ok(
        shares.every((count) => count > 0),
        `both serve some: ${shares}`,
      )

      const before = watchers.map((watcher) => watcher.opened())
      await platform.kill(first)
      await waitFor('the others', async () => (await connections(platform, second)) === WATCHERS)
      const moved = watchers.filter((watcher, index) => watcher.opened() > (before[index] ?? 0))
      t.ok(moved.length >= (shares[0] ?? 0), `${moved.length} came back after the kill`)
      await bidding.more(20)
      await waitFor('the newest prices', () => showTheNewest(watchers, bidding))
      await platform.restart(first)

      // A rolling upgrade: one goes in good order, its successor comes, then the other.
      for (const name of [second, first]) {
        await bidding.more(5)
        const there = await connections(platform, name)
        const back = noteReturns(watchers)
        await platform.kill(name, 'SIGTERM')
        await waitFor('the end of the streams', () => back.lost() >= there)
        await waitFor('their return', () => isWatched())
        const spreadMs = back.spreadMs()
        t.ok(back.count() >= there, `${back.count()} of ${there} came back`)
        t.comment(`${back.count()} came back within ${Math.round(spreadMs)} ms`)
        if (there >= 20) t.ok(spreadMs > 1_000, 'not all at once')
        await platform.restart(name)
      }

      await bidding.more(20)
      await bidding.stop()
      const truth = await Promise.all(itemIds.map(readLot))
      t.ok(
        truth.every(({ sequence }) => sequence > 10),
        `${truth.map(({ sequence }) => sequence)} changes`,
      )
      for (const [index, itemId] of itemIds.entries()) {
        const { sequence, currentPrice } = truth[index] ?? {}
        await waitFor('the last price', () =>
          watchers.every(({ lots }) => lots.get(itemId)?.sequence === sequence),
        )
        const shown = new Set(watchers.map(({ lots }) => lots.get(itemId)?.currentPrice))
        t.strictSame([...shown], [currentPrice])
      }
      t.strictSame(
        watchers.filter(({ messages }) => messages.some(({ event }) => event === 'resync')),
        [],
        'what they missed was sent from their last id, and none had to read a lot',
      )
      t.ok(
        watchers.every((watcher) =>
          retriesOf(watcher).every((ms) => ms >= 500 && ms <= RETRY_MAX_MS),
        ),
      )
    },
  )

  t.test('a user who logs out gets nothing of the own any more, within 30 seconds', async (t) => {
    const itemId = await open('a lot of one who leaves')
    const dan = await join(client, 'dan', `dan-${run}`)
    const elsewhere = await logIn(client, dan.email)
    const [leaving, staying] = [watch([itemId], dan.token), watch([itemId], elsewhere)]
    await waitFor('the streams', () => leaving.isOpen() && staying.isOpen())
    await bid(client, itemId, dan, '5.00')
    for (const watcher of [leaving, staying])
      await waitFor('the own standing', () => watcher.standings.get(itemId)?.standing === 'leading')
    await insist(client, 'POST', '/identity/logout', { token: dan.token, accept: [200, 204] })
    const fromMs = performance.now()
    await waitFor('the end', () => leaving.messages.some(({ event }) => event === 'reauthenticate'))
    const tookMs = performance.now() - fromMs
    t.ok(tookMs < LOGOUT_MAX_MS, `${Math.round(tookMs)} ms`)
    await bid(client, itemId, ben, '10.00')
    await waitFor('the other session', () => staying.standings.get(itemId)?.standing === 'outbid')
    await waitFor('the refusal', () => leaving.refusal()?.statusCode === 401)
    t.equal(leaving.standings.get(itemId)?.standing, 'leading')
  })
})

async function bid(client: ApiClient, itemId: string, { token }: Person, maxAmount: string) {
  await insist(client, 'POST', `/api/v1/lots/${itemId}/bids`, {
    token,
    body: { maxAmount },
    headers: { 'idempotency-key': randomUUID() },
    accept: [201],
  })
}

interface Bidding {
  /** The newest sequence that a bidder was answered, by lot. */
  readonly newest: ReadonlyMap<string, number>
  /** Resolves when every lot has so many bids more. */
  more(count: number): Promise<void>
  stop(): Promise<void>
}

/** Bids on every lot all the while, one after another, each higher than the one before. */
function startBids(client: ApiClient, itemIds: readonly string[], bidders: Person[]): Bidding {
  const newest = new Map<string, number>()
  const counts = new Map(itemIds.map((itemId) => [itemId, 0]))
  let isOver = false
  const run = async (itemId: string) => {
    for (let nth = 1; !isOver; nth += 1) {
      const bidder = bidders[nth % bidders.length]
      if (bidder === undefined) return
      await bid(client, itemId, bidder, `${nth * 10}.00`)
      const { body } = await insist(client, 'GET', `/api/v1/lots/${itemId}`, { accept: [200] })
      newest.set(itemId, Number(body.sequence))
      counts.set(itemId, nth)
    }
  }
  const running = Promise.all(itemIds.map(run))
  running.catch(() => undefined)
  return {
    newest,
    async more(count) {
      const from = new Map(counts)
      const isEnough = () =>
        itemIds.every((id) => (counts.get(id) ?? 0) >= (from.get(id) ?? 0) + count)
      await Promise.race([running, waitFor('more bids', isEnough)])
    },
    async stop() {
      isOver = true
      await running
    },
  }
}

/** Whether each watcher shows what bidders had been answered by now. */
function showTheNewest(watchers: readonly LiveClient[], { newest }: Bidding): boolean {
  return watchers.every(({ lots }) =>
    [...newest].every(([itemId, sequence]) => (lots.get(itemId)?.sequence ?? 0) >= sequence),
  )
}

async function connections(platform: Platform, name: string): Promise<number> {
  const answer = await fetch(platform.metrics.get(name) ?? '').catch(() => undefined)
  const text = (await answer?.text()) ?? ''
  return Number(/^live_connections\S* (\d+)$/m.exec(text)?.[1] ?? 0)
}

/** When streams that were lost came back. */
function noteReturns(watchers: readonly LiveClient[]) {
  const lost = new Set<LiveClient>()
  const atMs = new Map<LiveClient, number>()
  const opened = new Map(watchers.map((watcher) => [watcher, watcher.opened()]))
  const look = () => {
    for (const watcher of watchers) {
      if (!watcher.isOpen()) lost.add(watcher)
      if (watcher.opened() > (opened.get(watcher) ?? 0) && !atMs.has(watcher)) {
        lost.add(watcher)
        atMs.set(watcher, performance.now())
      }
    }
  }
  const timer = setInterval(look, 10)
  return {
    lost: () => lost.size,
    count: () => atMs.size,
    spreadMs() {
      clearInterval(timer)
      look()
      const times = [...atMs.values()]
      return Math.max(...times) - Math.min(...times)
    },
  }
}

const retriesOf = (watcher: LiveClient): number[] =>
  [...watcher.text().matchAll(/^retry: (\d+)$/gm)].map(([, ms]) => Number(ms))
