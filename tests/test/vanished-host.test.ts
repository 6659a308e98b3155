import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bidPlaced } from '@auction/common/contracts/bid.ts'
import { createEvent } from '@auction/common/contracts/event.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { messagingMigrations, migrate } from '@auction/common/postgres/migrate.ts'
import { createPool, type PostgresConfig } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { connectBroker } from '@auction/common/rabbitmq/connection.ts'
import { writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import { createPublisher } from '@auction/common/rabbitmq/publisher.ts'
import { startOutboxRelay } from '@auction/common/rabbitmq/relay.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { createTestBroker } from '@auction/common/testing/broker.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import { freePorts } from '@auction/common/testing/ports.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { preparePostgres, removePostgresData, untilPostgresReady } from '@auction/local/postgres.ts'
import { createProcessTable } from '@auction/local/process-table.ts'
import pg from 'pg'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { createOtherHost, type OtherHost, whyNoOtherHost } from './network-namespace.ts'

const program = fileURLToPath(
  new URL('../../services/common/test/rabbitmq/fixtures/leading-relay.ts', import.meta.url),
)
// Both declare the same queues. Nothing is retried here.
const RETRY_TIERS = [{ name: '5s', delayMs: 5_000 }]
const log = createLogger('test', 'silent')
const reason = whyNoOtherHost()

t.test(
  'a relay whose host vanishes without a word loses the lead, and its standby publishes what waits',
  reason === undefined ? {} : { skip: reason },
  async (t) => {
    const host = createOtherHost(t)
    const config = await startPostgresFor(t, host)
    const broker = await createTestBroker(t)
    const pool = openPool(t, config)
    await migrate(pool, [messagingMigrations], log)

    const order = {
      url: await reachable(t, host, new URL(broker.url)),
      config: { ...config, POSTGRES_HOST: host.address },
      retryTiers: RETRY_TIERS,
    }
    const leader = spawn(...host.command(process.execPath, [program, JSON.stringify(order)]), {
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

    const connection = connectBroker({
      url: broker.url,
      name: 'standby',
      log,
      retryTiers: RETRY_TIERS,
    })
    const publisher = createPublisher(connection, 'standby')
    const registry = createRegistry('standby')
    const standby = startOutboxRelay({ pool, publisher, log, registry })
    t.teardown(async () => {
      await standby.close()
      await publisher.close()
      await connection.close()
    })
    const item = uuidv7()
    const write = (sequence: number) =>
      createDatabase(pool)
        .transaction()
        .execute((tx) =>
          writeOutbox(tx, [
            createEvent(
              bidPlaced,
              {
                aggregateId: item,
                sequence,
                trace: { traceparent: '', traceId: 'a'.repeat(32), correlationId: 'test' },
              },
              { itemId: item, amount: '10.00', sequence },
            ),
          ]),
        )
    const unsent = async () =>
      (await pool.query('select 1 from outbox where sent_at is null')).rowCount
    await write(1)
    await waitFor('the leader to publish', async () => (await unsent()) === 0)
    t.equal(standby.isActive(), false)

    host.vanish()
    const vanishedAtMs = performance.now()
    await write(2)
    await waitFor('the standby to lead', () => standby.isActive())
    const seconds = (performance.now() - vanishedAtMs) / 1000
    await waitFor('the event to be published', async () => (await unsent()) === 0)
    t.comment(`the standby leads ${seconds.toFixed(1)} s after the host vanished`)
    t.equal(leader.exitCode, null, 'the former leader still runs, where nothing reaches it')
  },
)

/** A server that also listens on the cable; the one of `make test` is reached by loopback only. */
async function startPostgresFor(t: Teardown, host: OtherHost): Promise<PostgresConfig> {
  const stateDir = mkdtempSync(join(tmpdir(), 'auction-vanished-'))
  const [port = 0] = await freePorts(1)
  const password = 'of-a-test'
  const { spec, adminUrl } = await preparePostgres({
    stateDir,
    port,
    adminPassword: password,
    log: () => undefined,
  })
  const [, data = ''] = spec.args
  appendFileSync(join(data, 'pg_hba.conf'), `host all all ${host.network} scram-sha-256\n`)
  const server = createProcessTable(stateDir).spawn({
    ...spec,
    args: [...spec.args, '-c', `listen_addresses=127.0.0.1,${host.address}`],
  })
  t.teardown(async () => {
    await server.stop()
    removePostgresData(stateDir)
    rmSync(stateDir, { recursive: true, force: true })
  })
  await untilPostgresReady(adminUrl, server.isRunning)
  const admin = new pg.Client({ connectionString: adminUrl })
  await admin.connect()
  await admin.query('create database relay')
  await admin.end()
  return {
    POSTGRES_HOST: '127.0.0.1',
    POSTGRES_PORT: port,
    POSTGRES_USERNAME: 'postgres',
    POSTGRES_PASSWORD: password,
    POSTGRES_DATABASE: 'relay',
    POSTGRES_SSLMODE: 'disable',
    POSTGRES_POOL_MAX: 5,
  }
}

function openPool(t: Teardown, config: PostgresConfig): pg.Pool {
  const pool = createPool(config, { log })
  t.teardown(() => pool.end())
  return pool
}

/** The broker at an address that the other host reaches. How its connections end matters to no one here. */
async function reachable(t: Teardown, { address }: OtherHost, broker: URL): Promise<string> {
  const server = createServer((near) => {
    const far = connect(Number(broker.port), broker.hostname)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.pipe(to)
      from.on('error', () => undefined)
      from.on('close', () => to.destroy())
    }
    t.teardown(() => near.destroy())
  })
  server.listen(0, address)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = new URL(broker)
  url.host = `${address}:${(server.address() as { port: number }).port}`
  return url.href
}
