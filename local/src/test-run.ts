import { spawn } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parse } from 'yaml'

export interface Outcome {
  passed: number
  failed: number
  /** What went wrong, for a human; empty when nothing did. */
  report: string
}

interface Run {
  code: number
  output: string
}

const groups = new Set<number>()
let isStopped = false
const STOP_TIMEOUT_MS = 5_000
const STOP_POLL_MS = 50

/** Ends the runs of this moment with all their children; later ones fail at once. */
export async function stopRuns(): Promise<void> {
  isStopped = true
  const deadlineMs = performance.now() + STOP_TIMEOUT_MS
  const left = [...groups].filter((group) => signalGroup(group, 'SIGTERM'))
  // npm goes at once and leaves its children behind, so the group is what counts.
  while (left.some((group) => signalGroup(group, 0)) && performance.now() < deadlineMs) {
    await wait(STOP_POLL_MS)
  }
  for (const group of left) signalGroup(group, 'SIGKILL')
}

/** False when no process of the group is left. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal)
  } catch {
    return false
  }
}

function run(
  command: string,
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  timeoutMs?: number,
): Promise<Run> {
  return new Promise((resolve, reject) => {
    if (isStopped) throw new Error('the test run was stopped')
    // A group of its own, so that the children of its children can be ended with it.
    const child = spawn(command, args, {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { pid } = child
    if (pid !== undefined) groups.add(pid)
    const kill = () => pid !== undefined && signalGroup(pid, 'SIGKILL')
    const timer = timeoutMs === undefined ? undefined : setTimeout(kill, timeoutMs)
    const chunks: Buffer[] = []
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(timer)
      if (pid !== undefined && !isStopped) groups.delete(pid)
      resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() })
    })
  })
}

/** Biome over everything and the type checker over every workspace: one passed or one failed. */
export async function checkStyleAndTypes(root: string): Promise<Outcome> {
  const { code, output } = await run('npm', ['run', '-s', 'check'], root, process.env)
  if (code === 0) return { passed: 1, failed: 0, report: '' }
  return { passed: 0, failed: 1, report: `style or types:\n${output}` }
}

/**
 * Of a whole file, and only for one that hangs. The longest takes seven minutes, and beside ten processes that burn
 * both cores several times as long.
 */
const FILE_TIMEOUT_SECONDS = 7_200
/** A file that cannot even end itself is ended so much later. */
const KILL_AFTER_SECONDS = 60
/** Files at once. Most of them wait for PostgreSQL, RabbitMQ or processes of their own now and then: one more than cores. */
const JOBS = availableParallelism() + 1

interface TestFile {
  workspace: string
  /** Below the folder of the workspace. */
  path: string
}

/** What came of the files of one workspace. */
export interface WorkspaceOutcome extends Outcome {
  workspace: string
  files: number
  /** Of all files together, however many ran at once. */
  seconds: number
}

/** What came of one file. */
export interface FileOutcome extends Outcome {
  /** From the root of the project. */
  path: string
  seconds: number
}

export interface RunListener {
  /** Each file as it ends. */
  onFile?(outcome: FileOutcome): void
  /** Each workspace when the last of its files has ended. */
  onWorkspace(outcome: WorkspaceOutcome): void
}

/**
 * Runs the test files of workspaces, each in a process of its own. They start in the order of the workspaces, so those
 * with the longest files belong in front: at the end no core has to wait for one. What runs `beside` them at first
 * takes the place of one file.
 */
export async function runWorkspaces(
  root: string,
  workspaces: readonly string[],
  env: NodeJS.ProcessEnv,
  listener: RunListener,
  beside?: Promise<unknown>,
): Promise<void> {
  const waiting = workspaces.flatMap((workspace) => testFilesOf(root, workspace))
  const outcomes = new Map(workspaces.map((workspace) => [workspace, emptyOutcome(workspace)]))
  const left = new Map(
    workspaces.map((workspace) => [
      workspace,
      waiting.filter((file) => file.workspace === workspace).length,
    ]),
  )
  const add = (workspace: string, outcome: Outcome, seconds: number) => {
    const sum = outcomes.get(workspace) ?? emptyOutcome(workspace)
    sum.passed += outcome.passed
    sum.failed += outcome.failed
    sum.report += outcome.report
    sum.files += 1
    sum.seconds += seconds
  }
  const close = (workspace: string) => {
    const outcome = outcomes.get(workspace) ?? emptyOutcome(workspace)
    if (outcome.passed + outcome.failed === 0) {
      outcome.failed = 1
      outcome.report = `${workspace}: no test ran`
    }
    listener.onWorkspace(outcome)
  }
  for (const [workspace, count] of left) if (count === 0) close(workspace)
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const startedAtMs = performance.now()
      const outcome = await runFile(root, file, env)
      const seconds = (performance.now() - startedAtMs) / 1000
      add(file.workspace, outcome, seconds)
      listener.onFile?.({ ...outcome, path: `${file.workspace}/${file.path}`, seconds })
      const remaining = (left.get(file.workspace) ?? 0) - 1
      left.set(file.workspace, remaining)
      if (remaining === 0) close(file.workspace)
    }
  }
  const workers = Array.from({ length: JOBS - 1 }, work)
  await Promise.all([...workers, Promise.resolve(beside).then(work)])
}

const emptyOutcome = (workspace: string): WorkspaceOutcome => ({
  workspace,
  files: 0,
  seconds: 0,
  passed: 0,
  failed: 0,
  report: '',
})

/** The files that `npm test` of the workspace runs: `include` of its .taprc. */
function testFilesOf(root: string, workspace: string): TestFile[] {
  const cwd = join(root, workspace)
  const { include } = parse(readFileSync(join(cwd, '.taprc'), 'utf8')) as { include: string[] }
  return globSync(include, { cwd })
    .sort()
    .map((path) => ({ workspace, path }))
}

async function runFile(
  root: string,
  { workspace, path }: TestFile,
  env: NodeJS.ProcessEnv,
): Promise<Outcome> {
  const { code, output } = await run(
    process.execPath,
    [path],
    join(root, workspace),
    { ...env, TAP: '1', TAP_TIMEOUT: String(FILE_TIMEOUT_SECONDS) },
    (FILE_TIMEOUT_SECONDS + KILL_AFTER_SECONDS) * 1000,
  )
  const { passed, failed } = countAssertions(output)
  if (code === 0 && failed === 0) return { passed, failed, report: '' }
  const reason =
    failed === 0 ? `ended with code ${code}\n${output.slice(-4_000)}` : failures(output)
  return { passed, failed: Math.max(1, failed), report: `${workspace}/${path}:\n${reason}\n` }
}

/**
 * Counts the assertions of a TAP stream: every `ok` line that is not the summary of a subtest.
 * A failed subtest counts by its failed assertions; a file that broke off counts by itself.
 */
export function countAssertions(output: string): { passed: number; failed: number } {
  let passed = 0
  let failed = 0
  // Results found deeper than this indent since the last line of this indent.
  const below: { passed: number; failed: number }[] = []
  for (const line of output.split('\n')) {
    const match = /^( *)(not )?ok\b(.*)$/.exec(line)
    if (match?.[1] === undefined) continue
    const depth = match[1].length / 4
    const inside = sumBelow(below, depth)
    below.length = depth + 1
    const isFailure = match[2] !== undefined && !/# (TODO|SKIP)/i.test(match[3] ?? '')
    const counts = { passed: 0, failed: 0 }
    if (inside.passed + inside.failed > 0) {
      if (isFailure && inside.failed === 0) counts.failed = 1
    } else if (isFailure) counts.failed = 1
    else if (!/# SKIP/i.test(match[3] ?? '')) counts.passed = 1
    passed += counts.passed
    failed += counts.failed
    const known = below[depth] ?? { passed: 0, failed: 0 }
    below[depth] = {
      passed: known.passed + counts.passed + inside.passed,
      failed: known.failed + counts.failed + inside.failed,
    }
  }
  return { passed, failed }
}

function sumBelow(below: { passed: number; failed: number }[], depth: number) {
  const sum = { passed: 0, failed: 0 }
  for (const counts of below.slice(depth + 1)) {
    if (counts === undefined) continue
    sum.passed += counts.passed
    sum.failed += counts.failed
  }
  return sum
}

// A difference of two long texts is most of them, and the cause may stand in its last lines.
const LINES_PER_FAILURE = 250
const LINES_PER_FILE = 1_000

/** Every failed line with its details, so that the cause can be read where the count is. */
function failures(output: string): string {
  const shown: string[] = []
  let left = 0
  let end = ''
  for (const line of output.split('\n')) {
    const indent = /^( *)not ok\b/.exec(line)?.[1]
    if (indent !== undefined) {
      left = LINES_PER_FAILURE
      end = `${indent}  ...`
    }
    if (left === 0) continue
    shown.push(line)
    left = line === end ? 0 : left - 1
  }
  return shown.slice(0, LINES_PER_FILE).join('\n')
}
