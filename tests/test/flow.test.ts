import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { DOCS } from '@auction/local/service-list.ts'
import t from 'tap'
import { inTime, sellInTime } from '#src/in-time.ts'
import { insist, join, type Person, patient, sell } from '#src/people.ts'
import { openPool } from '#src/pools.ts'
import { readAuctions } from '#src/replay/ebay-auctions.ts'
import { readExpected } from '#src/replay/expected.ts'
import { noProgress } from '#src/replay/progress.ts'
import { replay } from '#src/replay/replay.ts'
import { createPlatform } from './helper.ts'
import { openApiProblems } from './openapi.ts'
import { createSlowGateway } from './slow-gateway.ts'

const HIDDEN_MAXIMUM = '9743.61'

t.test('the platform as its users see it', async (t) => {
  const { platform, client: hasty, direct } = await createPlatform(t)
  const client = patient(hasty)
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

  t.test('a lot answers at once when its item is published, and the page shows it', async (t) => {
    const name = `quick ${run}`
    const { id } = await sell(client, ann, { name, startPrice: '10.00', durationMs: 600_000 })
    const answer = await client.request('GET', `/api/v1/lots/${id}`)
    const open = { statusCode: 200, body: { phase: 'open', startPrice: '10.00', bidCount: 0 } }
    t.match(answer, open, 'the first request already finds it')
    const page = await client.request('GET', '/')
    t.equal(page.statusCode, 200)
    t.ok(String(page.body.text).includes(name), 'the page shows the lot')
  })

  t.test(
    'two people bid by proxy, the lot closes on time, the right one wins at the right price',
    async (t) => {
      const { id, endDate, own, first, shown, second, third, last } = await inTime(
        5_000,
        async (durationMs) => {
          const sale = await sellInTime(client, ann, {
            name: 'a sale',
            startPrice: '1000.00',
            durationMs,
            terms: { bidIncrement: '50.00', reservePrice: '6000.00' },
          })
          if (sale === undefined) return undefined
          const answers = {
            id: sale.id,
            endDate: sale.endDate,
            own: await bid(sale.id, ann, '5000.00'),
            first: await bid(sale.id, ben, '4000.00'),
            shown: await lotOf(sale.id),
            second: await bid(sale.id, cid, HIDDEN_MAXIMUM),
            third: await bid(sale.id, ben, '7000.00'),
            last: await lotOf(sale.id),
          }
          if (answers.last.phase === 'open') return answers
          t.match(answers.last, { serverTime: String })
          t.ok(String(answers.last.serverTime) >= sale.endDate, 'no lot ends early')
          return undefined
        },
      )
      t.match(own, { statusCode: 403, body: { code: 'bid.own_item' } })
      t.match(first.body, { outcome: 'leading', reserveMet: false, currentPrice: '4000.00' })
      t.match(shown, { currentPrice: '4000.00', leaderAlias: 'bidder 1' })
      t.match(second.body, { outcome: 'leading', reserveMet: true })
      t.match(third.body, {
        outcome: 'outbid',
        currentPrice: '7050.00',
        minNextBid: '7100.00',
      })
      t.match(last, { currentPrice: '7050.00', leaderAlias: 'bidder 2', bidCount: 3 })
      const early: unknown[] = []
      const closed = await waitFor('the closing', async () => {
        const lot = await lotOf(id)
        if (lot.phase === 'closed') return lot
        const isOver = String(lot.serverTime) >= endDate
        if ((lot.phase === 'closing') !== isOver) early.push(lot)
      })
      t.strictSame(early, [], 'open until the end and not a moment longer, by the server’s clock')
      t.match(closed, { outcome: 'sold', finalAmount: '7050.00', leaderAlias: 'bidder 2', endDate })
      t.match(await bid(id, ben, '9900.00'), { statusCode: 409, body: { code: 'bid.ended' } })
      const pool = openPool(platform.postgres.url('bid'))
      const { rows } = await pool.query(
        'select extract(epoch from closed_at - ends_at)::float as lag from lots where item_id = $1',
        [id],
      )
      await pool.end()
      t.comment(`closed ${rows[0].lag} s after the end, of which 2 s are for bids in flight`)
      t.ok(rows[0].lag >= 2, 'no bid in flight was cut off')

      const item = await waitFor('the read model', async () => {
        const { body } = await itemOf(id, cid)
        return body.status === 'sold' ? body : undefined
      })
      t.match(item, {
        endPrice: closed.finalAmount,
        currentPrice: closed.currentPrice,
        bidCount: closed.bidCount,
        reserveMet: closed.reserveMet,
        endDate: closed.endDate,
        buyerID: cid.id,
      })
      t.notOk('buyerID' in (await itemOf(id, ben)).body, 'who bought is not the loser’s business')
      const mine = (person: Person) =>
        client.request<{ bids: unknown[] }>('GET', '/api/v1/bids', { token: person.token })
      t.match((await mine(cid)).body.bids, [
        { itemId: id, status: 'won', myMaxAmount: HIDDEN_MAXIMUM, finalAmount: '7050.00' },
      ])
      t.match((await mine(ben)).body.bids, [
        { itemId: id, status: 'lost', myMaxAmount: '7000.00', finalAmount: '7050.00' },
      ])
      const history = await client.request<{ bids: Record<string, unknown>[] }>(
        'GET',
        `/api/v1/lots/${id}/bids`,
      )
      t.strictSame(
        history.body.bids.map(({ bidder, kind, amount }) => [bidder, kind, amount]),
        [
          ['bidder 2', 'auto', '7050.00'],
          ['bidder 1', 'manual', '7000.00'],
          ['bidder 2', 'manual', '6000.00'],
          ['bidder 1', 'manual', '4000.00'],
        ],
      )
      const text = JSON.stringify(history.body)
      t.notOk(text.includes(ben.id) || text.includes(cid.id), 'no bidder is named')
    },
  )

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
      for (const target of [client, patient(direct('bid-api'))]) {
        const answer = await target.request('POST', path, {
          body: { maxAmount: '2.00' },
          headers: forged,
        })
        t.equal(answer.statusCode, 401)
      }
      const asAnn = await patient(direct('bid-api')).request('POST', path, {
        token: cid.token,
        body: { maxAmount: '2.00' },
        headers: forged,
      })
      t.equal(asAnn.statusCode, 401, 'a header that contradicts the token is refused')
      const through = await client.request('POST', path, {
        token: cid.token,
        body: { maxAmount: '2.00' },
        headers: { ...forged, 'idempotency-key': randomUUID() },
      })
      t.equal(through.statusCode, 201, 'the gateway strips it')
      const mine = await client.request<{ bids: { itemId: string }[] }>('GET', '/api/v1/bids', {
        token: ben.token,
      })
      t.notOk(mine.body.bids.some(({ itemId }) => itemId === id))
    },
  )

  t.test('every API describes itself and has a page to read', async (t) => {
    for (const prefix of DOCS.values()) {
      const document = await client.request('GET', `${prefix}/openapi.json`)
      t.equal(document.statusCode, 200)
      t.strictSame(openApiProblems(document.body), [], `${prefix} is valid OpenAPI 3.1`)
      const page = await client.request('GET', `${prefix}/docs/`)
      t.match(page, { statusCode: 200, headers: { 'content-type': /text\/html/ } })
      t.match((await client.request('GET', '/developers')).body.text, `${prefix}/docs`)
    }
  })

  t.test('recorded eBay auctions end at eBay’s prices', async (t) => {
    const file = fileURLToPath(new URL('../data/ebay-cartier-auctions.csv', import.meta.url))
    const expected = readExpected(file.replace('cartier-auctions.csv', 'expected.json'))
    const chosen = readAuctions(file).slice(0, 12)
    const replayed = await replay(chosen, {
      gatewayUrl: platform.gatewayUrl,
      progress: noProgress,
    })
    t.strictSame(
      replayed.map(({ id, actual, problem }) => ({ id, actual, problem })),
      chosen.map(({ id }) => ({ id, actual: expected.get(id), problem: undefined })),
    )
  })

  t.test('an auction whose bids came after its end is played again, slower', async (t) => {
    const file = fileURLToPath(new URL('../data/ebay-cartier-auctions.csv', import.meta.url))
    const short = readAuctions(file).find(({ bids }) => bids.length === 3)
    const published = new Set<string>()
    const lines: string[] = []
    let isDelayed = false
    const slow = await createSlowGateway(t, platform.gatewayUrl, ({ method, url = '' }) => {
      if (url.endsWith('/publish')) published.add(url)
      // The first four are for practice.
      if (method !== 'POST' || !url.endsWith('/bids') || published.size < 5 || isDelayed) return 0
      isDelayed = true
      // An auction lasts as long as a busy machine needs for its bids; the first line says how long.
      const [, seconds] = lines[0]?.match(/ to ([\d.]+) s,/) ?? []
      return (Number(seconds) + 6) * 1_000
    })
    const [replayed] = await replay(short === undefined ? [] : [short], {
      gatewayUrl: slow.url,
      progress: { ...noProgress, line: (line) => lines.push(line) },
    })
    const expected = readExpected(file.replace('cartier-auctions.csv', 'expected.json'))
    t.match(replayed, { outcome: 'ended', actual: expected.get(short?.id ?? '') })
    t.ok(lines.some((line) => line.includes('late and are played again')))
    // On a machine that is slow besides, the second one may be late as well.
    t.ok(published.size >= 6, `${published.size} auctions`)
  })
})
