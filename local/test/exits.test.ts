import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '@auction/common/testing/ports.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t, { type Test } from 'tap'
import { removePostgresData } from '#src/postgres.ts'
import { createProcessTable } from '#src/process-table.ts'

const CMD = fileURLToPath(new URL('../src/cmd/', import.meta.url))

/** A state folder of the test's own, and the commands of a person in it. */
async function machine(t: Test, gatewayPort?: number) {
  const stateDir = mkdtempSync(join(tmpdir(), 'exits-'))
  const port = gatewayPort ?? (await freePort())
  t.teardown(async () => {
    await createProcessTable(stateDir).clearLeftovers()
    removePostgresData(stateDir)
    rmSync(stateDir, { recursive: true, force: true })
  })
  const begin = (name: string) => {
    const env = { ...process.env, LOCAL_STATE: stateDir, GATEWAY_PORT: String(port) }
    const child = spawn(process.execPath, [join(CMD, `${name}.ts`)], { env })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => {
        said += data.toString()
      })
    }
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    t.teardown(() => child.kill('SIGKILL'))
    return {
      child,
      ended,
      said: () => said,
      until: (text: string) =>
        waitFor(`"${text}" of ${name}`, () => {
          if (child.exitCode !== null) throw new Error(`it ended: ${said}`)
          return said.includes(text)
        }),
    }
  }
  return { stateDir, begin }
}

/** Every process whose command line or environment names the folder. */
function processesOf(stateDir: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) =>
      ['cmdline', 'environ'].some((file) => {
        try {
          return readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(stateDir)
        } catch {
          return false
        }
      }),
    )
}

const ONLY_LINUX = existsSync('/proc/self') ? {} : { skip: 'this machine has no /proc' }

for (const moment of ['postgres ready', 'migrations applied']) {
  t.test(`Ctrl-C right after "${moment}" leaves nothing running`, ONLY_LINUX, async (t) => {
    const { stateDir, begin } = await machine(t)
    const up = begin('up')
    await up.until(moment)
    up.child.kill('SIGINT')
    t.equal(await up.ended, 0, up.said())
    t.match(up.said(), /Stopping/)
    t.strictSame(processesOf(stateDir), [])
  })
}

t.test('Ctrl-C before the databases are ready leaves nothing running', ONLY_LINUX, async (t) => {
  const { stateDir, begin } = await machine(t)
  const up = begin('up')
  const started = join(stateDir, 'processes.json')
  await waitFor('PostgreSQL to be started', () => {
    return existsSync(started) && readFileSync(started, 'utf8').includes('"postgres"')
  })
  up.child.kill('SIGINT')
  t.equal(await up.ended, 0, up.said())
  t.strictSame(processesOf(stateDir), [])
})

t.test('a second "make up" is refused, and leaves the first one alone', ONLY_LINUX, async (t) => {
  const { stateDir, begin } = await machine(t)
  const first = begin('up')
  await first.until('postgres ready')
  const second = begin('up')
  t.equal(await second.ended, 1)
  t.match(second.said(), /running already \(process \d+\)\. "make down" stops it/)
  t.equal(first.child.exitCode, null)

  // Killed with -9 it leaves its processes, the gateway on its port too, and the next command ends
  // them.
  await first.until('gateway ready')
  first.child.kill('SIGKILL')
  await first.ended
  t.not(processesOf(stateDir).length, 0)
  const third = begin('up')
  await third.until('ended what an earlier run had left')
  await third.until('postgres ready')
  const down = begin('down')
  t.equal(await down.ended, 0, down.said())
  t.match(down.said(), /stopping the platform \(process \d+\)/)
  t.match(down.said(), /nothing of the platform is running/)
  t.equal(await third.ended, 0)
  t.strictSame(processesOf(stateDir), [])
})

t.test('a port that another program has is named before anything starts', async (t) => {
  const port = await freePort()
  const squatter = spawn(process.execPath, [
    '-e',
    `require('net').createServer().listen(${port}, '127.0.0.1', () => console.log('up'))`,
  ])
  t.teardown(() => squatter.kill('SIGKILL'))
  await new Promise((resolve) => squatter.stdout.once('data', resolve))
  const { stateDir, begin } = await machine(t, port)
  const up = begin('up')
  t.equal(await up.ended, 1)
  t.match(up.said(), new RegExp(`port ${port} on 127.0.0.1 is taken.*"make up GATEWAY_PORT=`))
  t.notOk(existsSync(join(stateDir, 'processes.json')))
})
