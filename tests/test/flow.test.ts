import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import pg from 'pg'
import t from 'tap'
import { readAuctions } from '#src/ebay-auctions.ts'
import { insist, join, type Person, sell } from '#src/people.ts'
import { replay } from '#src/replay.ts'
import { createPlatform } from './helper.ts'
import { createOtlpReceiver } from './otlp-receiver.ts'

t.setTimeout(240_000)

// Numbers that occur nowhere else, so that finding one anywhere is a leak.
const RESERVE = '861.37'
const HIDDEN_MAXIMUM = '97.43'
const CLOSING_TIMEOUT_MS = 30_000

t.test('the platform as its users see it', async (t) => {
  const otlp = await createOtlpReceiver(t)
  const { platform, client, direct } = await createPlatform(t, {
    env: { '*': { OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url, OTEL_TRACES_SAMPLE_RATIO: '1' } },
  })
  const run = randomUUID().slice(0, 8)
  const [ann, ben, cid] = (await Promise.all(
    ['ann', 'ben', 'cid'].map((name) => join(client, name, `${name}-${run}`)),
  )) as [Person, Person, Person]
  const bid = (itemId: string, person: Person, maxAmount: string, headers = {}) =>
    client.request('POST', `/api/v1/lots/${itemId}/bids`, {
      token: person.token,
      body: { maxAmount },
      headers: { 'idempotency-key': randomUUID(), ...headers },
    })
  const lotOf = async (itemId: string) =>
    (await client.request('GET', `/api/v1/lots/${itemId}`)).body
  const itemOf = async (itemId: string, person?: Person) =>
    client.request(
      'GET',
      `/api/v1/items/${itemId}`,
      person === undefined ? {} : { token: person.token },
    )

  t.test('a lot answers at once when its item is published', async (t) => {
    const { id } = await sell(client, ann, {
      name: 'quick',
      startPrice: '10.00',
      durationMs: 600_000,
    })
    const answer = await client.request('GET', `/api/v1/lots/${id}`)
    t.match(answer, { statusCode: 200, body: { phase: 'open', startPrice: '10.00', bidCount: 0 } })
  })

  t.test(
    'two people bid by proxy, the lot closes on time, the right one wins at the right price',
    async (t) => {
      const { id, endDate } = await sell(client, ann, {
        name: 'a sale',
        startPrice: '10.00',
        durationMs: 5_000,
        terms: { bidIncrement: '0.50', reservePrice: '60.00' },
      })
      t.match(await bid(id, ann, '50.00'), { statusCode: 403, body: { code: 'bid.own_item' } })
      t.match((await bid(id, ben, '40.00')).body, {
        outcome: 'leading',
        reserveMet: false,
        currentPrice: '40.00',
      })
      t.match((await bid(id, cid, HIDDEN_MAXIMUM)).body, { outcome: 'leading', reserveMet: true })
      t.match((await bid(id, ben, '70.00')).body, {
        outcome: 'outbid',
        currentPrice: '70.50',
        minNextBid: '71.00',
      })
      const closed = await waitFor(
        'the closing',
        async () => {
          const lot = await lotOf(id)
          if (lot.phase !== 'closed')
            t.ok(String(lot.serverTime) < endDate || lot.phase === 'closing')
          return lot.phase === 'closed' ? lot : undefined
        },
        CLOSING_TIMEOUT_MS,
      )
      t.match(closed, { outcome: 'sold', finalAmount: '70.50', leaderAlias: 'bidder 2', endDate })
      t.match(await bid(id, ben, '99.00'), { statusCode: 409, body: { code: 'bid.ended' } })
      const item = await waitFor('the read model', async () => {
        const { body } = await itemOf(id, cid)
        return body.status === 'sold' ? body : undefined
      })
      t.match(item, {
        endPrice: '70.50',
        currentPrice: '70.50',
        bidCount: 3,
        reserveMet: true,
        buyerID: cid.id,
      })
      const mine = await client.request<{ bids: unknown[] }>('GET', '/api/v1/bids', {
        token: cid.token,
      })
      t.match(mine.body.bids, [
        { itemId: id, status: 'won', myMaxAmount: HIDDEN_MAXIMUM, finalAmount: '70.50' },
      ])
      const pool = new pg.Pool({ connectionString: platform.postgres.urls.bid })
      const { rows } = await pool.query(
        "select closed_at - ends_at >= interval '2 s' as waited, closed_at - ends_at < interval '5 s' as prompt from lots where item_id = $1",
        [id],
      )
      await pool.end()
      t.strictSame(rows, [{ waited: true, prompt: true }])
    },
  )

  t.test('reserve and maxima are told to nobody: not in answers, events or logs', async (t) => {
    const { id } = await sell(client, ann, {
      name: 'with a reserve',
      startPrice: '10.00',
      durationMs: 600_000,
      terms: { reservePrice: RESERVE },
    })
    await bid(id, ben, '20.00')
    const answers = [
      await lotOf(id),
      (await itemOf(id, ben)).body,
      (await client.request('GET', `/api/v1/lots/${id}/bids`)).body,
    ]
    t.match(answers[0], { hasReserve: true, reserveMet: false })
    const pool = new pg.Pool({ connectionString: platform.postgres.urls.bid })
    const items = new pg.Pool({ connectionString: platform.postgres.urls.auction })
    const events = [
      ...(await pool.query('select events::text from outbox')).rows,
      ...(await items.query('select events::text from outbox')).rows,
    ]
    await Promise.all([pool.end(), items.end()])
    const list = await client.request('GET', '/api/v1/items?limit=100')
    const logs = platform.names.map((name) => readFileSync(platform.logFile(name), 'utf8'))
    for (const secret of [RESERVE, HIDDEN_MAXIMUM]) {
      t.notOk(JSON.stringify(events).includes(secret), `${secret} in no event`)
      t.notOk(JSON.stringify([list.body, answers]).includes(secret), `${secret} in no answer`)
      t.notOk(logs.join('').includes(secret), `${secret} in no log`)
    }
  })

  t.test('a draft is its seller’s alone, and terms are frozen by the first bid', async (t) => {
    const draft = await insist(client, 'POST', '/api/v1/items', {
      token: ann.token,
      accept: [201],
      body: {
        name: 'draft',
        description: 'not yet',
        currencyCode: 'USD',
        startPrice: '5.00',
        startDate: new Date().toISOString(),
        endDate: new Date(Date.now() + 3_600_000).toISOString(),
      },
    })
    const id = String(draft.body.id)
    t.equal((await itemOf(id)).statusCode, 404)
    t.equal((await itemOf(id, ben)).statusCode, 404)
    const edit = (person: Person, body: object) =>
      client.request('PUT', `/api/v1/items/${id}`, { token: person.token, body })
    t.equal((await edit(ben, { name: 'mine now' })).statusCode, 404)
    t.equal((await edit(ann, { startPrice: '6.00' })).statusCode, 200)
    await insist(client, 'POST', `/api/v1/items/${id}/publish`, { token: ann.token, accept: [200] })
    t.equal((await edit(ben, { name: 'mine now' })).statusCode, 403)
    t.equal((await edit(ann, { startPrice: '7.00' })).statusCode, 200)
    t.match(await lotOf(id), { startPrice: '7.00', termsVersion: 2 })
    t.equal((await bid(id, ben, '8.00')).statusCode, 201)
    t.match(await edit(ann, { startPrice: '9.00' }), {
      statusCode: 409,
      body: { code: 'item.update.has_bids' },
    })
    t.match(await lotOf(id), { startPrice: '7.00', termsVersion: 2, bidCount: 1 })
  })

  t.test(
    'forged identity headers do nothing, at the gateway or straight at a process',
    async (t) => {
      const { id } = await sell(client, ann, {
        name: 'forge',
        startPrice: '1.00',
        durationMs: 600_000,
      })
      const path = `/api/v1/lots/${id}/bids`
      const forged = { 'X-User-Id': ben.id, 'X-User-Email': ben.email, 'X-User-Roles': 'admin' }
      for (const target of [client, direct('bid-api')]) {
        const answer = await target.request('POST', path, {
          body: { maxAmount: '2.00' },
          headers: forged,
        })
        t.equal(answer.statusCode, 401)
      }
      const asAnn = await direct('bid-api').request('POST', path, {
        token: cid.token,
        body: { maxAmount: '2.00' },
        headers: forged,
      })
      t.equal(asAnn.statusCode, 401, 'a header that contradicts the token is refused')
      const through = await client.request('POST', path, {
        token: cid.token,
        body: { maxAmount: '2.00' },
        headers: forged,
      })
      t.equal(through.statusCode, 201, 'the gateway strips it')
      const mine = await client.request<{ bids: { itemId: string }[] }>('GET', '/api/v1/bids', {
        token: ben.token,
      })
      t.notOk(mine.body.bids.some(({ itemId }) => itemId === id))
    },
  )

  t.test(
    'one trace reaches from the request over outbox and broker to the auction worker',
    async (t) => {
      const { id } = await sell(client, ann, {
        name: 'traced',
        startPrice: '1.00',
        durationMs: 600_000,
      })
      const traceId = randomUUID().replaceAll('-', '')
      const root = '00f067aa0ba902b7'
      await bid(id, ben, '2.00', { traceparent: `00-${traceId}-${root}-01` })
      const names = [
        'GET /identity/validate',
        'POST /api/v1/lots/:itemId/bids',
        'bid.placed.v1 publish',
        'auction.bid.placed.v1 process',
      ]
      const spans = await waitFor('the spans', () => {
        const found = otlp.spans.filter((span) => span.traceId === traceId)
        return names.every((name) => found.some((span) => span.name === name)) ? found : undefined
      })
      const [, request, publish, consume] = names.map((name) =>
        spans.find((span) => span.name === name),
      )
      t.match(request, { service: 'bid', parentSpanId: /./ })
      t.match(publish, { service: 'bid', parentSpanId: request?.spanId })
      t.match(consume, { service: 'auction', parentSpanId: publish?.spanId })
      const services = [...new Set(spans.map(({ service }) => service))].sort()
      t.strictSame(services, ['auction', 'bid', 'identity'], 'one trace across three services')
      const ids = new Set([root, ...spans.map(({ spanId }) => spanId)])
      t.ok(
        spans.every(({ parentSpanId }) => parentSpanId === '' || ids.has(parentSpanId)),
        'every parent is known',
      )
    },
  )

  t.test('every API describes itself and has a page to read', async (t) => {
    for (const prefix of ['/identity', '/api/v1/items', '/api/v1/lots']) {
      const document = await client.request('GET', `${prefix}/openapi.json`)
      t.match(document, { statusCode: 200, body: { openapi: '3.1.0', paths: {} } })
      t.ok(Object.keys(document.body.paths as object).length > 0)
      const page = await client.request('GET', `${prefix}/docs/`)
      t.match(page, { statusCode: 200, headers: { 'content-type': /text\/html/ } })
    }
    t.match(await client.request('GET', '/'), { statusCode: 200, body: { text: /Lots/ } })
  })

  t.test('recorded eBay auctions end at eBay’s prices', async (t) => {
    const file = fileURLToPath(new URL('../data/ebay-cartier-auctions.csv', import.meta.url))
    const expected = JSON.parse(
      readFileSync(file.replace('cartier-auctions.csv', 'expected.json'), 'utf8'),
    )
    const chosen = readAuctions(file).slice(0, 10)
    const results = await replay(chosen, {
      gatewayUrl: platform.gatewayUrl,
      auctionSeconds: 8,
      progress: () => {},
    })
    for (const { id, actual } of results) t.equal(actual, expected[id].price, id)
  })
})
