import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startTime } from './process-table.ts'

/** Where the platform of this checkout keeps everything: `.local/`, or LOCAL_STATE. */
export function platformStateDir(): string {
  const named = process.env.LOCAL_STATE
  return named === undefined || named === ''
    ? fileURLToPath(new URL('../../.local/platform', import.meta.url))
    : named
}

interface Runner {
  pid: number
  startedAt: string
}

const runnerFile = (stateDir: string) => join(stateDir, 'runner.json')

/** The runner of this state folder, if it is still alive. */
export function runningPid(stateDir: string): number | undefined {
  try {
    const { pid, startedAt } = JSON.parse(readFileSync(runnerFile(stateDir), 'utf8')) as Runner
    return startTime(pid) === startedAt ? pid : undefined
  } catch {
    // No file: nothing was started here yet.
    return undefined
  }
}

/** Notes that this process runs the platform. Throws when another one does. */
export function claimState(stateDir: string): () => void {
  const other = runningPid(stateDir)
  if (other !== undefined) {
    throw new Error(`The platform is running already (process ${other}). "make down" stops it.`)
  }
  mkdirSync(stateDir, { recursive: true })
  const runner: Runner = { pid: process.pid, startedAt: startTime(process.pid) ?? '' }
  writeFileSync(runnerFile(stateDir), JSON.stringify(runner))
  return () => rmSync(runnerFile(stateDir), { force: true })
}

/** What other commands need to know of the running platform. */
export interface RunningPlatform {
  gatewayUrl: string
  rabbitmqUrl: string
  postgresPort: number
  sandboxUrl: string
}

export function writeRunning(stateDir: string, running: RunningPlatform): void {
  writeFileSync(join(stateDir, 'running.json'), JSON.stringify(running), { mode: 0o600 })
}

export function readRunning(stateDir: string): RunningPlatform | undefined {
  if (runningPid(stateDir) === undefined) return undefined
  return JSON.parse(readFileSync(join(stateDir, 'running.json'), 'utf8')) as RunningPlatform
}
