import { setTimeout as wait } from 'node:timers/promises'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { Platform } from '@auction/local/platform.ts'
import type pg from 'pg'
import type { ApiClient } from '#src/api-client.ts'
import { holdLot } from '#src/crash/faults.ts'
import { makeCommitsLate } from '#src/crash/late-standby.ts'
import { type Person, sell } from '#src/people.ts'
import {
  bidSteadily,
  type Crowd,
  describeSeen,
  place,
  type Seen,
  turnedAwayCount,
} from './crowd.ts'

/** Where a bad day takes place: a platform on which a crowd bids all the while. */
export interface Scene {
  platform: Platform
  bid: pg.Pool
  /** To each process of the bid service. */
  clients: readonly ApiClient[]
  gateway: ApiClient
  crowd: Crowd
  seller: Person
  /** People who are not of the crowd. */
  strangers: readonly Person[]
  floodSeconds: number
  /** What others than the crowd see; their bids are looked for in the ledger as well. */
  watch(): Seen
  print(line: string): void
}

export interface Day {
  about: string
  /** Answers what is wrong; nothing when it went as promised. */
  live(scene: Scene): Promise<string[]>
}

const HELD_MS = 8_000
const LATE_MS = 10_000
const COMMIT_DELAY_MS = 200
const CLOSING_LOTS = 300
const LATE_BIDS_PER_SECOND = 100
const FLOOD_PER_SECOND = 200
/** How long a bid API may keep its locks when it is frozen is three seconds. */
const THAW_MS = 8_000
/** Three seconds, and what the others need to notice. */
const FREE_WITHIN_MS = 6_000

const strangerOf = ({ strangers }: Scene, index = 0): Person =>
  strangers[index % strangers.length] as Person

const openLot = async ({ gateway, seller }: Scene, name: string, durationMs = 600_000) =>
  (await sell(gateway, seller, { name, startPrice: '1.00', durationMs })).id

/** Only those whom it is about may notice a bad day. */
function noOneTurnedAway(seen: Seen): string[] {
  if (seen.accepted === 0) return ['no bid of others was accepted']
  const count = turnedAwayCount(seen)
  return count === 0 ? [] : [`${count} bids of others were turned away`]
}

export const DAYS: Readonly<Record<string, Day>> = {
  held: {
    about: "a lot's row is locked by another session for 8 s while 20 others are bid on",
    async live(scene) {
      const { platform, crowd, clients, print } = scene
      const itemId = await openLot(scene, 'held')
      const seen = crowd.look()
      const onHeld = scene.watch()
      const client = clients[0] as ApiClient
      await holdLot(platform.postgres.url('bid'), itemId, () =>
        bidSteadily(1, HELD_MS, () => place(client, itemId, strangerOf(scene), '2.00', onHeld)),
      )
      await crowd.settled()
      print(describeSeen('on the other lots', seen))
      print(describeSeen('on the held lot', onHeld))
      return noOneTurnedAway(seen)
    },
  },
  frozen: {
    about: 'a process of the bid service is frozen in the middle of a batch, with a lot locked',
    async live(scene) {
      const { platform, bid, print } = scene
      const name = 'bid-api-2'
      const itemId = await openLot(scene, 'frozen')
      const direct = scene.clients[1] as ApiClient
      const other = scene.clients[0] as ApiClient
      const onLot = scene.watch()
      let frozenAtMs = 0
      let waiting: Promise<unknown> = Promise.resolve()
      const othersFrozen = scene.crowd.look()
      let freeAfterMs = Number.POSITIVE_INFINITY
      const seen = scene.watch()
      try {
        // It is frozen while its transaction waits for the lot, and gets the lock afterwards.
        await holdLot(platform.postgres.url('bid'), itemId, async () => {
          waiting = place(direct, itemId, strangerOf(scene), '2.00', onLot)
          await waitFor('its batch to wait for the lot', async () => {
            const { rowCount } = await bid.query(
              `select 1 from pg_stat_activity as waiter
               join pg_stat_activity as holder on holder.pid = any(pg_blocking_pids(waiter.pid))
               where holder.application_name = 'psql'`,
            )
            return (rowCount ?? 0) > 0
          })
          await platform.kill(name, 'SIGSTOP')
          frozenAtMs = performance.now()
        })
        await waitFor('the lot to be free', async () => {
          const bidId = await place(other, itemId, strangerOf(scene, 1), '3.00', seen)
          return bidId !== undefined
        })
        freeAfterMs = performance.now() - frozenAtMs
        print(
          `bids on its lot were decided by another process after ${(freeAfterMs / 1000).toFixed(1)} s`,
        )
        await wait(Math.max(0, frozenAtMs + THAW_MS - performance.now()))
      } finally {
        await platform.kill(name, 'SIGCONT')
      }
      await waiting
      await scene.crowd.settled()
      print(describeSeen('at the other processes', othersFrozen))
      print(describeSeen('on its lot, elsewhere', seen))
      const wrong = noOneTurnedAway(othersFrozen)
      if (freeAfterMs > FREE_WITHIN_MS) wrong.push('its lot was held for too long')
      return wrong
    },
  },
  closing: {
    about: '300 lots close at once while late bids on them come',
    async live(scene) {
      const { bid, crowd, clients, print } = scene
      const itemIds = await listTogether(scene, CLOSING_LOTS)
      const ends = await bid.query<{ ms: number }>(
        `select (extract(epoch from max(ends_at) - clock_timestamp()) * 1000)::float8 as ms
         from lots where item_id = any($1)`,
        [itemIds],
      )
      const calm = crowd.look()
      await wait(Math.max(0, ends.rows[0]?.ms ?? 0))
      const seen = crowd.look()
      const late = scene.watch()
      const startedAtMs = performance.now()
      let isClosed = false
      let index = 0
      const lateBids = (async () => {
        while (!isClosed) {
          await bidSteadily(LATE_BIDS_PER_SECOND, 200, () => {
            index += 1
            const [client, itemId] = [clients, itemIds].map((all) => all[index % all.length])
            const stranger = strangerOf(scene, index)
            return place(client as ApiClient, itemId as string, stranger, '5.00', late)
          })
        }
      })()
      await waitFor('all lots to be closed', async () => {
        const { rows } = await bid.query<{ open: number }>(
          `select count(*)::int as open from lots where item_id = any($1) and phase = 'open'`,
          [itemIds],
        )
        return rows[0]?.open === 0
      })
      isClosed = true
      await lateBids
      const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1)
      print(`all ${itemIds.length} were closed ${seconds} s after their end, grace of 2 s included`)
      await crowd.settled()
      print(describeSeen('before', calm))
      print(describeSeen('on the other lots', seen))
      print(describeSeen('late, on those that close', late))
      const { rows } = await bid.query<{ results: number; bids: number }>(
        `select (select count(*) from results where item_id = any($1))::int as results,
           (select count(*) from bids where item_id = any($1))::int as bids`,
        [itemIds],
      )
      const wrong = noOneTurnedAway(seen)
      if (late.accepted > 0) wrong.push(`${late.accepted} bids were accepted after the end`)
      if (rows[0]?.results !== itemIds.length) wrong.push(`${rows[0]?.results} results`)
      if (rows[0]?.bids !== 0) wrong.push(`${rows[0]?.bids} late bids are in the ledger`)
      return wrong
    },
  },
  late: {
    about: 'every commit waits 200 ms longer, for a synchronous standby',
    async live({ platform, crowd, print }) {
      const end = await makeCommitsLate(platform.postgres.adminUrl, COMMIT_DELAY_MS)
      const seen = crowd.look()
      try {
        await wait(LATE_MS)
      } finally {
        await end()
      }
      await crowd.settled()
      print(describeSeen('with late commits', seen))
      return noOneTurnedAway(seen)
    },
  },
  flood: {
    about: 'one account sends 200 bids a second that are refused, for a minute',
    async live(scene) {
      const { crowd, clients, floodSeconds, print } = scene
      const itemId = await openLot(scene, 'flooded')
      const seen = crowd.look()
      const own = scene.watch()
      let count = 0
      await bidSteadily(FLOOD_PER_SECOND, floodSeconds * 1000, () => {
        count += 1
        const client = clients[count % clients.length] as ApiClient
        return place(client, itemId, strangerOf(scene), '0.01', own)
      })
      await crowd.settled()
      print(describeSeen('the others', seen))
      print(describeSeen('the account', own))
      return noOneTurnedAway(seen)
    },
  },
}

/** Lists items that end at one instant, which lies a little after the last of them is listed. */
async function listTogether(scene: Scene, count: number): Promise<string[]> {
  const startedAtMs = performance.now()
  await openLot(scene, 'first of many')
  const oneMs = performance.now() - startedAtMs
  const endsAtMs = Date.now() + Math.max(20_000, count * oneMs)
  const itemIds: string[] = []
  const queue = Array.from({ length: count }, (_, index) => index)
  const work = async () => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      itemIds.push(await openLot(scene, `together ${next}`, endsAtMs - Date.now()))
    }
  }
  await Promise.all(Array.from({ length: 4 }, work))
  return itemIds
}
