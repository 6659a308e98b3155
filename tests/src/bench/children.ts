import { type ChildProcess, fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { LoadOrder, LoadResult } from './load.ts'
import type { UpdateOrder } from './updates.ts'

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))

export interface BenchServer {
  port: number
  pid: number
  stop(): Promise<void>
}

export interface ServerOrder {
  mode: 'ours' | 'bare' | 'transaction'
  port: number
  postgresUrl: string
  publicKey: string
  /** A folder for the CPU profile that is written when the server stops. */
  profileDir?: string
}

/** Starts one form of the bid API; see server.ts. */
export async function startServer(order: ServerOrder): Promise<BenchServer> {
  const { mode, port, postgresUrl, publicKey, profileDir } = order
  const child = fork(file('server.ts'), [mode, String(port), postgresUrl], {
    env: { ...process.env, BENCH_PUBLIC_KEY: publicKey },
    execArgv: profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`],
  })
  await ready(child)
  return {
    port,
    pid: child.pid ?? 0,
    stop: () => ended(child, () => child.kill('SIGINT')),
  }
}

/** Runs the generator once in a process of its own. */
export function load(order: LoadOrder): Promise<LoadResult> {
  return askChild('load.ts', 'run', order)
}

/** Gives one order to a file that runs as a process of its own, and returns its one answer. */
export async function askChild<Answer>(
  name: string,
  argument: string,
  order: LoadOrder | UpdateOrder,
): Promise<Answer> {
  const child = fork(file(name), [argument])
  await ready(child)
  return new Promise((resolve, reject) => {
    child.once('message', (answer) => resolve(answer as Answer))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code} and no answer`)))
    child.send(order)
  })
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', (code) => reject(new Error(`a process of the benchmark ended with ${code}`)))
  })
}

function ended(child: ChildProcess, end: () => void): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners('exit')
    child.once('exit', () => resolve())
    end()
  })
}

const TICKS_PER_SECOND = 100

/** CPU seconds that processes and their children have used so far (Linux). */
export function cpuSeconds(pids: number[]): number {
  let ticks = 0
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (!pids.includes(Number(entry)) && !pids.includes(Number(fields[1]))) continue
      ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // It ended between our look and our read.
    }
  }
  return ticks / TICKS_PER_SECOND
}
