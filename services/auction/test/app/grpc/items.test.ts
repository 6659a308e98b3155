import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { TEST_CONNECTION_TIMEOUT_MS, type Teardown } from '@auction/common/testing/database.ts'
import { startTcpRelay } from '@auction/common/testing/tcp-relay.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import {
  type Client,
  type ClientDuplexStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { createSigner } from 'fast-jwt'
import { protoPath as healthProto } from 'grpc-health-check'
import t from 'tap'
import { ITEM_PROTO, LOADING, startGrpc } from '#src/app/grpc/server.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { build, createDraft, createPublished, type Fixture, inMinutes } from '#test/helper.ts'
import { INTERNAL_SECRET, log, serviceHeaders } from '#test/neighbours.ts'

const REFLECTION = fileURLToPath(
  new URL('../proto/grpc/reflection/v1/reflection.proto', import.meta.resolve('@grpc/reflection')),
)

type Fields = Record<string, unknown>
type Unary = (
  request: Fields,
  metadata: Metadata,
  options: { deadline: number },
  done: (error: ServiceError | null, answer: Fields) => void,
) => void

/** The service of a loaded package by its full name, as a client over the wire. */
function clientOf(proto: string, name: string, address: string): Client & Record<string, Unary> {
  let found: unknown = loadPackageDefinition(loadSync(proto, LOADING))
  for (const part of name.split('.')) found = (found as Fields)[part]
  const Service = found as ServiceClientConstructor
  return new Service(address, credentials.createInsecure()) as never
}

const allowed = () => {
  const metadata = new Metadata()
  metadata.set('authorization', serviceHeaders().authorization)
  return metadata
}

async function start(t: Teardown) {
  const fixture = await build(t)
  return { ...fixture, ...(await serve(t, fixture.db)) }
}

async function serve(t: Teardown, db: Fixture['db']) {
  const registry = createRegistry('auction')
  const server = await startGrpc({
    db,
    log,
    registry,
    internalSecret: INTERNAL_SECRET,
    host: '127.0.0.1',
    port: 0,
  })
  t.teardown(() => server.close())
  const address = `127.0.0.1:${server.port}`
  const items = clientOf(ITEM_PROTO, 'auction.item.v1.ItemService', address)
  const health = clientOf(healthProto, 'grpc.health.v1.Health', address)
  t.teardown(() => {
    items.close()
    health.close()
  })
  const call = (
    client: Record<string, Unary>,
    method: string,
    request: Fields,
    metadata = new Metadata(),
    withinMs = 60_000,
  ) =>
    new Promise<{ code: status; answer: Fields; details: string }>((resolve) => {
      const deadline = Date.now() + withinMs
      client[method]?.(request, metadata, { deadline }, (error, answer) =>
        resolve({ code: error?.code ?? status.OK, answer, details: error?.details ?? '' }),
      )
    })
  const get = (item_id: string, metadata = allowed(), withinMs?: number) =>
    call(items, 'GetItemForBid', { item_id }, metadata, withinMs)
  const isServing = (service: string) => call(health, 'Check', { service })
  return { registry, server, address, get, isServing }
}

t.test('another service reads an item with its terms, the reserve among them', async (t) => {
  const fixture = await start(t)
  const endDate = inMinutes(600)
  const id = await createPublished(fixture, {
    currencyCode: 'KWD',
    startPrice: '5.125',
    bidIncrement: '0.250',
    reservePrice: '7.500',
    endDate,
    extensionThresholdMinutes: 3,
  })
  const { code, answer } = await fixture.get(id)
  t.equal(code, status.OK)
  t.match(answer, {
    id,
    seller_id: fixture.seller.id,
    status: 'active',
    start_price: '5.125',
    current_price: '5.125',
    bid_increment: '0.250',
    reserve_price: '7.500',
    buyout_price: '',
    end_price: '',
    currency_code: 'KWD',
    buyer_id: '',
    type: 'english',
    version: 2,
    terms_version: 1,
    extension_threshold_minutes: 3,
    extension_duration_minutes: 5,
    extension_mode: 'from_end',
    max_extension_minutes: 60,
  })
  const { seconds, nanos } = answer.end_date as { seconds: string; nanos: number }
  t.equal(Number(seconds) * 1_000 + nanos / 1e6, Date.parse(endDate), 'to the millisecond')
  const metrics = await fixture.registry.metrics()
  t.match(metrics, /grpc_request_duration_seconds_count\{[^}]*code="0"[^}]*\} 1/)
})

t.test('an item that is not public is not found, and a malformed id is refused', async (t) => {
  const fixture = await start(t)
  t.equal((await fixture.get(randomUUID())).code, status.NOT_FOUND)
  t.equal((await fixture.get(await createDraft(fixture))).code, status.NOT_FOUND)
  for (const id of ['', '42', `${randomUUID()}0`, 'a\0b'])
    t.equal((await fixture.get(id)).code, status.INVALID_ARGUMENT, JSON.stringify(id))
})

t.test('only a token made for this service opens it', async (t) => {
  const fixture = await start(t)
  const id = await createPublished(fixture)
  const token = (key: string, aud: string, seconds = 30) => {
    const exp = Math.floor(Date.now() / 1_000) + seconds
    return `Bearer ${createSigner({ key, algorithm: 'HS256', aud, sub: 'bid' })({ exp })}`
  }
  for (const [name, authorization] of [
    ['none', undefined],
    ['rubbish', 'Bearer x.y.z'],
    ['a person’s', fixture.seller.headers.authorization],
    ['of another secret', token(`${INTERNAL_SECRET}!`, 'internal:auction')],
    ['for another service', token(INTERNAL_SECRET, 'internal:bid')],
    ['of yesterday', token(INTERNAL_SECRET, 'internal:auction', -86_400)],
  ] as const) {
    const metadata = new Metadata()
    if (authorization !== undefined) metadata.set('authorization', authorization)
    t.equal((await fixture.get(id, metadata)).code, status.UNAUTHENTICATED, name)
  }
})

t.test(
  'seed bug 11: a failure is a status without details, and the next call succeeds',
  async (t) => {
    const fixture = await start(t)
    const id = await createPublished(fixture)
    await fixture.database.pool.query('alter table items rename to items_away')
    t.match(await fixture.get(id), { code: status.INTERNAL, details: 'internal error' })
    await fixture.database.pool.query('alter table items_away rename to items')
    t.equal((await fixture.get(id)).code, status.OK)
  },
)

t.test('without its database it answers that a retry may help', async (t) => {
  const fixture = await start(t)
  const id = await createPublished(fixture)
  const { POSTGRES_HOST: host, POSTGRES_PORT: port } = fixture.database.config
  const network = await startTcpRelay(host, port)
  const through = { ...fixture.database.config, POSTGRES_HOST: '127.0.0.1' }
  const pool = createPool(
    { ...through, POSTGRES_PORT: network.port },
    { log, connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS },
  )
  t.teardown(() => pool.end())
  const { get } = await serve(t, createDatabase<Database>(pool))
  t.equal((await get(id)).code, status.OK)
  await network.stop()
  t.match(await get(id), { code: status.UNAVAILABLE, details: /try again/ })
})

t.test('a deadline ends the call although the database does not answer', async (t) => {
  const fixture = await start(t)
  const id = await createPublished(fixture)
  const holder = await fixture.database.pool.connect()
  await holder.query('begin')
  await holder.query('lock table items in access exclusive mode')
  t.equal((await fixture.get(id, allowed(), 200)).code, status.DEADLINE_EXCEEDED)
  let slow: status | undefined
  void fixture.get(id).then(({ code }) => {
    slow = code
  })
  // The call before may wait there still, and be the first that is cancelled.
  await waitFor('the database to give up', async () => {
    await fixture.database.pool.query(
      `select pg_cancel_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`,
    )
    return slow !== undefined
  })
  t.equal(slow, status.UNAVAILABLE, 'a lock is in the way: a retry may succeed')
  await holder.query('rollback')
  holder.release()
  t.equal((await fixture.get(id)).code, status.OK)
})

t.test('health knows the server and the service, and no other name', async (t) => {
  const { isServing } = await start(t)
  t.match(await isServing(''), { answer: { status: 1 } })
  t.match(await isServing('auction.item.v1.ItemService'), { answer: { status: 1 } })
  t.equal((await isServing('auction.item.v1.Other')).code, status.NOT_FOUND)
})

t.test('reflection lists the services and their descriptions', async (t) => {
  const { address } = await start(t)
  const reflection = clientOf(REFLECTION, 'grpc.reflection.v1.ServerReflection', address)
  t.teardown(() => reflection.close())
  const ask = (request: Fields) =>
    new Promise<Fields>((resolve, reject) => {
      const open = reflection.ServerReflectionInfo as unknown as () => ClientDuplexStream<
        Fields,
        Fields
      >
      const stream = open.call(reflection)
      stream.on('data', resolve)
      stream.on('error', reject)
      stream.write(request)
      stream.end()
    })
  const listed = (await ask({ list_services: '*' })).list_services_response as {
    service: { name: string }[]
  }
  const names = listed.service.map(({ name }) => name)
  t.ok(names.includes('auction.item.v1.ItemService'))
  t.ok(names.includes('grpc.health.v1.Health'))
  const symbol = 'auction.item.v1.ItemService.GetItemForBid'
  const described = (await ask({ file_containing_symbol: symbol })).file_descriptor_response as {
    file_descriptor_proto: Buffer[]
  }
  const text = Buffer.concat(described.file_descriptor_proto).toString('latin1')
  t.match(text, /GetItemForBidResponse/)
  t.match(text, /reserve_price/)
})

t.test('stopping finishes the running call and takes no other', async (t) => {
  const { database, get, server, ...fixture } = await start(t)
  const id = await createPublished({ ...fixture, database })
  const holder = await database.pool.connect()
  await holder.query('begin')
  await holder.query('lock table items in access exclusive mode')
  const underWay = get(id)
  await waitFor('the call to wait for the lock', async () => {
    const { rows } = await holder.query(
      "select 1 from pg_locks where relation = 'items'::regclass and not granted",
    )
    return rows.length > 0
  })
  const closed = server.close()
  await holder.query('rollback')
  holder.release()
  t.equal((await underWay).code, status.OK)
  await closed
  t.equal((await get(id, allowed(), 500)).code === status.OK, false)
})
