import { setTimeout as wait } from 'node:timers/promises'
import { type LiveClient, openLiveClient } from '@auction/common/testing/live-client.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { createClient } from '#src/api-client.ts'
import type { SentBid } from '#src/crash/history.ts'
import { place } from '#src/crash/load.ts'
import { insist, join, logIn, type Person, sell } from '#src/people.ts'
import type { Court } from './judging.ts'
import { type Watch, watched } from './traffic.ts'

const LOTS = 3
const PAGES = 36
const LOT_MS = 2 * 3_600_000
const BID_PAUSE_MS = 700
const RELOAD_PAUSE_MS = 500
const TOKEN_MS = 120_000
const LOOK_MS = 20
/** Clients come back within five seconds, and a busy machine takes as long again. */
const AWAY_MAX_MS = 15_000
const CENTS_MORE = 1_000

export interface OpenPages {
  /** Accepted bids: the pages have to show each of them. */
  shown(): number
  /** Ends the bids and compares what every page shows with the lots. */
  judge(): Promise<void>
  close(): Promise<void>
}

/**
 * Pages of lots that stay open: each is loaded as a browser does and keeps its stream, a third of them as a visitor
 * and the others as one of two bidders who outbid each other. One page after another is loaded again meanwhile.
 */
export async function openPages(
  { gateway, record, log, fail }: Court,
  watch: Watch,
): Promise<OpenPages> {
  const client = watched(createClient(gateway), watch)
  const unique = `pages-${Date.now().toString(36)}`
  const seller = await join(client, 'seller', `${unique}-seller`)
  const bidders = [
    await join(client, 'first bidder', `${unique}-first`),
    await join(client, 'second bidder', `${unique}-second`),
  ] as const
  const lots = await Promise.all(
    Array.from({ length: LOTS }, (_, index) =>
      sell(client, seller, {
        name: `watched lot ${index}`,
        startPrice: '1.00',
        durationMs: LOT_MS,
        terms: { bidIncrement: '1.00' },
      }),
    ),
  )
  const readLot = async (itemId: string) => {
    const { body } = await insist(client, 'GET', `/api/v1/lots/${itemId}`, { accept: [200] })
    return body as { sequence: number; currentPrice: string }
  }
  const load = (itemId: string) => client.request('GET', `/lots/${itemId}`).catch(() => undefined)
  const pages: Page[] = []
  for (let index = 0; index < PAGES; index += 1) {
    const itemId = lots[index % LOTS]?.id ?? ''
    const person = [undefined, ...bidders][Math.floor(index / LOTS) % 3]
    await load(itemId)
    pages.push(openPage(itemId, person))
  }
  function openPage(itemId: string, person: Person | undefined): Page {
    const stream = openLiveClient({
      urls: [gateway.baseUrl],
      ...(gateway.ca === undefined ? {} : { ca: gateway.ca }),
      lots: [itemId],
      token: () => person?.token,
      readLot,
    })
    return { itemId, person, stream, awayAtMs: undefined, awayMs: 0 }
  }
  await waitFor('the streams', () => pages.every(({ stream }) => stream.isOpen()))

  let isStopping = false
  let bids = 0
  const leaders = new Map<string, Person>()
  const bidOn = async (itemId: string) => {
    for (let nth = 1; !isStopping; nth += 1) {
      const bidder = bidders[nth % 2 === 0 ? 0 : 1]
      const sent: SentBid = {
        key: `${unique}-${itemId}-${nth}`,
        itemId,
        bidderId: bidder.id,
        maxAmount: ((nth * CENTS_MORE) / 100).toFixed(2),
        status: 'unknown',
        attempts: 0,
      }
      record.history.push(sent)
      await place(client, bidder, sent, () => undefined)
      if (sent.status === 'accepted') {
        leaders.set(itemId, bidder)
        bids += 1
      }
      await wait(BID_PAUSE_MS)
    }
  }
  const reload = async () => {
    for (let nth = 0; !isStopping; nth += 1) {
      await load(pages[nth % PAGES]?.itemId ?? '')
      await wait(RELOAD_PAUSE_MS)
    }
  }
  const keepTokensFresh = async () => {
    for (let dueMs = Date.now() + TOKEN_MS; !isStopping; await wait(200)) {
      if (Date.now() < dueMs) continue
      dueMs = Date.now() + TOKEN_MS
      for (const person of bidders)
        person.token = await logIn(client, person.email).catch(() => person.token)
    }
  }
  const looking = setInterval(() => pages.forEach(noteAbsence), LOOK_MS)
  const running = Promise.all([...lots.map(({ id }) => bidOn(id)), reload(), keepTokensFresh()])
  const stop = async () => {
    isStopping = true
    await running
    clearInterval(looking)
  }
  const isRight = ({ itemId, person, stream }: Page, sequence: number) => {
    if (stream.lots.get(itemId)?.sequence !== sequence) return false
    const standing = person === leaders.get(itemId) ? 'leading' : 'outbid'
    return person === undefined || stream.standings.get(itemId)?.standing === standing
  }
  return {
    shown: () => bids,
    async judge() {
      await stop()
      const newest = new Map<string, number>()
      for (const { id } of lots) newest.set(id, (await readLot(id)).sequence)
      const wrong = () => pages.filter((page) => !isRight(page, newest.get(page.itemId) ?? -1))
      await waitFor('the last prices', () => wrong().length === 0).catch(() => undefined)
      const ends = pages.reduce((sum, { stream }) => sum + stream.opened() - 1, 0)
      const longestMs = Math.max(...pages.map(({ awayMs }) => awayMs))
      const read = pages.filter(({ stream }) =>
        stream.messages.some(({ event }) => event === 'resync'),
      )
      log(`  ${PAGES} open pages of ${LOTS} lots with ${bids} bids: ${ends} streams were opened`)
      log(
        `    again, the longest after ${(longestMs / 1000).toFixed(1)} s; ${wrong().length} wrong`,
      )
      log(`    at the end; ${read.length} had to read a lot`)
      if (longestMs > AWAY_MAX_MS)
        fail(`a page had no stream for ${(longestMs / 1000).toFixed(1)} s`)
      if (ends === 0) fail('no stream of a page ended: the processes that serve them stayed')
      for (const { itemId, person, stream } of wrong().slice(0, 10)) {
        const [lot, own] = [stream.lots.get(itemId), stream.standings.get(itemId)]
        fail(
          `the page of ${person?.name ?? 'a visitor'} shows ${lot?.sequence} and ${own?.standing}; newest is ${newest.get(itemId)}`,
        )
      }
    },
    async close() {
      await stop()
      for (const { stream } of pages) stream.close()
      client.close()
    },
  }
}

interface Page {
  itemId: string
  /** Undefined: a visitor. */
  person: Person | undefined
  stream: LiveClient
  /** Since when it has no stream; undefined: it has one. */
  awayAtMs: number | undefined
  /** The longest time without a stream. */
  awayMs: number
}

function noteAbsence(page: Page): void {
  if (page.stream.isOpen()) page.awayAtMs = undefined
  else {
    page.awayAtMs ??= performance.now()
    page.awayMs = Math.max(page.awayMs, performance.now() - page.awayAtMs)
  }
}
