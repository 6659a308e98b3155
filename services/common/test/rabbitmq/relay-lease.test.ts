import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { clientConfig } from '#src/postgres/pool.ts'
import { outboxTransaction, writeOutbox } from '#src/rabbitmq/outbox.ts'
import { createLease } from '#src/rabbitmq/relay-lease.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import { createMessagingWorld, itemId, placed, QUEUE, sequencesOf } from './helper.ts'

const program = fileURLToPath(new URL('./fixtures/leading-relay.ts', import.meta.url))

t.test('a leader that is frozen loses the lead, and publishes nothing out of order', async (t) => {
  const world = await createMessagingWorld(t)
  const order = { url: world.broker.url, config: world.config }
  const leader = spawn(process.execPath, [program, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(async () => {
    leader.kill('SIGKILL')
    if (leader.exitCode === null && leader.signalCode === null) await once(leader, 'exit')
  })
  let said = ''
  leader.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  await waitFor('the leader', () => said === 'leads\n')
  const standby = world.relay({ pool: world.createPool() })
  const item = itemId()
  await world.write([placed(item, '10.00', 1)])
  await world.drain(QUEUE, 1)
  t.equal(standby.isActive(), false)
  leader.kill('SIGSTOP')
  await world.write([placed(item, '11.00', 2), placed(item, '12.00', 3)])
  await waitFor('the standby to lead', () => standby.isActive())
  const messages = await world.drain(QUEUE, 2)
  leader.kill('SIGCONT')
  await waitFor('the former leader to notice', () => said.endsWith('does not lead\n'))
  await world.write([placed(item, '13.00', 4)])
  messages.push(...(await world.drain(QUEUE, 1)))
  t.strictSame(sequencesOf(messages, item), [2, 3, 4])
  t.equal(await world.depth(QUEUE), 0)
})

t.test('an idle leader renews the lead between its polls', async (t) => {
  const world = await createMessagingWorld(t)
  const leader = world.relay({ pollIntervalMs: 600_000 })
  await waitFor('the leader', () => leader.isActive())
  const lastSaid = async () => {
    const { rows } = await world.pool.query<{ at: string }>(
      `select leader.state_change::text as at from pg_locks lock
       join pg_stat_activity leader using (pid)
       where lock.locktype = 'advisory' and lock.granted
         and lock.database = (select oid from pg_database where datname = current_database())`,
    )
    return rows[0]?.at
  }
  const seen = new Set<string>()
  await waitFor('three renewals', async () => {
    const at = await lastSaid()
    if (at !== undefined) seen.add(at)
    return seen.size >= 4
  })
  t.equal(leader.isActive(), true)
})

t.test('a lease that was not renewed for eight seconds is not held', async (t) => {
  const world = await createMessagingWorld(t)
  const client = await world.pool.connect()
  t.teardown(() => client.release())
  const lease = createLease(client, () => undefined)
  t.equal(lease.isHeld(), true)
  const { now } = performance
  t.teardown(() => {
    performance.now = now
  })
  performance.now = () => now.call(performance) + 8_000
  t.equal(lease.isHeld(), false)
  await lease.renewedBy(() => client.query('select 1'))
  t.equal(lease.isHeld(), true)
})

t.test(
  'a leader whose renewal was cancelled gives up the lead, and does not keep it idly',
  async (t) => {
    const world = await createMessagingWorld(t)
    const pool = world.createPool()
    let renewals = 0
    // The first renewal lasts until it is cancelled.
    pool.on('connect', (client) => {
      const query = client.query.bind(client) as (...args: unknown[]) => unknown
      const slow = (...args: unknown[]) => {
        if (args[0] !== 'select 1') return query(...args)
        renewals += 1
        return query(renewals === 1 ? 'select pg_sleep(600)' : 'select 1')
      }
      client.query = slow as typeof client.query
    })
    await waitFor('the publisher', () => world.publisher.isReady())
    const leader = world.relay({ pool, publisher: world.publisher, pollIntervalMs: 600_000 })
    await waitFor('the leader', () => leader.isActive())
    await waitFor('the renewal to be cancelled', async () => {
      const { rows } = await world.pool.query(
        `select pg_cancel_backend(pid) from pg_stat_activity
       where datname = current_database() and query = 'select pg_sleep(600)' and state = 'active'`,
      )
      return rows.length === 1
    })
    const item = itemId()
    await outboxTransaction(world.db, (tx) => writeOutbox(tx, [placed(item, '10.00', 1)]))
    const messages = await world.drain(QUEUE, 1)
    t.strictSame(sequencesOf(messages, item), [1])
    t.equal(leader.isActive(), true)
  },
)

t.test('the server gives up a client whose host vanished after ten seconds', async (t) => {
  const world = await createMessagingWorld(t)
  const shown = async (name: string) =>
    (await world.pool.query(`select current_setting('${name}') as value`)).rows[0].value
  t.match(clientConfig(world.config, 'test').options, 'tcp_user_timeout')
  t.equal(await shown('tcp_keepalives_idle'), '5')
  t.equal(await shown('tcp_keepalives_interval'), '2')
  t.equal(await shown('tcp_keepalives_count'), '3')
  t.match(await shown('tcp_user_timeout'), /^10(000|s)$/)
})
