import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { connect } from 'amqplib'
import type pg from 'pg'
import t from 'tap'
import { compareReadModel } from '#src/crash/check.ts'
import { inTime, sellInTime } from '#src/in-time.ts'
import { join, PASSWORD, type Person, patient, sell } from '#src/people.ts'
import { openPool } from '#src/pools.ts'
import { createPlatform } from './helper.ts'
import { sendSlowly, uploadSlowly } from './slow-body.ts'

const QUEUE = 'auction.bid.placed.v1'
/** Of a bid that nothing is recorded of. */
const TURNED_AWAY = new Set(['bid.queue_full', 'bid.waited_too_long'])
/** Longer than any request but an upload may take. */
const UPLOAD_MS = 17_000
/** One pixel. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

t.test('days on which something is down', async (t) => {
  const { platform, client, direct } = await createPlatform(t, {
    hasOwnBroker: true,
    // A queue that a test can fill without a load generator.
    env: { 'bid-api': { BID_QUEUE_MAX: '5', BID_BATCH_MAX: '2' } },
  })
  const run = randomUUID().slice(0, 8)
  const [ann, ben, cid] = (await Promise.all(
    ['ann', 'ben', 'cid'].map((name) => join(client, name, `${name}-${run}`)),
  )) as [Person, Person, Person]
  // Where nothing is down, a machine with other work is waited for.
  const well = patient(client)
  const bidApi = direct('bid-api')
  const place = (target: typeof client, itemId: string, person: Person, maxAmount: string) =>
    target.request('POST', `/api/v1/lots/${itemId}/bids`, {
      token: person.token,
      body: { maxAmount },
      headers: { 'idempotency-key': randomUUID() },
    })
  const terms = { bidIncrement: '1.00' }
  const open = (name: string) =>
    sell(client, ann, { name, startPrice: '1.00', durationMs: 600_000, terms })
  const databases = () => {
    const pools = [platform.postgres.url('bid'), platform.postgres.url('auction')].map((url) =>
      openPool(url, 2),
    )
    return pools as [pg.Pool, pg.Pool]
  }
  const dead = () => platform.names.filter((name) => !platform.isRunning(name))
  const readModelIsRight = async () => {
    const [bid, auction] = databases()
    try {
      return await waitFor('all events to be sent and the read model to agree', async () => {
        const unsent = await Promise.all(
          [bid, auction].map((pool) => pool.query('select 1 from outbox where sent_at is null')),
        )
        if (unsent.some(({ rowCount }) => rowCount !== 0)) return false
        return (await compareReadModel(bid, auction)) === 0
      })
    } finally {
      await Promise.all([bid.end(), auction.end()])
    }
  }

  t.test(
    'PostgreSQL is gone: 503 with Retry-After, no process dies, and all recovers by itself',
    async (t) => {
      const { id } = await open('without a database')
      t.equal((await place(well, id, ben, '2.00')).statusCode, 201)
      await platform.kill('postgres')
      const answer = await waitFor('the refusal', async () => {
        const refused = await place(bidApi, id, cid, '3.00')
        return refused.statusCode === 503 ? refused : undefined
      })
      t.match(answer, {
        headers: { 'retry-after': /^[123]$/ },
        body: { code: 'service.unavailable', traceId: /./ },
      })
      const unavailable = {
        statusCode: 503,
        headers: { 'retry-after': /^\d+$/ },
        body: { code: 'service.unavailable', traceId: /./ },
      }
      t.match(await place(client, id, cid, '3.00'), unavailable, 'at the gateway as well')
      t.match(await client.request('GET', `/api/v1/items/${id}`), unavailable)
      t.match(
        await client.request('POST', '/identity/login', {
          body: { email: ann.email, password: PASSWORD },
        }),
        unavailable,
      )
      await platform.restart('postgres')
      await waitFor(
        'bids to be taken again',
        async () => (await place(client, id, cid, '30.00')).statusCode === 201,
      )
      t.strictSame(dead(), [], 'no process died')
      t.ok(await readModelIsRight())
    },
  )

  t.test('RabbitMQ is gone: bidding goes on, and the events arrive when it is back', async (t) => {
    const { id } = await open('without a broker')
    await platform.kill('rabbitmq')
    t.strictSame(dead(), ['rabbitmq'])
    for (let price = 2; price < 12; price += 1) {
      const answer = await place(well, id, price % 2 === 0 ? ben : cid, `${price * 3}.00`)
      t.equal(answer.statusCode, 201)
    }
    const published = await open('published meanwhile')
    t.equal((await place(well, published.id, ben, '2.00')).statusCode, 201)
    await platform.restart('rabbitmq')
    t.strictSame(dead(), [], 'no process died')
    t.ok(await readModelIsRight())
  })

  t.test(
    'the closer is gone across an end: nothing is sold late, the result comes afterwards',
    async (t) => {
      const { id, endDate } = await inTime(4_000, async (durationMs) => {
        const listing = { name: 'without a closer', startPrice: '1.00', durationMs, terms }
        const sale = await sellInTime(client, ann, listing)
        if (sale === undefined) return undefined
        const placed = await place(well, sale.id, ben, '2.00')
        await platform.kill('bid-worker')
        const { body } = await well.request('GET', `/api/v1/lots/${sale.id}`)
        if (placed.statusCode === 201 && body.phase === 'open') return sale
        t.match(body, { serverTime: String })
        t.ok(String(body.serverTime) >= sale.endDate, 'no lot ends early')
        await platform.restart('bid-worker')
        return undefined
      })
      await waitFor('the end', async () => {
        const { body } = await well.request('GET', `/api/v1/lots/${id}`)
        return String(body.serverTime) >= endDate
      })
      t.match(await place(well, id, cid, '9.00'), {
        statusCode: 409,
        body: { code: 'bid.ended' },
      })
      await platform.restart('bid-worker')
      await waitFor('the result', async () => {
        const { body } = await well.request('GET', `/api/v1/lots/${id}`)
        return body.outcome === 'sold'
      })
      t.ok(await readModelIsRight())
    },
  )

  t.test(
    'a poison message is a dead letter with its reason; an operator sees and replays it',
    async (t) => {
      const dlq = (...args: string[]) =>
        new Promise<string>((resolve) => {
          const program = new URL('../../services/common/src/cmd/dlq.ts', import.meta.url).pathname
          const child = spawn(process.execPath, [program, ...args], {
            env: { ...process.env, RABBITMQ_URL: platform.rabbitmq.url },
          })
          let output = ''
          for (const stream of [child.stdout, child.stderr]) {
            stream.on('data', (chunk: Buffer) => {
              output += chunk.toString()
            })
          }
          child.on('close', () => resolve(output))
        })
      const connection = await connect(platform.rabbitmq.url)
      const channel = await connection.createConfirmChannel()
      const poison = {
        event: 'bid.placed',
        version: 'v1',
        payload: { itemId: 'nonsense', amount: '1.00' },
      }
      channel.sendToQueue(QUEUE, Buffer.from(JSON.stringify(poison)), { persistent: true })
      await channel.waitForConfirms()
      const { id } = await open('beside the poison')
      t.equal((await place(well, id, ben, '2.00')).statusCode, 201)
      await waitFor('the dead letter', async () =>
        /^ +1 +auction\.bid\.placed/m.test(await dlq('list')),
      )
      const shown = await dlq('show', QUEUE)
      t.match(shown, /reason {4}\S.*itemId/, 'the reason names the field')
      t.match(shown, /error {5}\w[\w.]+/)
      t.match(shown, /nonsense/)
      t.match(await dlq('replay', QUEUE), /1 replayed/)
      await waitFor('it to be back, as it is still poison', async () =>
        /^ +1 +auction\.bid\.placed/m.test(await dlq('list')),
      )
      await channel.purgeQueue(`${QUEUE}.dlq`)
      await connection.close()
      t.ok(await readModelIsRight(), 'its neighbours came through')
    },
  )

  t.test(
    'more bids at once than the queue takes: 503 with Retry-After, and nothing of them recorded',
    async (t) => {
      const { id } = await open('flood')
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, index) =>
          bidApi.request('POST', `/api/v1/lots/${id}/bids`, {
            token: ben.token,
            body: { maxAmount: `${index + 1}.00` },
            headers: { 'idempotency-key': `flood-${index}` },
          }),
        ),
      )
      const refused = answers.filter(({ statusCode }) => statusCode === 503)
      const full = refused.filter(({ body }) => body.code === 'bid.queue_full')
      t.ok(full.length > 0, `${refused.length} of 60 refused, ${full.length} by the queue`)
      t.ok(
        refused.every(
          ({ body, headers }) =>
            TURNED_AWAY.has(String(body.code)) && /^[123]$/.test(String(headers['retry-after'])),
        ),
      )
      t.ok(answers.every(({ statusCode }) => [201, 422, 503].includes(statusCode)))
      const [bid, auction] = databases()
      const { rows } = await bid.query(
        `select (select count(*) from bids where kind <> 'auto' and item_id = $1)::int
           + (select count(*) from refusals where item_id = $1)::int as decided`,
        [id],
      )
      await Promise.all([bid.end(), auction.end()])
      t.equal(rows[0].decided, 60 - refused.length)
      const { body } = await well.request('GET', `/api/v1/lots/${id}`)
      const next = await place(well, id, cid, String(body.minNextBid))
      t.equal(next.statusCode, 201, 'and then it goes on')
    },
  )

  t.test('what is no bid is refused with its field’s name, and changes nothing', async (t) => {
    const { id } = await open('bad input')
    const path = `/api/v1/lots/${id}/bids`
    const amounts = ['1e3', '2.001', '-0', '-2', '２.00', '9007199254740993.5555', '', '2 0', '+2']
    const bodies = [
      ...[...amounts, 2.5, 9_007_199_254_740_992, ['2.00'], null].map((maxAmount) => ({
        maxAmount,
      })),
      { maxAmount: '2.00', userId: ben.id },
      [],
    ]
    for (const body of bodies) {
      const answer = await well.request('POST', path, {
        token: ben.token,
        body,
        headers: { 'idempotency-key': randomUUID() },
      })
      const name = JSON.stringify(body)
      t.ok(answer.statusCode === 400 || answer.statusCode === 422, `${name} is refused`)
      t.match(answer.body, { code: /^[a-z_.]+$/, traceId: /./ })
      if (Array.isArray(body)) continue
      const field = 'userId' in body ? 'userId' : 'maxAmount'
      t.match(answer.body, { details: { field } }, `${name}: its field is named`)
    }
    const lot = await well.request('GET', `/api/v1/lots/${id}`)
    t.match(lot.body, { bidCount: 0, sequence: 0 })
    const [bid, auction] = databases()
    const { rowCount } = await bid.query(
      `select 1 from bids where item_id = $1 and outcome <> 'refused'`,
      [id],
    )
    await Promise.all([bid.end(), auction.end()])
    t.equal(rowCount, 0)
  })

  t.test('a body too large, of another kind, or too slow gets an answer in JSON', async (t) => {
    const { id } = await open('bad bodies')
    const url = `${platform.gatewayUrl}/api/v1/lots/${id}/bids`
    const send = async (type: string, body: string) => {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': type, authorization: `Bearer ${ben.token}` },
        body,
      })
      return { statusCode: answer.status, body: await answer.json() }
    }
    const json = 'application/json'
    t.match(await send(json, JSON.stringify({ maxAmount: '1'.repeat(20_000) })), {
      statusCode: 413,
      body: { code: 'request.body_too_large' },
    })
    t.match(await send('text/plain', '{"maxAmount":"2.00"}'), {
      statusCode: 415,
      body: { code: 'request.unsupported_media_type' },
    })
    t.match(await send(json, '{"maxAmount":'), {
      statusCode: 400,
      body: { code: 'request.invalid_json' },
    })
    t.match(await send(json, '{"__proto__":{"a":1},"maxAmount":"2.00"}'), { statusCode: 400 })
    const [slow, upload] = await Promise.all([
      sendSlowly(url, ben.token),
      uploadSlowly(
        `${platform.gatewayUrl}/api/v1/items/${id}/images`,
        ann.token,
        { field: 'image', bytes: PNG },
        UPLOAD_MS,
      ),
    ])
    t.match(upload, { statusCode: 201 }, 'a picture may come slowly')
    t.comment(`the slow body was answered after ${Math.round(slow.afterMs / 100) / 10} s`)
    t.match(slow, { statusCode: 408, body: { code: 'request.timeout' } })
    t.match(await place(well, id, ben, '2.00'), { statusCode: 201 }, 'no other bidder noticed')
  })
})
