import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Teardown } from '#src/testing/database.ts'
import { freePorts } from '#src/testing/ports.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import type { LogLine } from '#test/helper.ts'

const program = fileURLToPath(new URL('toy-process.ts', import.meta.url))

interface Toy {
  child: ChildProcess
  port: number
  lines: LogLine[]
  /** Status and body of a path of the public or the operators' listener. */
  ask(path: string, method?: string): Promise<{ status: number; body: string } | undefined>
  ops(path: string): Promise<{ status: number; body: string } | undefined>
  exit(): Promise<number | null>
}

/** Starts the process as production does: its own runtime, settings from the environment. */
async function start(t: Teardown, settings: Record<string, string> = {}): Promise<Toy> {
  const [port = 0, opsPort = 0] = await freePorts(2)
  const env = { HOST: '127.0.0.1', PORT: String(port), OPS_PORT: String(opsPort), ...settings }
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await closed
  })
  const lines: LogLine[] = []
  let rest = ''
  child.stdout?.on('data', (data) => {
    const parts = `${rest}${data}`.split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts.map((part) => JSON.parse(part)))
  })
  const get = async (at: number, path: string, method = 'GET') => {
    const headers = { connection: 'close' }
    const answer = fetch(`http://127.0.0.1:${at}${path}`, { method, headers })
    const response = await answer.catch(() => undefined)
    return response && { status: response.status, body: await response.text() }
  }
  return {
    child,
    port,
    lines,
    ask: (path, method) => get(port, path, method),
    ops: (path) => get(opsPort, path),
    exit: async () => {
      await closed
      return child.exitCode
    },
  }
}

async function started(toy: Toy): Promise<Toy> {
  await waitFor('the process to be ready', async () => {
    if (toy.child.exitCode !== null) throw new Error('the process ended')
    return (await toy.ops('/health/ready'))?.status === 200
  })
  return toy
}

t.test('seed bug 26: the operators see liveness, readiness by check, and metrics', async (t) => {
  const toy = await started(await start(t))
  t.strictSame(await toy.ops('/health/live'), { status: 200, body: '{"status":"ok"}' })
  for (const path of ['/health/ready', '/health/startup'])
    t.strictSame(await toy.ops(path), {
      status: 200,
      body: '{"status":"ok","checks":{"started":true,"health":true}}',
    })
  await toy.ask('/')
  const metrics = (await toy.ops('/metrics'))?.body
  t.match(metrics, /http_request_duration_seconds_count\{[^}]*route="GET \/",[^}]*\} 1/)
  t.match(metrics, /process_resident_memory_bytes\{service="toy"\}/)
  t.match(await toy.ask('/metrics'), { status: 404 }, 'nothing of this is public')
  t.match(await toy.ask('/health/live'), { status: 404 })

  await toy.ask('/ill', 'POST')
  t.match(await toy.ops('/health/ready'), { status: 503, body: /"health":false/ })
  t.match(await toy.ops('/health/live'), { status: 200 }, 'an outage is no reason to be killed')
})

t.test('asked to stop it is unready at once, serves on, then stops in reverse order', async (t) => {
  const toy = await started(await start(t, { SHUTDOWN_DRAIN_MS: '10000' }))
  toy.child.kill('SIGTERM')
  await waitFor('readiness to end', async () => (await toy.ops('/health/ready'))?.status === 503)
  t.match(await toy.ask('/'), { status: 200 }, 'while the load balancer learns of it')
  t.match(await toy.ops('/health/live'), { status: 200 })
  toy.child.kill('SIGTERM')
  t.equal(await toy.exit(), 0)
  t.strictSame(
    toy.lines.filter(({ msg }) => msg === 'step done').map(({ step }) => step),
    ['relay', 'broker', 'database'],
    'once, although asked twice',
  )
  t.match(toy.lines.at(-1), { level: 'info', service: 'toy', msg: 'stopped' })
})

t.test('a step that fails does not keep the others from their turn', async (t) => {
  const toy = await started(await start(t, { SHUTDOWN_DRAIN_MS: '0', FAILURE: 'relay' }))
  toy.child.kill('SIGINT')
  t.equal(await toy.exit(), 0)
  const steps = toy.lines.filter(({ step }) => step !== undefined)
  t.match(steps, [
    { step: 'relay', msg: 'step done' },
    { step: 'relay', level: 'warn', msg: 'stop step failed' },
    { step: 'broker' },
    { step: 'database' },
  ])
})

t.test('a start that fails ends the process with a line that says why', async (t) => {
  const toy = await start(t, { FAILURE: 'start' })
  t.equal(await toy.exit(), 1)
  t.match(toy.lines.at(-1), {
    level: 'fatal',
    msg: 'start failed',
    err: { message: 'no toys today' },
  })
})

t.test('lines come in the order they were logged, whatever the background does', async (t) => {
  const toy = await start(t, { FAILURE: 'threads' })
  t.equal(await toy.exit(), 1)
  t.match(toy.lines, [
    { level: 'info', msg: 'threads occupied' },
    { level: 'fatal', msg: 'start failed', err: { message: 'no threads today' } },
  ])
})

t.test('a taken port is a start that failed', async (t) => {
  const first = await started(await start(t))
  const second = await start(t, { PORT: String(first.port) })
  t.equal(await second.exit(), 1)
  t.match(second.lines.at(-1), { msg: 'start failed', err: { code: 'EADDRINUSE' } })
})

t.test('an uncaught error ends the process: its state can no longer be trusted', async (t) => {
  for (const [path, msg] of [
    ['/reject', 'unhandled rejection'],
    ['/throw', 'uncaught exception'],
  ] as const) {
    const toy = await started(await start(t))
    await toy.ask(path, 'POST')
    t.equal(await toy.exit(), 1, path)
    t.match(toy.lines.at(-1), { level: 'fatal', msg, err: { message: 'not caught' } }, path)
  }
})
