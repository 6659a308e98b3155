import { setTimeout as wait } from 'node:timers/promises'
import { readCommandLine, refuse } from '@auction/common/process/command-line.ts'
import type { Platform } from '@auction/local/platform.ts'
import type pg from 'pg'
import { type ApiClient, createClient } from '#src/api-client.ts'
import { describeSeen, nothingSeen, type Seen, startCrowd } from '#src/bad-days/crowd.ts'
import { DAYS, type Scene } from '#src/bad-days/days.ts'
import { positive } from '#src/options.ts'
import { withOwnPlatform } from '#src/own-platform.ts'
import { join, type Person, sell } from '#src/people.ts'
import { openPool } from '#src/pools.ts'

const HELP = `npm run bad-days -- [DAY ...] [--rate BIDS_PER_SECOND] [--seconds N]

Starts a platform with three processes of the bid service, on which 40 people bid on 20 lots, past the gateway,
and prints what they see on bad days (all of them, or those that are named):

${Object.entries(DAYS)
  .map(([name, { about }]) => `  ${name.padEnd(8)} ${about}`)
  .join('\n')}

--seconds N is how long the flood lasts (60). The code is 1 when a bid of others than those whom the day is about was
turned away (429, 5xx or no answer), when a lot was closed wrongly, or when an accepted bid is not in the ledger.`

const { values, positionals } = readCommandLine({
  help: HELP,
  wordsMax: Object.keys(DAYS).length,
  options: {
    rate: { type: 'string', default: '60' },
    seconds: { type: 'string', default: '60' },
  },
})
const chosen = (positionals.length === 0 ? Object.keys(DAYS) : positionals).map((name) => {
  const day = DAYS[name]
  return day === undefined ? refuse(`There is no day '${name}'`) : ([name, day] as const)
})

/** Of the crowd, and of those who are not of it. */
const PEOPLE = 40
const LOTS = 20
const CALM_MS = 5_000
const ORDINARY_LIMITS = {
  BIDS_PER_BIDDER_SECOND: '10',
  REFUSALS_PER_BIDDER_SECOND: '3',
  BIDS_PER_BIDDER_BURST: '30',
}

/** The flood's lot and the tokens of all last ten minutes. */
const FLOOD_MAX_SECONDS = 450
const bidsPerSecond = positive('rate', values.rate)
const floodSeconds = positive('seconds', values.seconds, FLOOD_MAX_SECONDS)
const unique = Date.now().toString(36)
const print = (line: string) => console.log(`  ${line}`)

await withOwnPlatform(
  { name: 'bad-days', extraBidApis: 2, env: { 'bid-api': ORDINARY_LIMITS } },
  async (platform) => {
    const bid = openPool(platform.postgres.url('bid'), 2)
    const gateway = createClient({ baseUrl: platform.gatewayUrl })
    const clients = ['bid-api', 'bid-api-2', 'bid-api-3'].map((name) =>
      createClient({ baseUrl: platform.addresses.get(name) ?? '', maxSockets: 256 }),
    )
    try {
      await liveAll({ platform, bid, gateway, clients })
    } finally {
      for (const client of [gateway, ...clients]) client.close()
      await bid.end()
    }
  },
)

interface Place {
  platform: Platform
  bid: pg.Pool
  gateway: ApiClient
  clients: ApiClient[]
}

async function liveAll(place: Place): Promise<void> {
  const { gateway, clients } = place
  const seller = await join(gateway, 'seller', `bad-days-seller-${unique}`)
  const bidders = await joinAll(gateway, 'bidder')
  const strangers = await joinAll(gateway, 'stranger')
  for (const [name, day] of chosen) {
    console.log(`${name}: ${day.about}`)
    const lots: string[] = []
    for (let index = 0; index < LOTS; index += 1) {
      const lot = { name: `${name} ${index}`, startPrice: '1.00', durationMs: 600_000 }
      lots.push((await sell(gateway, seller, lot)).id)
    }
    const crowd = startCrowd({
      // The process that will be frozen has no others who wait for its answers.
      clients: name === 'frozen' ? clients.filter((_, index) => index !== 1) : clients,
      bidders,
      lots,
      bidsPerSecond,
    })
    await wait(1_000)
    const calm = crowd.look()
    await wait(CALM_MS)
    await crowd.settled()
    print(describeSeen('on a calm day', calm))
    const watched: Seen[] = []
    const watch = () => {
      const seen = nothingSeen()
      watched.push(seen)
      return seen
    }
    const scene: Scene = { ...place, crowd, seller, strangers, floodSeconds, watch, print }
    const wrong = await day.live(scene)
    await crowd.stop()
    const accepted = [...crowd.accepted, ...watched.flatMap(({ ids }) => ids)]
    wrong.push(...(await missing(place.bid, accepted)))
    print(wrong.length === 0 ? 'as promised' : `WRONG: ${wrong.join('; ')}`)
    if (wrong.length > 0) process.exitCode = 1
  }
}

async function joinAll(gateway: ApiClient, role: string): Promise<Person[]> {
  const people: Person[] = []
  for (let index = 0; index < PEOPLE; index += 1) {
    people.push(await join(gateway, `${role} ${index}`, `bad-days-${role}-${unique}-${index}`))
  }
  return people
}

/** Accepted bids that the ledger does not have. */
async function missing(bid: pg.Pool, accepted: readonly string[]): Promise<string[]> {
  const { rows } = await bid.query<{ found: number }>(
    'select count(*)::int as found from bids where id = any($1)',
    [accepted],
  )
  const lost = accepted.length - (rows[0]?.found ?? 0)
  return lost === 0 ? [] : [`${lost} accepted bids are not in the ledger`]
}
