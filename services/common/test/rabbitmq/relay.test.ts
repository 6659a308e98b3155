import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { outboxTransaction, writeOutbox } from '#src/rabbitmq/outbox.ts'
import { createRegistry } from '#src/telemetry/metrics.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import { createMessagingWorld, itemId, placed, QUEUE, sequencesOf } from './helper.ts'

t.test(
  'seed bug 12: what is committed is published with the standard headers, and only that',
  async (t) => {
    const world = await createMessagingWorld(t)
    world.relay()
    const item = itemId()
    await world.write([placed(item, '10.00', 1), placed(item, '11.00', 2)])
    await world.db
      .transaction()
      .execute(async (tx) => {
        await writeOutbox(tx, [placed(item, '12.00', 3)])
        throw new Error('rolled back')
      })
      .catch(() => undefined)
    const messages = await world.drain(QUEUE, 2)
    t.strictSame(sequencesOf(messages, item), [1, 2])
    t.match(messages[0]?.headers, {
      'x-service': 'bid',
      'x-trace-id': 'a'.repeat(32),
      'x-correlation-id': 'test',
      traceparent: /^00-/,
    })
    t.equal(messages[0]?.id, JSON.parse(messages[0]?.content ?? '').id, 'the id is the envelope’s')
    await waitFor('everything marked sent', async () => (await world.unsent()) === 0)
    t.equal(await world.depth(QUEUE), 0)
  },
)

t.test('two relays on one database: one is active, the other takes over', async (t) => {
  const world = await createMessagingWorld(t)
  const first = world.relay()
  await waitFor('the first to lead', () => first.isActive())
  const second = world.relay({ pool: world.createPool() })
  await world.write([placed(itemId(), '10.00', 1)])
  await world.drain(QUEUE, 1)
  t.notOk(second.isActive())
  await first.close()
  await waitFor('the second to lead', () => second.isActive())
  await world.write([placed(itemId(), '10.00', 2)])
  await world.drain(QUEUE, 1)
})

t.test('a relay that fails between confirm and mark publishes the same again', async (t) => {
  const world = await createMessagingWorld(t)
  await world.pool.query(`
    create function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'the database fails now'; end $$;
    create trigger refuse before update on outbox for each row execute function refuse()`)
  world.relay()
  await world.write([placed(itemId(), '10.00', 1)])
  const messages = await world.drain(QUEUE, 2)
  t.equal(new Set(messages.map(({ id }) => id)).size, 1)
  t.equal(await world.unsent(), 1)
  await world.pool.query('drop trigger refuse on outbox')
  await waitFor('the mark', async () => (await world.unsent()) === 0)
})

t.test('a lost database session gives the lock up and the relay starts over', async (t) => {
  const world = await createMessagingWorld(t)
  const relay = world.relay()
  await waitFor('active', () => relay.isActive())
  const { rows } = await world.pool.query(
    `select pg_terminate_backend(pid) from pg_locks
     where locktype = 'advisory' and pid <> pg_backend_pid()
       and database = (select oid from pg_database where datname = current_database())`,
  )
  t.equal(rows.length, 1)
  await waitFor('the loss', () => !relay.isActive())
  await world.write([placed(itemId(), '10.00', 1)])
  await world.drain(QUEUE, 1)
})

t.test('a transaction that writes events wakes the relay long before its poll would', async (t) => {
  const world = await createMessagingWorld(t)
  await waitFor('the publisher', () => world.publisher.isReady())
  const relay = world.relay({ pollIntervalMs: 60_000, publisher: world.publisher })
  await waitFor('active', () => relay.isActive())
  for (let sequence = 1; sequence <= 3; sequence += 1) {
    await outboxTransaction(world.db, (tx) =>
      writeOutbox(tx, [placed(itemId(), '10.00', sequence)]),
    )
    await world.drain(QUEUE, 1)
  }
})

t.test('without any notification the poll finds what was committed', async (t) => {
  const world = await createMessagingWorld(t)
  world.relay({ pollIntervalMs: 20 })
  await world.write([placed(itemId(), '10.00', 1)])
  await world.drain(QUEUE, 1)
})

t.test('rows sent long ago are deleted, unsent and young ones are kept', async (t) => {
  const world = await createMessagingWorld(t)
  const old = () => uuidv7({ msecs: Date.now() - 8 * 86_400_000 })
  const kept = [old(), uuidv7()]
  await world.pool.query(
    `insert into outbox (id, events, sent_at)
       select id, '[]', clock_timestamp() from unnest($1::uuid[]) id`,
    [[...Array.from({ length: 2_500 }, old), kept[1]]],
  )
  await waitFor('the topology', () => world.publisher.isReady())
  const channel = await world.channel()
  await channel.unbindQueue(QUEUE, 'auction.bid', 'bid.placed.v1')
  await world.pool.query('insert into outbox (id, events) values ($1, $2)', [
    kept[0],
    JSON.stringify([placed(itemId(), '10.00', 1)]),
  ])
  world.relay({ publisher: world.publisher })
  await waitFor('the purge', async () => {
    const { rows } = await world.pool.query('select id from outbox')
    return rows.length <= kept.length
  })
  const { rows } = await world.pool.query('select id from outbox order by id')
  t.strictSame(
    rows.map(({ id }) => id),
    kept.sort(),
  )
})

t.test('the metrics show what waits and how long publishing took', async (t) => {
  const world = await createMessagingWorld(t)
  const registry = createRegistry('test')
  await world.write([placed(itemId(), '10.00', 1)])
  await world.write([placed(itemId(), '10.00', 1)])
  const relay = world.relay({ registry, pool: world.createPool() })
  await waitFor('sent', async () => (await world.unsent()) === 0)
  await relay.close()
  const writtenAtMs = performance.now()
  await world.write([placed(itemId(), '10.00', 1)])
  const text = await registry.metrics()
  const agedMaxSeconds = (performance.now() - writtenAtMs) / 1_000
  t.match(text, /outbox_unsent_rows\{service="test"\} 1\n/)
  const [, age] = /outbox_oldest_unsent_seconds\{service="test"\} (\d+\.\d+)/.exec(text) ?? []
  t.ok(Number(age) > 0 && Number(age) <= agedMaxSeconds, `${age} of ${agedMaxSeconds} seconds`)
  t.match(
    text,
    /outbox_published_total\{key="bid.placed.v1",outcome="confirmed",service="test"\} 2\n/,
  )
  t.match(text, /outbox_publish_latency_seconds_count\{service="test"\} 2\n/)
})

t.test('the outbox does not wait for a fifth of it before it is vacuumed', async (t) => {
  const world = await createMessagingWorld(t)
  const { rows } = await world.pool.query<{ setting: string; value: number }>(
    `select option_name as setting, option_value::float8 as value
     from pg_class, pg_options_to_table(reloptions) where oid = 'outbox'::regclass`,
  )
  const settings = new Map(rows.map(({ setting, value }) => [setting, value]))
  for (const kind of ['vacuum', 'analyze'])
    t.ok((settings.get(`autovacuum_${kind}_scale_factor`) ?? 0.2) <= 0.02, kind)
})

t.test('the events of a large batch are not compressed by pglz', async (t) => {
  const world = await createMessagingWorld(t)
  const { rows } = await world.pool.query<{ how: string }>(
    `select case when attstorage = 'e' then 'plain' else attcompression::text end as how
     from pg_attribute where attrelid = 'outbox'::regclass and attname = 'events'`,
  )
  const { rows: settings } = await world.pool.query<{ hasLz4: boolean }>(
    `select 'lz4' = any(enumvals) as "hasLz4" from pg_settings
     where name = 'default_toast_compression'`,
  )
  t.equal(rows[0]?.how, settings[0]?.hasLz4 === true ? 'l' : 'plain')
})
