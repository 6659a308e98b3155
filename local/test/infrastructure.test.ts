import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { type Infrastructure, startInfrastructure } from '#src/infrastructure.ts'
import { postgresHomes, removePostgresData } from '#src/postgres.ts'
import { createProcessTable, startTime } from '#src/process-table.ts'

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

t.test('PostgreSQL and RabbitMQ start, keep their data, and leave no process', async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'infrastructure-'))
  let running: Infrastructure | undefined
  t.teardown(async () => {
    await running?.stop()
    removePostgresData(stateDir)
    rmSync(stateDir, { recursive: true, force: true })
  })
  const start = async () => {
    running = await startInfrastructure({ stateDir })
    await Promise.all([running.postgresReady, running.rabbitmqReady])
    return running
  }
  const first = await start()
  await query(first.postgres.url('bid'), 'create table kept (n int); insert into kept values (7)')
  await t.rejects(
    query(first.postgres.url('bid').replace(/\/bid$/, '/identity'), 'select 1'),
    /permission denied/,
    'a service cannot enter another database',
  )
  const [settings] = await query(
    first.postgres.adminUrl,
    `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`,
  )
  t.strictSame(settings, { fsync: 'on', commit: 'on' })
  const pids = [...first.supervised.values()].map(({ process }) => process.pid)
  await first.stop()
  for (const pid of pids) t.equal(startTime(pid), undefined, `process ${pid} is gone`)
  const second = await start()
  t.strictSame(await query(second.postgres.url('bid'), 'select n from kept'), [{ n: 7 }])
})

t.test('a stop before everything is ready starts nothing again', async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'infrastructure-'))
  t.teardown(() => rmSync(stateDir, { recursive: true, force: true }))
  t.teardown(() => removePostgresData(stateDir))
  const begun = await startInfrastructure({ stateDir })
  const early = [...begun.supervised.values()].map(({ process }) => process.pid)
  await begun.stop()
  await Promise.allSettled([begun.postgresReady, begun.rabbitmqReady])
  const late = [...begun.supervised.values()].map(({ process }) => process.pid)
  t.teardown(() => createProcessTable(stateDir).clearLeftovers())
  t.strictSame(late, early, 'no process took the place of a stopped one')
  for (const pid of late) t.equal(startTime(pid), undefined, `process ${pid} is gone`)
})

t.test('what was started is stopped when a later step fails', async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'infrastructure-'))
  t.teardown(() => rmSync(stateDir, { recursive: true, force: true }))
  t.teardown(() => removePostgresData(stateDir))
  const { own, reachable } = postgresHomes(stateDir)
  // Only root has data elsewhere, when its folders are closed to the server's user.
  for (const home of process.getuid?.() === 0 ? [own, reachable] : [own]) {
    mkdirSync(dirname(home), { recursive: true })
    writeFileSync(home, 'a file where the data folder belongs')
  }
  await t.rejects(startInfrastructure({ stateDir }), { code: 'EEXIST' })
  t.strictSame(await createProcessTable(stateDir).clearLeftovers(), [], 'nothing is left')
})
