import { randomUUID } from 'node:crypto'
import t from 'tap'
import { requestHash } from '#src/app/bid-command.ts'
import { beginWithFreeLots, readClockAndRepeats } from '#src/infra/postgres/bid-batch.ts'
import { createWorld, type World } from '#test/helper.ts'

/** Lets all bids be of the minute to come: they stay young, however long the test takes. */
const keepYoung = ({ pool }: World) =>
  pool.query(`begin; set local session_replication_role = replica;
    update bids set recorded_at = clock_timestamp() + interval '1 minute';
    update lots set last_decided_at = clock_timestamp() + interval '1 minute'; commit`)

t.test('the deciding clock is read before former bids are looked up', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms()
  const bidderId = randomUUID()
  await world.bid(itemId, bidderId, '11.00')
  await keepYoung(world)
  const hash = requestHash({ itemId, maxAmount: '11.00' })
  // Every look at a bid records when it happened.
  await world.pool.query(`
    create table looks (at timestamptz not null);
    create function look() returns boolean language plpgsql as
      $$ begin insert into looks values (clock_timestamp()); return true; end $$;
    alter table bids rename to stored_bids;
    create view bids as select * from stored_bids where look()`)
  const client = await world.createBidPool().connect()
  t.teardown(() => client.release())
  const { lots } = await beginWithFreeLots(client, [itemId], 1_000)
  const lookup = { itemId, bidderId, idempotencyKey: null, requestHash: hash }
  const clock = await readClockAndRepeats(client, [lookup], lots, () => undefined)
  await client.query('commit')
  t.equal(clock.stored.length, 1)
  t.strictSame(clock.numbers, [{ itemId, bidderId, number: 1 }])
  const { rows } = await world.pool.query(
    'select (extract(epoch from min(at)) * 1000)::float8 as first, count(*)::int as looks from looks',
  )
  t.ok(rows[0].looks > 0)
  t.ok(clock.nowMs < rows[0].first, 'the clock came first')
  t.ok(clock.doneMs > rows[0].first, 'and the end of the statement is known')
})

t.test(
  'former bids are looked up only for bidders of the lot, and only while it is busy',
  async (t) => {
    const world = await createWorld(t)
    const { itemId } = await world.putTerms()
    const [ann, ben] = [randomUUID(), randomUUID()]
    await world.bid(itemId, ann, '11.00')
    await keepYoung(world)
    const client = await world.createBidPool().connect()
    t.teardown(() => client.release())
    const hashes = ['11.00', '12.00'].map((maxAmount) => requestHash({ itemId, maxAmount }))
    const look = async (bidderIds: string[], number?: number) => {
      const { lots } = await beginWithFreeLots(client, [itemId], 1_000)
      const lookups = bidderIds.flatMap((bidderId) =>
        hashes.map((hash) => ({ itemId, bidderId, idempotencyKey: null, requestHash: hash })),
      )
      const { stored, numbers } = await readClockAndRepeats(client, lookups, lots, () => number)
      await client.query('commit')
      const numbered = new Set(numbers.map(({ bidderId }) => bidderId))
      return { stored: stored.map(({ bidderId }) => bidderId), numbers: numbered.size }
    }
    t.strictSame(await look([ann, ann, ben]), { stored: [ann], numbers: 1 }, 'a pair once')
    t.strictSame(await look([ann], 1), { stored: [ann], numbers: 0 }, 'its number is remembered')
    await world.pool.query(`update lots set last_decided_at = clock_timestamp() - interval '6 s'`)
    t.strictSame(await look([ann], 1), { stored: [], numbers: 0 }, 'the lot was quiet')
    t.strictSame(await look([ann]), { stored: [], numbers: 1 }, 'its number is read all the same')
  },
)
