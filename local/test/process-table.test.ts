import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { createProcessTable, startTime } from '#src/process-table.ts'

const env = { PATH: process.env.PATH }
const TABLE = new URL('../src/process-table.ts', import.meta.url).href

function folder(t: { teardown(step: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'process-table-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

t.test('a process is stopped with its children, and its output is in its log', async (t) => {
  const table = createProcessTable(folder(t))
  const process = table.spawn({
    name: 'family',
    command: 'sh',
    args: ['-c', 'sleep 300 & echo child $!; wait'],
    env,
  })
  const child = await waitFor('the child', () => {
    const match = /child (\d+)/.exec(readFileSync(table.logFile('family'), 'utf8'))
    return match?.[1] === undefined ? undefined : Number(match[1])
  })
  t.ok(startTime(child))
  await process.stop(2_000)
  t.notOk(process.isRunning())
  await waitFor('the child to be gone', () => startTime(child) === undefined)
})

t.test('what ignores the request to stop is killed', async (t) => {
  const table = createProcessTable(folder(t))
  const process = table.spawn({
    name: 'deaf',
    command: 'sh',
    args: ['-c', 'trap "" TERM; echo up; while :; do sleep 1; done'],
    env,
  })
  await waitFor('the start', () => readFileSync(table.logFile('deaf'), 'utf8').includes('up'))
  await process.stop(100)
  t.equal(await process.exited, 'SIGKILL')
})

t.test('what a runner killed with -9 has left is found and ended by the next one', async (t) => {
  const stateDir = folder(t)
  const script = `
    import { createProcessTable } from ${JSON.stringify(TABLE)}
    const table = createProcessTable(${JSON.stringify(stateDir)})
    const left = table.spawn({ name: 'orphan', command: 'sleep', args: ['300'], env: process.env })
    console.log(left.pid)
    setInterval(() => {}, 1000)`
  const runner = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pid = await new Promise<number>((resolve) => {
    runner.stdout.once('data', (data: Buffer) => resolve(Number(data.toString())))
  })
  const gone = new Promise((resolve) => runner.once('exit', resolve))
  runner.kill('SIGKILL')
  await gone
  t.ok(startTime(pid), 'it outlives its runner')
  t.strictSame(await createProcessTable(stateDir).clearLeftovers(), ['orphan'])
  t.equal(startTime(pid), undefined)
})

t.test('a pid that belongs to another process by now is left alone', async (t) => {
  const stateDir = folder(t)
  const stranger = spawn('sleep', ['300'])
  t.teardown(() => stranger.kill('SIGKILL'))
  const entry = { name: 'old', pid: stranger.pid, startedAt: 'another time' }
  writeFileSync(join(stateDir, 'processes.json'), JSON.stringify([entry]))
  t.strictSame(await createProcessTable(stateDir).clearLeftovers(), [])
  t.ok(startTime(stranger.pid ?? 0), 'still there')
})
