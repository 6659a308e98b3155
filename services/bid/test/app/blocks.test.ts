import { randomUUID } from 'node:crypto'
import { userDeleted } from '@auction/common/contracts/identity.ts'
import type { Delivery } from '@auction/common/rabbitmq/consumer.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { sql } from 'kysely'
import t from 'tap'
import { onStandingEvents } from '#src/app/consumers/bidder-standing.ts'
import { verifyLots } from '#src/app/verify-lots.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { createWorld, type World } from '#test/helper.ts'

const BLOCKS = '/api/v1/blocks'
const numbered = (itemId: string, number: unknown) =>
  `/api/v1/lots/${itemId}/bidders/${number}/block`

interface Listed {
  userId?: string
  bidder?: string
}

/** Consumes identity's event of a deleted account, twice. */
async function accountGone({ db }: World, userId: string): Promise<void> {
  const consumer = onStandingEvents().find(({ contract }) => contract.key === userDeleted.key)
  const delivery = { payload: { userId }, sequence: 9 } as Delivery<{ userId: string }>
  for (let again = 0; again < 2; again += 1) {
    await db.transaction().execute(async (tx) => consumer?.handle(tx, [delivery]))
  }
}

type Method = 'GET' | 'PUT' | 'DELETE'

const caller = (world: World) => async (method: Method, url: string, userId?: string) => {
  const headers = userId && { authorization: `Bearer ${world.identity.token(userId)}` }
  const response = await world.app.inject({ method, url, ...(headers ? { headers } : {}) })
  const body = response.body === '' ? {} : response.json()
  return { statusCode: response.statusCode, body }
}

t.test('46 a blocked bidder is refused on every lot of that seller, and on no other', async (t) => {
  const world = await createWorld(t)
  const call = caller(world)
  const [seller, ann, ben] = [randomUUID(), randomUUID(), randomUUID()]
  const { itemId: first } = await world.putTerms({ sellerId: seller })
  const { itemId: second } = await world.putTerms({ sellerId: seller })
  const { itemId: foreign } = await world.putTerms()
  t.equal((await world.bid(first, ann, '20.00', { key: 'before' })).statusCode, 201)

  t.equal((await call('PUT', `${BLOCKS}/${ann}`, seller)).statusCode, 204)
  t.equal((await call('PUT', `${BLOCKS}/${ann}`, seller)).statusCode, 204, 'again')
  for (const itemId of [first, second]) {
    const refused = await world.bid(itemId, ann, '50.00')
    t.match([refused.statusCode, refused.body.code], [403, 'bid.blocked_by_seller'])
  }
  t.equal((await world.bid(foreign, ann, '50.00')).statusCode, 201)
  t.equal((await world.bid(first, ben, '15.00')).statusCode, 201)
  t.match(await world.lot(first), { bidCount: 2, currentPrice: '15.50' }, 'the bid before stands')
  const repeated = await world.bid(first, ann, '20.00', { key: 'before' })
  t.equal(repeated.statusCode, 201, 'a stored answer is given again')

  t.equal((await call('DELETE', `${BLOCKS}/${ann}`, seller)).statusCode, 204)
  t.equal((await call('DELETE', `${BLOCKS}/${ann}`, seller)).statusCode, 204, 'again')
  t.equal((await world.bid(second, ann, '50.00')).statusCode, 201)
  t.strictSame((await verifyLots(world.db, createBidSettings())).violations, [])
})

t.test('of a hundred bids around a block, none that came after it is accepted', async (t) => {
  const world = await createWorld(t)
  const call = caller(world)
  const [seller, ann] = [randomUUID(), randomUUID()]
  const { itemId } = await world.putTerms({ sellerId: seller })
  const bid = (step: number) => world.bid(itemId, ann, `${100 + step}.00`)
  const beside = Promise.all(Array.from({ length: 50 }, (_, step) => bid(step)))
  await call('PUT', `${BLOCKS}/${ann}`, seller)
  const after = await Promise.all(Array.from({ length: 50 }, (_, step) => bid(50 + step)))
  await beside
  t.ok(after.every(({ body }) => body.code === 'bid.blocked_by_seller'))
  t.strictSame((await verifyLots(world.db, createBidSettings())).violations, [])
})

t.test('a bidder blocked by number stays unknown, also to a seller who guesses', async (t) => {
  const world = await createWorld(t)
  const call = caller(world)
  const [seller, ann, ben] = [randomUUID(), randomUUID(), randomUUID()]
  const { itemId } = await world.putTerms({ sellerId: seller })
  const { itemId: other } = await world.putTerms({ sellerId: seller })
  await world.bid(itemId, ben, '11.00')
  await world.bid(itemId, ann, '20.00')

  t.equal((await call('PUT', numbered(itemId, 2), seller)).statusCode, 204)
  t.equal((await world.bid(other, ann, '20.00')).body.code, 'bid.blocked_by_seller')
  t.equal((await world.bid(other, ben, '20.00')).statusCode, 201)
  const list = async () => (await call('GET', BLOCKS, seller)).body.blocks
  t.match(await list(), [{ itemId, bidder: 'bidder 2' }])
  t.notOk(JSON.stringify(await list()).includes(ann))
  for (const guess of [ann, ben]) {
    await call('PUT', `${BLOCKS}/${guess}`, seller)
    await call('DELETE', `${BLOCKS}/${guess}`, seller)
    t.match(await list(), [{ itemId, bidder: 'bidder 2' }], 'the block by number stays')
  }
  t.equal((await call('DELETE', numbered(itemId, 2), seller)).statusCode, 204)
  t.strictSame(await list(), [])
  t.equal((await world.bid(other, ann, '30.00')).statusCode, 201)
})

t.test('a seller blocks bidders of his own lots, and at most 500', async (t) => {
  const world = await createWorld(t)
  const call = caller(world)
  const [seller, ann, stranger] = [randomUUID(), randomUUID(), randomUUID()]
  const { itemId } = await world.putTerms({ sellerId: seller })
  await world.bid(itemId, ann, '20.00')
  for (const [method, url, as, statusCode, code] of [
    ['PUT', numbered(itemId, 1), stranger, 403, 'block.not_your_lot'],
    ['PUT', numbered(itemId, 2), seller, 404, 'block.bidder_not_found'],
    ['PUT', numbered(randomUUID(), 1), seller, 404, 'lot.not_found'],
    ['PUT', `${BLOCKS}/${seller}`, seller, 422, 'block.own_account'],
    ['PUT', numbered(itemId, 0), seller, 400, 'request.invalid_path'],
    ['PUT', numbered(itemId, 2_147_483_648), seller, 400, 'request.invalid_path'],
    ['PUT', numbered(itemId, 'x'), seller, 400, 'request.invalid_path'],
    ['PUT', `${BLOCKS}/%00`, seller, 400, 'request.invalid_path'],
    ['PUT', `${BLOCKS}/${'1'.repeat(99)}`, seller, 400, 'request.invalid_path'],
    ['PUT', `${BLOCKS}/${ann}`, undefined, 401, 'bid.unauthenticated'],
    ['GET', BLOCKS, undefined, 401, 'bid.unauthenticated'],
  ] as const) {
    t.match(await call(method, url, as), { statusCode, body: { code } }, `${method} ${url}`)
  }
  await sql`insert into seller_blocks (seller_id, bidder_id)
    select ${seller}::uuid, gen_random_uuid() from generate_series(1, 499)`.execute(world.db)
  t.equal((await call('PUT', `${BLOCKS}/${ann}`, seller)).statusCode, 204)
  t.match(await call('PUT', `${BLOCKS}/${stranger}`, seller), {
    statusCode: 409,
    body: { code: 'block.too_many' },
  })
  t.equal((await call('PUT', `${BLOCKS}/${ann}`, seller)).statusCode, 204, 'again, at the limit')
})

t.test(
  'blocks go with a deleted account, and a block by number does not reveal whose it was',
  async (t) => {
    const world = await createWorld(t)
    const call = caller(world)
    const [seller, ann, ben] = [randomUUID(), randomUUID(), randomUUID()]
    const { itemId } = await world.putTerms({ sellerId: seller })
    await world.bid(itemId, ben, '11.00')
    await world.bid(itemId, ann, '20.00')
    for (const bidder of [ben, ann]) await call('PUT', `${BLOCKS}/${bidder}`, seller)
    for (const number of [1, 2]) await call('PUT', numbered(itemId, number), seller)
    const list = async () => {
      const { blocks } = (await call('GET', BLOCKS, seller)).body as { blocks: Listed[] }
      return blocks.map(({ userId, bidder }) => userId ?? bidder).sort()
    }
    t.strictSame(await list(), [ann, ben, 'bidder 1', 'bidder 2'].sort())

    await accountGone(world, ann)
    const without = [ben, 'bidder 1', 'bidder 2'].sort()
    t.strictSame(await list(), without, 'nothing shows which number it was')
    t.equal((await call('PUT', numbered(itemId, 2), seller)).statusCode, 204, 'again')
    t.match(await call('PUT', `${BLOCKS}/${ann}`, seller), {
      statusCode: 404,
      body: { code: 'block.bidder_not_found' },
    })
    t.strictSame(await list(), without)
    await call('DELETE', numbered(itemId, 2), seller)
    t.equal((await call('PUT', numbered(itemId, 2), seller)).statusCode, 204, 'and once more')
    t.strictSame(await list(), without)
    const { rows } = await world.pool.query('select * from seller_blocks')
    t.notOk(JSON.stringify(rows).includes(ann), 'nothing of the account is left')

    await accountGone(world, seller)
    t.strictSame(await list(), [])
    for (const url of [`${BLOCKS}/${ben}`, numbered(itemId, 1)])
      t.equal((await call('PUT', url, seller)).statusCode, 401)
    t.strictSame(await list(), [])
  },
)

t.test('a block written while its account is deleted does not keep the account', async (t) => {
  const world = await createWorld(t)
  const call = caller(world)
  const [seller, ann, ben] = [randomUUID(), randomUUID(), randomUUID()]
  const { itemId } = await world.putTerms({ sellerId: seller })
  t.equal((await world.bid(itemId, ann, '20.00')).statusCode, 201)
  await world.pool.query(`
    create function wait_for_test() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock_shared(77); return new; end $$;
    create trigger wait_for_test before insert on seller_blocks
      for each row execute function wait_for_test()`)
  const waiting = (count: number) =>
    waitFor(`${count} to wait for a lock`, async () => {
      const { rows } = await world.pool.query(
        `select 1 from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`,
      )
      return rows.length >= count
    })
  const holder = await world.pool.connect()
  t.teardown(() => holder.release(true))
  await holder.query('select pg_advisory_lock(77)')
  // The first is inside, the last waits for its turn as the same seller; the stranger is refused.
  const inside = call('PUT', `${BLOCKS}/${ben}`, seller)
  await waiting(1)
  const puts = [
    inside,
    call('PUT', numbered(itemId, 1), randomUUID()),
    call('PUT', numbered(itemId, 1), seller),
  ]
  await waiting(2)
  const gone = [accountGone(world, ben), accountGone(world, ann)]
  await waiting(3)
  await holder.query('select pg_advisory_unlock(77)')
  t.same(
    (await Promise.all(puts)).map(({ statusCode }) => statusCode),
    [204, 403, 204],
  )
  await Promise.all(gone)
  const { rows } = await world.pool.query(
    'select 1 from seller_blocks where bidder_id = any($1::uuid[])',
    [[ann, ben]],
  )
  t.equal(rows.length, 0)
})
