import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { connect } from 'amqplib'
import pg from 'pg'
import t from 'tap'
import { compareReadModel } from '#src/crash/check.ts'
import { join, type Person, sell } from '#src/people.ts'
import { createPlatform } from './helper.ts'

t.setTimeout(240_000)

const QUEUE = 'auction.bid.placed.v1'

t.test('days on which something is down', async (t) => {
  const { platform, client, direct } = await createPlatform(t)
  const run = randomUUID().slice(0, 8)
  const [ann, ben, cid] = (await Promise.all(
    ['ann', 'ben', 'cid'].map((name) => join(client, name, `${name}-${run}`)),
  )) as [Person, Person, Person]
  const bidApi = direct('bid-api')
  const place = (target: typeof client, itemId: string, person: Person, maxAmount: string) =>
    target.request('POST', `/api/v1/lots/${itemId}/bids`, {
      token: person.token,
      body: { maxAmount },
      headers: { 'idempotency-key': randomUUID() },
    })
  const open = (name: string, durationMs = 600_000) =>
    sell(client, ann, { name, startPrice: '1.00', durationMs, terms: { bidIncrement: '1.00' } })
  const databases = () => {
    const pools = [platform.postgres.urls.bid, platform.postgres.urls.auction].map(
      (url) => new pg.Pool({ connectionString: url, max: 2 }),
    )
    for (const pool of pools) pool.on('error', () => undefined)
    return pools as [pg.Pool, pg.Pool]
  }
  const readModelIsRight = async () => {
    const [bid, auction] = databases()
    try {
      return await waitFor(
        'the read model to agree',
        async () => (await compareReadModel(bid, auction)) === 0,
        60_000,
      )
    } finally {
      await Promise.all([bid.end(), auction.end()])
    }
  }

  t.test(
    'PostgreSQL is gone: 503 with Retry-After, nobody dies, and all is well by itself',
    async (t) => {
      const { id } = await open('without a database')
      t.equal((await place(client, id, ben, '2.00')).statusCode, 201)
      const pids = platform.names
        .filter((name) => name !== 'postgres')
        .map((name) => [name, platform.pid(name)])
      await platform.kill('postgres')
      const answer = await waitFor('the refusal', async () => {
        const refused = await place(bidApi, id, cid, '3.00')
        return refused.statusCode === 503 ? refused : undefined
      })
      t.match(answer, {
        headers: { 'retry-after': '1' },
        body: { code: 'service.unavailable', traceId: /./ },
      })
      const through = await place(client, id, cid, '3.00')
      t.ok(through.statusCode >= 500 && through.statusCode < 504, 'the gateway lets nobody in')
      await platform.restart('postgres')
      await waitFor(
        'bids to be taken again',
        async () => (await place(client, id, cid, '30.00')).statusCode === 201,
      )
      t.strictSame(
        platform.names
          .filter((name) => name !== 'postgres')
          .map((name) => [name, platform.pid(name)]),
        pids,
      )
      t.ok(await readModelIsRight())
    },
  )

  t.test('RabbitMQ is gone: bidding goes on, and the events arrive when it is back', async (t) => {
    const { id } = await open('without a broker')
    await platform.kill('rabbitmq')
    for (let price = 2; price < 12; price += 1) {
      const answer = await place(client, id, price % 2 === 0 ? ben : cid, `${price * 3}.00`)
      t.equal(answer.statusCode, 201)
    }
    const published = await open('published meanwhile')
    t.equal((await place(client, published.id, ben, '2.00')).statusCode, 201)
    await platform.restart('rabbitmq')
    t.ok(await readModelIsRight())
  })

  t.test(
    'the closer is gone across an end: nothing is sold late, the result comes afterwards',
    async (t) => {
      const { id, endDate } = await open('without a closer', 4_000)
      t.equal((await place(client, id, ben, '2.00')).statusCode, 201)
      await platform.kill('bid-worker')
      await waitFor('the end', async () => {
        const { body } = await client.request('GET', `/api/v1/lots/${id}`)
        return String(body.serverTime) >= endDate
      })
      t.match(await place(client, id, cid, '9.00'), {
        statusCode: 409,
        body: { code: 'bid.ended' },
      })
      await platform.restart('bid-worker')
      await waitFor('the result', async () => {
        const { body } = await client.request('GET', `/api/v1/lots/${id}`)
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
      channel.publish('auction.bid', 'bid.placed.v1', Buffer.from(JSON.stringify(poison)), {
        persistent: true,
      })
      await channel.waitForConfirms()
      const { id } = await open('beside the poison')
      t.equal((await place(client, id, ben, '2.00')).statusCode, 201)
      await waitFor('the dead letter', async () =>
        /^ +1 +auction\.bid\.placed/m.test(await dlq('list')),
      )
      t.match(await dlq('show', QUEUE), /payload[\s\S]*nonsense/)
      t.match(await dlq('replay', QUEUE), /1 replayed/)
      await waitFor('it to be back, as it is still poison', async () =>
        /^ +1 +auction\.bid\.placed/m.test(await dlq('list')),
      )
      await channel.purgeQueue(`${QUEUE}.dlq`)
      await connection.close()
      t.ok(await readModelIsRight(), 'its neighbours came through')
    },
  )
})

t.test(
  'more bids at once than the queue takes: 503 with Retry-After, and nothing of them recorded',
  async (t) => {
    const { platform, client, direct } = await createPlatform(t, {
      env: { 'bid-api': { BID_QUEUE_MAX: '5', BID_BATCH_MAX: '2' } },
    })
    const run = randomUUID().slice(0, 8)
    const [ann, ben] = (await Promise.all(
      ['ann', 'ben'].map((name) => join(client, name, `${name}-${run}`)),
    )) as [Person, Person]
    const { id } = await sell(client, ann, {
      name: 'flood',
      startPrice: '1.00',
      durationMs: 600_000,
    })
    const bidApi = direct('bid-api')
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
    t.ok(refused.length > 0, `${refused.length} of 60 refused`)
    t.ok(
      refused.every(
        ({ body, headers }) => body.code === 'bid.queue_full' && headers['retry-after'] === '1',
      ),
    )
    t.ok(answers.every(({ statusCode }) => [201, 422, 503].includes(statusCode)))
    const pool = new pg.Pool({ connectionString: platform.postgres.urls.bid })
    const { rows } = await pool.query(
      `select count(*)::int as decided from bids where kind <> 'auto'`,
    )
    await pool.end()
    t.equal(rows[0].decided, 60 - refused.length)
  },
)
