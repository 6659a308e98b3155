import { createTestDatabase } from '@auction/common/testing/database.ts'
import { credentials, makeClientConstructor, type ServiceDefinition } from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'
import t from 'tap'
import { listingBody } from '../helper.ts'
import { createIdentity, INTERNAL_SECRET, serveJwks, startBid } from '../neighbours.ts'
import { runToEnd, startProcess, stop } from '../processes.ts'

t.test('the API on an empty database', async (t) => {
  const database = await createTestDatabase(t, [])
  const config = { ...database.config }
  const bid = await startBid(t)
  const codes = await Promise.all([runToEnd('migrate', config), runToEnd('migrate', config)])
  t.strictSame(codes, [0, 0], 'two migrations at once both succeed')
  const api = await startProcess(t, 'api', {
    ...config,
    JWKS_URL: await serveJwks(t),
    INTERNAL_JWT_SECRET: INTERNAL_SECRET,
    BID_URL: bid.url,
    MIN_AUCTION_SECONDS: 2,
  })
  const seller = createIdentity().person()
  const post = (path: string, body?: unknown) =>
    fetch(`${api.url}/api/v1/items${path}`, {
      method: 'POST',
      headers: {
        ...seller.headers,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    })

  t.test('seed bug 10: sells by auctions as short as the operator allows', async (t) => {
    const endsIn = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString()
    const short = await post('', listingBody({ endDate: endsIn(1) }))
    t.match(await short.json(), { details: { field: 'endDate', reason: 'too_short' } })
    const created = await post('', listingBody({ endDate: endsIn(60) }))
    const { id } = (await created.json()) as { id: string }
    const published = await post(`/${id}/publish`)
    t.match(await published.json(), { status: 'active', extensionThresholdMinutes: 0 })
    t.match(bid.lots.get(id)?.terms, { itemId: id })
    const list = await fetch(`${api.url}/api/v1/items?status=active`)
    t.match(await list.json(), { totalItems: 1, items: [{ id }] })
  })

  t.test('serves gRPC beside HTTP', async (t) => {
    const Health = makeClientConstructor(healthService as ServiceDefinition, 'Health')
    const client = new Health(api.grpcAddress, credentials.createInsecure())
    t.teardown(() => client.close())
    const answer = await new Promise((resolve, reject) => {
      const done = (error: unknown, value: unknown) => (error ? reject(error) : resolve(value))
      client.Check?.({ service: 'auction.item.v1.ItemService' }, done)
    })
    t.match(answer, { status: 'SERVING' })
  })

  t.test('stops in order when asked', async (t) => {
    await stop(api.process)
    t.equal(api.process.exitCode, 0)
    await t.rejects(fetch(`${api.opsUrl}/health/live`), { cause: { code: 'ECONNREFUSED' } })
  })
})
