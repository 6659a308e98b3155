import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createProcessTable } from '#src/process-table.ts'
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
  const spec = { name: 'orphan', command: 'sleep', args: ['300'], env: { PATH: process.env.PATH } }
  const orphan = createProcessTable(platform).spawn(spec)
  t.teardown(() => orphan.signal('SIGKILL'))
  t.strictSame(await clearTestFolder(run), ['orphan'])
  t.equal(await orphan.exited, 'SIGKILL')
  t.equal(existsSync(run), false)
})

t.test('a folder of a checkout that is gone is found, and no other', async (t) => {
  const parent = t.testdir({ checkout: {}, 'auction-test-unknown': {}, 'auction-test-file': '' })
  const at = (name: string) => join(parent, name)
  makeOwnFolder(at('auction-test-gone'), at('deleted'))
  makeOwnFolder(at('auction-test-used'), at('checkout'))
  makeOwnFolder(at('other'), at('deleted'))
  symlinkSync(at('auction-test-gone'), at('auction-test-link'))
  t.strictSame(abandonedFolders(parent), [at('auction-test-gone')])
})
