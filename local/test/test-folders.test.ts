import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startTime } from '#src/process-table.ts'
import {
  abandonedFolders,
  clearTestFolder,
  isOursOrMissing,
  makeOwnFolder,
  testFolders,
} from '#src/test-folders.ts'

t.test(
  'a run finds the folders of the one before it, and those of no other checkout',
  async (t) => {
    t.same(testFolders('/one/'), testFolders('/one/'))
    t.not(testFolders('/one/').memory, testFolders('/other/').memory)
  },
)

t.test('a folder in memory is used when it is ours or not there, and is no link', async (t) => {
  const parent = t.testdir()
  const at = (name: string) => join(parent, name)
  mkdirSync(at('folder'))
  writeFileSync(at('file'), '')
  symlinkSync(at('folder'), at('link'))
  t.equal(isOursOrMissing(at('missing')), true)
  t.equal(isOursOrMissing(at('folder')), true)
  t.equal(isOursOrMissing(at('file')), false)
  t.equal(isOursOrMissing(at('link')), false)
  t.equal(makeOwnFolder(at('link'), parent), false)
  t.equal(makeOwnFolder(at('file'), parent), false)
  t.strictSame(readdirSync(at('folder')), [], 'nothing is written through the link')
  t.equal(makeOwnFolder(at('folder'), parent), true)
  t.equal(makeOwnFolder(at('new'), parent), true)
  t.equal(lstatSync(at('new')).mode & 0o777, 0o711, 'the user of PostgreSQL passes through')
})

t.test('the platforms of killed tests end with the run', async (t) => {
  const run = join(t.testdir(), 'run')
  const platform = join(run, 'tmp/auction-one')
  mkdirSync(join(run, 'tmp/no-platform'), { recursive: true })
  mkdirSync(platform)
  const pid = leaveOrphan(platform)
  t.teardown(() => endOrphan(pid))
  t.not(startTime(pid), undefined, 'it runs on without its runner')
  t.strictSame(await clearTestFolder(run), ['orphan'])
  t.equal(startTime(pid), undefined)
  t.equal(existsSync(run), false)
})

/** A process of a runner that was killed, which writes down nothing any more; answers its id. */
function leaveOrphan(stateDir: string): number {
  const script = `
    import { createProcessTable } from '#src/process-table.ts'
    const spec = { name: 'orphan', command: 'sleep', args: ['300'], env: process.env }
    console.log(createProcessTable(${JSON.stringify(stateDir)}).spawn(spec).pid)
    process.kill(process.pid, 'SIGKILL')`
  const options = { cwd: import.meta.dirname, encoding: 'utf8' } as const
  const { stdout, stderr, signal } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', script],
    options,
  )
  if (signal !== 'SIGKILL') throw new Error(`the runner was not killed: ${stderr}`)
  return Number(stdout)
}

function endOrphan(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Ended by the test.
  }
}

t.test('a folder of a checkout that is gone is found, and no other', async (t) => {
  const parent = t.testdir({ checkout: {}, 'auction-test-unknown': {}, 'auction-test-file': '' })
  const at = (name: string) => join(parent, name)
  makeOwnFolder(at('auction-test-gone'), at('deleted'))
  makeOwnFolder(at('auction-test-used'), at('checkout'))
  makeOwnFolder(at('other'), at('deleted'))
  symlinkSync(at('auction-test-gone'), at('auction-test-link'))
  t.strictSame(abandonedFolders(parent), [at('auction-test-gone')])
})
