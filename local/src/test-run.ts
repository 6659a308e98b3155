import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

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

function run(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Run> {
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
    const chunks: Buffer[] = []
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.once('error', reject)
    child.once('close', (code) => {
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

const FILE_JOBS = '2'
/** Of a whole file, and only for one that hangs: a busy machine takes many times the usual. */
const FILE_TIMEOUT_SECONDS = 900

/** Runs the tests of a workspace and counts assertions; a workspace without any has failed. */
export async function runWorkspace(folder: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const tap = join(
    folder,
    '../'.repeat(folder.includes('services') ? 2 : 1),
    'node_modules/.bin/tap',
  )
  const args = [
    '--reporter=tap',
    '--disable-coverage',
    `--jobs=${FILE_JOBS}`,
    `--timeout=${FILE_TIMEOUT_SECONDS}`,
  ]
  const { code, output } = await run(tap, args, folder, env)
  const { passed, failed } = countAssertions(output)
  if (code === 0 && failed === 0 && passed > 0) return { passed, failed, report: '' }
  const reason = passed + failed === 0 ? `no test ran\n${output.slice(-4_000)}` : failures(output)
  return { passed, failed: Math.max(1, failed), report: `${folder}:\n${reason}` }
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

const LINES_AFTER_FAILURE = 40

/** Every failed line with what follows it, so that the cause can be read where the count is. */
function failures(output: string): string {
  const lines = output.split('\n')
  const shown: string[] = []
  let left = 0
  for (const line of lines) {
    if (/^ *not ok\b/.test(line)) left = LINES_AFTER_FAILURE
    if (left > 0) {
      shown.push(line)
      left -= 1
    }
  }
  return shown.slice(0, 400).join('\n')
}
