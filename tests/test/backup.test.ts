import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t, { type Test } from 'tap'

const path = (of: string) => fileURLToPath(new URL(of, import.meta.url))
const BACKUP = path('../../k8s/backup.sh')
const FAKE = path('../data/backup')
const REPLICAS = {
  'auction-identity-api': 2,
  'auction-identity-worker': 1,
  'auction-auction-api': 2,
  'auction-auction-worker': 3,
  'auction-bid-api': 2,
  'auction-bid-worker': 2,
  'auction-web-server': 1,
}

/** A cluster as far as the script asks about it; the real one is tried by the phase `restore`. */
function start(t: Test) {
  const state = t.testdir({ deployments: {}, annotations: {}, broken: {}, dumps: {} })
  const write = (file: string, text: string | number = '') =>
    writeFileSync(join(state, file), `${text}\n`)
  for (const [name, count] of Object.entries(REPLICAS)) write(`deployments/${name}`, count)
  const read = (file: string) => {
    const at = join(state, file)
    return existsSync(at) ? readFileSync(at, 'utf8').trim() : ''
  }
  const folder = join(state, 'dumps')
  const begin = (command: string, env: Record<string, string> = {}) => {
    const child = spawn(BACKUP, [command, folder], {
      env: {
        ...process.env,
        PATH: `${FAKE}:${process.env.PATH}`,
        STATE: state,
        PATIENCE_SECONDS: '2',
        ...env,
      },
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
    const ended = new Promise<{ code: number | null; said: string }>((resolve) =>
      child.on('close', (code) => resolve({ code, said })),
    )
    return { child, ended }
  }
  return {
    write,
    read,
    begin,
    folder,
    run: (command: string, env?: Record<string, string>) => begin(command, env).ended,
    running: () =>
      Object.fromEntries(
        Object.keys(REPLICAS).map((name) => [name, Number(read(`deployments/${name}`))]),
      ),
    files: () => readdirSync(folder).sort(),
    done: () => read('done').split('\n').filter(Boolean),
    /** Everything is as before the run: nothing locked, nothing paused, nothing noted. */
    isTidy: () =>
      !existsSync(join(state, 'lock')) &&
      !existsSync(join(state, 'paused')) &&
      readdirSync(join(state, 'annotations')).length === 0,
  }
}

const DUMPS = ['SHA256SUMS', 'auction.dump', 'bid.dump', 'identity.dump']
const NONE = '0,0,0,0,0,0,0'

t.test('a dump is taken with nothing running, and everything runs again', async (t) => {
  const world = start(t)
  const { code, said } = await world.run('dump')
  t.equal(code, 0, said)
  t.match(said, /WARNING: 2 dead letters/)
  t.same(world.files(), DUMPS)
  for (const service of ['identity', 'auction', 'bid'])
    t.equal(world.read(`dumps/${service}.dump`), `${service} running ${NONE}`)
  t.same(world.running(), REPLICAS)
  t.ok(world.isTidy())
  const restored = await world.run('restore')
  t.equal(restored.code, 0, restored.said)
  const dropped = `drop running ${NONE}`
  t.same(world.done(), [
    // A message that is to be retried returns to its queue, so that one is purged later.
    'purge auction.bid.placed.v1.retry.5s',
    'purge auction.bid.placed.v1',
    ...[dropped, 'restored', dropped, 'restored', dropped, 'restored'],
    ...['verified', 'verified'],
  ])
  t.same(world.running(), REPLICAS)
  t.ok(world.isTidy())
})

t.test('an event that a timer wrote while workers stopped is delivered first', async (t) => {
  const world = start(t)
  world.write('timer')
  const { code, said } = await world.run('dump')
  t.equal(code, 0, said)
  t.match(said, /a timer wrote events meanwhile: once more/)
  t.equal(world.read('dumps/bid.dump'), `bid running ${NONE}`)
  t.same(world.running(), REPLICAS)
})

t.test('what cannot be counted is not taken for none', async (t) => {
  for (const broken of ['pods', 'queues'] as const) {
    const world = start(t)
    await world.run('dump')
    world.write(`broken/${broken}`)
    for (const command of ['dump', 'restore']) {
      const { code } = await world.run(command)
      t.not(code, 0, `${command} without ${broken}`)
    }
    t.same(world.done(), [], 'nothing was dropped or purged')
    t.same(world.running(), REPLICAS)
    t.ok(world.isTidy())
  }
})

t.test('another release, a half folder and a cut dump stop it before anything stops', async (t) => {
  const world = start(t)
  t.match(await world.run('dump', { REAL_RELEASE: 'prod' }), { code: 1, said: /is RELEASE right/ })
  t.match(await world.run('restore'), { code: 1, said: /has no SHA256SUMS/ })
  await world.run('dump')
  world.write('dumps/bid.dump', 'tampered with')
  t.match(await world.run('restore'), { code: 1, said: /not as it was dumped/ })
  t.same(world.done(), [])
  t.same(world.running(), REPLICAS)
})

t.test(
  'a database that was added is dumped, and an older dump is not restored beside it',
  async (t) => {
    const world = start(t)
    const DATABASES = 'identity auction bid tally'
    world.write('deployments/auction-tally-api', 1)
    world.write('deployments/auction-tally-worker', 1)
    await world.run('dump')
    const older = await world.run('restore', { DATABASES })
    t.match(older, { code: 1, said: /Install the version of the dump first/ })
    t.same(world.done(), [])
    t.equal((await world.run('dump', { DATABASES })).code, 0)
    t.same(world.files(), [...DUMPS, 'tally.dump'])
    const restored = await world.run('restore', { DATABASES })
    t.equal(restored.code, 0, restored.said)
    t.equal(world.done().filter((line) => line === 'restored').length, 4)
  },
)

t.test('databases are found by the name that fullnameOverride gives them', async (t) => {
  const world = start(t)
  const dumped = await world.run('dump', { DATA: 'store', PREFIX: 'store' })
  t.equal(dumped.code, 0, dumped.said)
  t.same(world.files(), DUMPS)
})

t.test('no database at all is an error', async (t) => {
  const world = start(t)
  t.match(await world.run('dump', { DATABASES: '' }), {
    code: 1,
    said: /are DATA and NAMESPACE right/,
  })
  t.same(world.running(), REPLICAS)
})

t.test('a dump that fails leaves the one before it whole', async (t) => {
  const world = start(t)
  await world.run('dump')
  const before = world.read('dumps/SHA256SUMS')
  world.write('broken/dump-auction')
  t.not((await world.run('dump')).code, 0)
  t.equal(world.read('dumps/SHA256SUMS'), before)
  t.same(world.running(), REPLICAS)
  t.equal((await world.run('restore')).code, 0, 'of one moment still')
})

t.test('a dump that is cut off is none', async (t) => {
  const world = start(t)
  world.write('broken/cut')
  t.match(await world.run('dump'), { code: 1, said: /is not whole/ })
  t.notOk(world.files().includes('SHA256SUMS'))
  t.same(world.running(), REPLICAS)
})

t.test('what cannot be started again is said', async (t) => {
  const world = start(t)
  world.write('broken/scale')
  t.match(await world.run('dump'), { code: 1, said: /NOT everything could be started/ })
})

t.test('a signal starts the platform again', async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const world = start(t)
    world.write('broken/wait')
    const { child, ended } = world.begin('dump', { PATIENCE_SECONDS: '60' })
    await waitFor('it to wait', () => existsSync(join(world.folder, '../waiting')))
    child.kill(signal)
    const { code } = await ended
    t.equal(code, signal === 'SIGINT' ? 130 : 143)
    t.same(world.running(), REPLICAS, signal)
    t.ok(world.isTidy())
  }
})

t.test('half a restore stays down, says so, and another one brings back what ran', async (t) => {
  const world = start(t)
  await world.run('dump')
  world.write('deployments/auction-web-server', 0)
  world.write('broken/drop')
  t.match(await world.run('restore'), { code: 1, said: /LEFT STOPPED/ })
  t.ok(Object.values(world.running()).every((count) => count === 0))
  rmSync(join(world.folder, '../broken/drop'))
  const again = await world.run('restore')
  t.equal(again.code, 0, again.said)
  t.same(world.running(), { ...REPLICAS, 'auction-web-server': 0 }, 'what was at none stays there')
  t.ok(world.isTidy())
})

t.test('two runs do not meet', async (t) => {
  const world = start(t)
  world.write('lock')
  t.match(await world.run('dump'), { code: 1, said: /Another run is at work/ })
  t.same(world.running(), REPLICAS)
})
