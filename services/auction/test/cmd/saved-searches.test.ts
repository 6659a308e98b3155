import { createTestBroker } from '@auction/common/testing/broker.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { build, createPublished, writtenEvents } from '../helper.ts'
import { INTERNAL_SECRET } from '../neighbours.ts'
import { startProcess } from '../processes.ts'

/** Five batches. */
const SEARCHES = 10_000

t.test(
  'two workers finish the rest of a killed one, and no search is notified twice',
  async (t) => {
    const fixture = await build(t)
    const { database, bid } = fixture
    const { pool } = database
    const broker = await createTestBroker(t)
    const settings = {
      ...database.config,
      RABBITMQ_URL: broker.url,
      INTERNAL_JWT_SECRET: INTERNAL_SECRET,
      BID_URL: bid.url,
      IDENTITY_URL: 'http://127.0.0.1:1',
    }
    await pool.query(
      `insert into saved_searches (id, user_id, name, filters, statuses, attributes)
     select gen_random_uuid(), gen_random_uuid(), 'anything', '{}', '{active}', '[]'
     from generate_series(1, $1::int)`,
      [SEARCHES],
    )
    const waiting = async () => {
      const { rows } = await pool.query<{ after: string | null }>(
        'select after_search_id as after from search_matchings',
      )
      return rows
    }
    const published = async () =>
      (await writtenEvents(database)).filter(({ key }) => key === 'item.search_matched.v1')

    // The second batch of an item waits, so that the worker is killed before it is done.
    await pool.query(`create function wait() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock_shared(1); return new; end $$`)
    await pool.query(`create trigger wait before update of after_search_id on search_matchings
      for each row when (old.after_search_id is not null) execute function wait()`)
    const holder = await pool.connect()
    t.teardown(() => holder.release())
    await holder.query('select pg_advisory_lock(1)')
    const first = await startProcess(t, 'worker', settings)
    const itemId = await createPublished(fixture)
    await waitFor('the first batch', async () => ((await waiting())[0]?.after ?? null) !== null)
    first.process.kill('SIGKILL')
    await new Promise((resolve) => first.process.once('exit', resolve))
    await holder.query('select pg_advisory_unlock(1)')
    const before = (await published()).length
    t.ok(before > 0 && before < SEARCHES, `${before} published when it was killed`)

    await Promise.all([1, 2].map(() => startProcess(t, 'worker', settings)))
    await waitFor('the rest', async () => (await waiting()).length === 0)
    const events = await published()
    const searches = new Set(events.map(({ payload }) => payload.savedSearchId))
    t.equal(events.length, SEARCHES)
    t.equal(searches.size, SEARCHES)
    t.ok(events.every(({ payload }) => payload.itemId === itemId))
  },
)
