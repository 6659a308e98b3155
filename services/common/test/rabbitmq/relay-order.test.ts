import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { PoolClient } from 'pg'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { bidWon } from '#src/contracts/bid.ts'
import { createEvent, type OutboxEvent } from '#src/contracts/event.ts'
import { OUTBOX_CHANNEL } from '#src/rabbitmq/outbox.ts'
import { formatEvent, joinEvents } from '#src/rabbitmq/outbox-format.ts'
import type { Publisher } from '#src/rabbitmq/publisher.ts'
import { createRegistry } from '#src/telemetry/metrics.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import {
  createMessagingWorld,
  itemId,
  placed,
  QUEUE,
  sequencesOf,
  traceless,
  WON_QUEUE,
} from './helper.ts'

const program = fileURLToPath(new URL('./fixtures/leading-relay.ts', import.meta.url))

type World = Awaited<ReturnType<typeof createMessagingWorld>>

/** A numbered event on another queue than that of placed bids. */
const numbered = (item: string, sequence: number): OutboxEvent =>
  createEvent(
    bidWon,
    { aggregateId: item, sequence, trace: traceless },
    { itemId: item, buyerId: itemId(), finalAmount: '10.00' },
  )

const INSERT = 'insert into outbox (id, events) values ($1, $2)'
const rowOf = (...events: OutboxEvent[]) => [uuidv7(), joinEvents(events.map(formatEvent))]

/** Begins a transaction that may stay open for as long as the test needs it. */
async function begin(world: World): Promise<PoolClient> {
  const client = await world.createPool().connect()
  await client.query('begin; set local idle_in_transaction_session_timeout = 0')
  return client
}

/** Begins a transaction that has its seq, and has not committed. */
async function openTransaction(world: World, event: OutboxEvent): Promise<PoolClient> {
  const client = await begin(world)
  await client.query(INSERT, rowOf(event))
  return client
}

/** A relay that reads only when it is woken. */
async function relayOnDemand(world: World, publisher: Publisher = world.publisher) {
  const registry = createRegistry('test')
  await waitFor('the topology', () => publisher.isReady())
  const relay = world.relay({ publisher, registry, pollIntervalMs: 600_000 })
  await waitFor('the relay', () => relay.isActive())
  return {
    wake: () => world.pool.query(`notify ${OUTBOX_CHANNEL}`),
    async count(outcome: string): Promise<number> {
      const metric = await registry.getSingleMetric('outbox_published_total')?.get()
      const found = metric?.values.filter(({ labels }) => labels.outcome === outcome) ?? []
      return found.reduce((sum, { value }) => sum + value, 0)
    },
  }
}

t.test(
  'a row that commits late is published before later ones of its lot, also while others are held',
  async (t) => {
    const world = await createMessagingWorld(t)
    const { wake, count } = await relayOnDemand(world)
    const channel = await world.channel()
    await channel.unbindQueue(QUEUE, 'auction.bid', 'bid.placed.v1')
    await world.pool.query(INSERT, rowOf(placed(itemId(), '10.00', 1)))
    await wake()
    await waitFor('an aggregate to be held', async () => (await count('returned')) > 0)
    const [late, other] = [itemId(), itemId()]
    const transaction = await openTransaction(world, numbered(late, 1))
    await world.pool.query(INSERT, rowOf(numbered(other, 1)))
    await wake()
    const messages = await world.drain(WON_QUEUE, 1)
    t.strictSame(sequencesOf(messages, other), [1], 'a higher seq was read')
    await transaction.query('commit')
    transaction.release()
    // Only now, because the lock of the lot keeps its second transaction waiting for the first.
    await world.pool.query(INSERT, rowOf(numbered(late, 2)))
    await wake()
    messages.push(...(await world.drain(WON_QUEUE, 2)))
    t.strictSame(sequencesOf(messages, late), [1, 2])
  },
)

t.test('the next page is published while the last one is confirmed, and in order', async (t) => {
  const world = await createMessagingWorld(t)
  // Confirms wait here until the test lets them through.
  let gate: Promise<void> | undefined
  let open = () => {}
  const close = () => {
    gate = new Promise<void>((resolve) => {
      open = resolve
    })
  }
  const publisher: Publisher = {
    ...world.publisher,
    publish: (message) => world.publisher.publish(message).finally(() => gate),
  }
  const { wake } = await relayOnDemand(world, publisher)
  close()
  const [late, other] = [itemId(), itemId()]
  const transaction = await openTransaction(world, numbered(late, 1))
  await world.pool.query(INSERT, rowOf(numbered(other, 1)))
  await wake()
  const messages = await world.drain(WON_QUEUE, 1)
  await transaction.query('commit')
  transaction.release()
  await world.pool.query(INSERT, rowOf(numbered(late, 2)))
  await wake()
  messages.push(...(await world.drain(WON_QUEUE, 2)))
  t.strictSame(sequencesOf(messages, other), [1])
  t.strictSame(sequencesOf(messages, late), [1, 2])
  t.equal(await world.unsent(), 3, 'no confirm has come')
  open()
  await waitFor('the marks', async () => (await world.unsent()) === 0)
  t.equal(await world.depth(WON_QUEUE), 0, 'nothing was published twice')
})

t.test('a relay that is killed between publishing and marking loses nothing', async (t) => {
  const world = await createMessagingWorld(t)
  const item = itemId()
  const sequences = Array.from({ length: 500 }, (_, index) => index + 1)
  for (const sequence of sequences)
    await world.pool.query(INSERT, rowOf(placed(item, '10.00', sequence)))
  // The mark waits for this lock; reading and publishing do not.
  const holder = await begin(world)
  await holder.query('select from outbox for update')
  const order = JSON.stringify({ url: world.broker.url, config: world.config })
  const leader = spawn(process.execPath, [program, order], { stdio: 'ignore' })
  const exited = once(leader, 'exit')
  const messages = await world.drain(QUEUE, sequences.length)
  leader.kill('SIGKILL')
  await exited
  // Its mark is on its way already, and would be made as soon as the lock is free.
  await waitFor('the end of its session', async () => {
    const { rows } = await world.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`,
    )
    return rows.length === 0
  })
  await holder.query('rollback')
  holder.release()
  t.equal(await world.unsent(), sequences.length, 'nothing was marked')
  world.relay()
  messages.push(...(await world.drain(QUEUE, sequences.length)))
  await waitFor('the marks', async () => (await world.unsent()) === 0)
  messages.push(...(await world.drain(QUEUE, 0)))
  const seen = sequencesOf(messages, item)
  t.strictSame([...new Set(seen)], sequences, 'first appearances are all there and in order')
  t.strictSame(seen.slice(-sequences.length), sequences, 'so are the last ones')
})

t.test('marks do not wait for the disk, every other commit does', async (t) => {
  const world = await createMessagingWorld(t)
  await world.pool.query(`
    create table commits (what text, synchronous text);
    create function note() returns trigger language plpgsql as $$ begin
      insert into commits values (tg_op, current_setting('synchronous_commit')); return null; end $$;
    create trigger note after insert or update on outbox for each row execute function note()`)
  world.relay()
  await world.write([placed(itemId(), '10.00', 1)])
  await waitFor('the mark', async () => (await world.unsent()) === 0)
  const { rows } = await world.pool.query<{ what: string; synchronous: string }>(
    'select what, synchronous from commits',
  )
  const seen = new Map(rows.map(({ what, synchronous }) => [what, synchronous]))
  t.strictSame(
    seen,
    new Map([
      ['INSERT', 'on'],
      ['UPDATE', 'off'],
    ]),
  )
})
