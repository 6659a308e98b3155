import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface CpuProfile {
  /** Microseconds of the machine's monotonic clock, the one of process.hrtime. */
  startTime: number
  nodes: {
    id: number
    callFrame: { functionName: string; url: string; lineNumber: number }
  }[]
  samples: number[]
  timeDeltas: number[]
}

/**
 * The functions a profiled process spent most of its busy time in since `from` (process.hrtime, so
 * that loading its modules does not count), without what they called.
 */
export function topSelfTimes(folder: string, from: bigint, count: number): string[] {
  const name = readdirSync(folder).find((entry) => entry.endsWith('.cpuprofile'))
  if (name === undefined) throw new Error(`no profile was written to ${folder}`)
  const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile
  const names = new Map(
    profile.nodes.map(({ id, callFrame }) => {
      const { functionName, url, lineNumber } = callFrame
      const place = url.split('/').slice(-2).join('/')
      return [id, `${functionName || '(anonymous)'} ${place}${place ? `:${lineNumber + 1}` : ''}`]
    }),
  )
  const selfTimes = new Map<string, number>()
  let busy = 0
  let at = profile.startTime
  for (const [index, id] of profile.samples.entries()) {
    const microseconds = profile.timeDeltas[index] ?? 0
    at += microseconds
    const where = names.get(id)?.trim() ?? ''
    if (at < Number(from / 1000n) || where === '(idle)' || where === '(root)') continue
    busy += microseconds
    selfTimes.set(where, (selfTimes.get(where) ?? 0) + microseconds)
  }
  return [...selfTimes]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([where, time]) => `${((time / busy) * 100).toFixed(1).padStart(5)} %  ${where}`)
}
