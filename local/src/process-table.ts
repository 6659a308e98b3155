import { execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

export interface ProcessSpec {
  name: string
  command: string
  args: string[]
  cwd?: string
  env: NodeJS.ProcessEnv
  uid?: number
  gid?: number
  /** What asks the program to stop in good order. */
  stopSignal?: NodeJS.Signals
}

export interface ManagedProcess {
  readonly name: string
  readonly pid: number
  readonly exited: Promise<string>
  isRunning(): boolean
  /** Signals the whole process group. */
  signal(signal: NodeJS.Signals): void
  /** Asks, waits, and kills what does not go. */
  stop(timeoutMs?: number): Promise<void>
}

interface Entry {
  name: string
  pid: number
  /** When the process began: a pid that was given to another process has another one. */
  startedAt: string
}

export interface ProcessTable {
  spawn(spec: ProcessSpec): ManagedProcess
  /** Kills what an earlier runner left behind, and only that; answers the names. */
  clearLeftovers(): Promise<string[]>
  /** After this no process is started any more. */
  close(): void
  logFile(name: string): string
  /** Why a process is not running: how it ended, and the last lines of its log. */
  ended(name: string, end: string): Error
}

const LOG_TAIL_LINES = 20
const STOP_TIMEOUT_MS = 15_000
const POLL_MS = 20

/**
 * Every process the runner starts, written down in the state folder with its start time, so that
 * a runner which was killed leaves nothing that the next one cannot find and end.
 */
export function createProcessTable(stateDir: string): ProcessTable {
  const file = join(stateDir, 'processes.json')
  const logs = join(stateDir, 'logs')
  mkdirSync(logs, { recursive: true })
  let entries = readEntries(file)
  let isClosed = false
  const save = () => {
    writeFileSync(`${file}.new`, JSON.stringify(entries))
    renameSync(`${file}.new`, file)
  }
  const logFile = (name: string) => join(logs, `${name}.log`)
  return {
    logFile,
    ended(name, end) {
      const lines = readFileSync(logFile(name), 'utf8').trimEnd().split('\n')
      const tail = lines.slice(-LOG_TAIL_LINES).join('\n')
      return new Error(`${name} ended with ${end}; the end of ${logFile(name)}:\n${tail}`)
    },
    close() {
      isClosed = true
    },
    spawn(spec) {
      if (isClosed) throw new Error(`${spec.name} is not started: everything is being stopped`)
      const managed = start(spec, logFile(spec.name))
      const startedAt = startTime(managed.pid)
      if (startedAt !== undefined) entries.push({ name: spec.name, pid: managed.pid, startedAt })
      save()
      void managed.exited.then(() => {
        entries = entries.filter(({ pid }) => pid !== managed.pid)
        save()
      })
      return managed
    },
    async clearLeftovers() {
      const left = entries.filter(({ pid, startedAt }) => startTime(pid) === startedAt)
      for (const { pid } of left) signalGroup(pid, 'SIGKILL')
      for (const { pid, startedAt } of left) {
        while (startTime(pid) === startedAt) await wait(POLL_MS)
      }
      entries = []
      save()
      return left.map(({ name }) => name)
    },
  }
}

function readEntries(file: string): Entry[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Entry[]
  } catch {
    // No file on the first run; a half-written one cannot be, since it is renamed into place.
    return []
  }
}

function start(spec: ProcessSpec, logFile: string): ManagedProcess {
  const log = openSync(logFile, 'a')
  const child = spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: spec.env,
    uid: spec.uid,
    gid: spec.gid,
    // A group of its own: Ctrl-C reaches the runner only, which then stops all in order.
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`))
    child.once('error', (error) => resolve(error.message))
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`${spec.name} could not be started: ${spec.command}`)
  const isRunning = () => child.exitCode === null && child.signalCode === null
  return {
    name: spec.name,
    pid,
    exited,
    isRunning,
    signal: (signal) => signalGroup(pid, signal),
    async stop(timeoutMs = STOP_TIMEOUT_MS) {
      if (!isRunning()) return
      process.kill(pid, spec.stopSignal ?? 'SIGTERM')
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), timeoutMs)
      await exited
      clearTimeout(timer)
      // Helpers of the program that outlive it would keep its ports.
      signalGroup(pid, 'SIGKILL')
    },
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal)
    } catch {
      // Gone already, which is what was wanted.
    }
  }
}

/** When a process began, as an opaque text; undefined when there is no such process. */
export function startTime(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The name in parentheses may hold anything; what follows it is split by blanks.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return fields[0] === 'Z' ? undefined : fields[19]
    }
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' })
    return text.trim() === '' ? undefined : text.trim()
  } catch {
    return undefined
  }
}
