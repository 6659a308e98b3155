import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Infrastructure } from '@auction/local/infrastructure.ts'
import { startPlatform } from '@auction/local/platform.ts'
import pg from 'pg'
import { createClient } from '../api-client.ts'
import { join, sell } from '../people.ts'
import { load } from './children.ts'
import { atMost, type Row } from './report.ts'

const AUCTION = fileURLToPath(new URL('../../../services/auction', import.meta.url))

/** P5: the worker's projection against the original's way; prints its own table. */
export async function benchProjection(
  infrastructure: Infrastructure,
  items: number,
  rounds: number,
): Promise<string> {
  await infrastructure.rabbitmqReady
  const child = spawn(process.execPath, ['test/projection-bench.ts'], {
    cwd: AUCTION,
    env: {
      ...process.env,
      ITEMS: String(items),
      ROUNDS: String(rounds),
      TEST_POSTGRES_URL: infrastructure.postgres.adminUrl,
      TEST_RABBITMQ_URL: infrastructure.rabbitmq.url,
      TEST_RABBITMQ_MANAGEMENT_URL: infrastructure.rabbitmq.managementUrl,
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  await new Promise((resolve) => child.once('close', resolve))
  return output.trim()
}

const LOTS = 300
const BIDDERS = 16
const BIDS_PER_SECOND = 1_000

/** P6: from the decision of a bid to its price in the read model, on the databases' one clock. */
export async function benchVisibility(
  stateDir: string,
  seconds: number,
  log: (line: string) => void,
): Promise<Row> {
  const platform = await startPlatform({ stateDir, log })
  const client = createClient({ baseUrl: platform.gatewayUrl })
  const bid = new pg.Pool({ connectionString: platform.postgres.urls.bid, max: 1 })
  const auction = new pg.Pool({ connectionString: platform.postgres.urls.auction, max: 1 })
  try {
    const run = Date.now().toString(36)
    const people = await Promise.all(
      Array.from({ length: BIDDERS + 1 }, (_, index) =>
        join(client, `p${index}`, `p${index}-${run}`),
      ),
    )
    const [seller, ...bidders] = people
    if (seller === undefined) throw new Error('nobody sells')
    const itemIds: string[] = []
    for (let index = 0; index < LOTS; index += 1) {
      const terms = { bidIncrement: '0.01' }
      const item = { name: `lot ${index}`, startPrice: '100000.00', durationMs: 3_600_000, terms }
      itemIds.push((await sell(client, seller, item)).id)
    }
    const port = Number(new URL(platform.addresses.get('bid-api') ?? '').port)
    const result = await load({
      ports: [port],
      itemIds,
      tokens: bidders.map(({ token }) => token),
      connections: 64,
      seconds,
      rate: BIDS_PER_SECOND,
      fromCents: 10_000_000,
    })
    log(
      `P6 load: ${(result.decided / result.seconds).toFixed(0)} bids/s, ${result.accepted} accepted`,
    )
    // The last bid of every lot lies somewhere in the load; its sequence is in the read model with
    // the time at which it was folded in.
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    const decided = await bid.query(
      `select distinct on (item_id) item_id, sequence, extract(epoch from recorded_at) * 1000 as ms
       from bids where sequence is not null and kind <> 'auto' order by item_id, sequence desc`,
    )
    const visible = await auction.query(
      `select id, bid_sequence, extract(epoch from updated_at) * 1000 as ms from items`,
    )
    const seen = new Map(visible.rows.map((row) => [row.id, row]))
    const lags = decided.rows
      .flatMap((row) => {
        const item = seen.get(row.item_id)
        return item !== undefined && String(item.bid_sequence) === String(row.sequence)
          ? [Number(item.ms) - Number(row.ms)]
          : []
      })
      .sort((a, b) => a - b)
    log(`P6 samples: ${lags.length}, p50 ${lags[lags.length >> 1]?.toFixed(1)} ms`)
    const p99 = lags[Math.floor((lags.length - 1) * 0.99)] ?? Number.NaN
    return atMost('P6', 'decision to visible in the read model, p99 at 1,000 bids/s', p99, 50, 'ms')
  } finally {
    client.close()
    await Promise.all([bid.end(), auction.end()])
    await platform.stop()
  }
}
