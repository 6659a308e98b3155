import type pg from 'pg'
import type { Statement } from './clock-plans.ts'

/** What a piece of work costs on one database. */
export interface Cost {
  milliseconds: number
  /** Pages of 8 KiB that its statements touch; absent where they write. */
  buffers?: number | undefined
}

const RUNS = 15
const READS = /^\s*(select|with)\b/i
const CHANGES = /\b(insert into|update (?!skip|of)|delete from|notify|advisory)/i

/**
 * Does the work once to warm caches, then fifteen times, and takes the median. `statements` is what `recordStatements`
 * returned for the pool that the work uses; `pool` explains them and should be patient, since to time every node of a plan
 * takes longer than the statement itself may.
 */
export async function costOf(
  pool: pg.Pool,
  statements: Map<string, Statement>,
  work: () => Promise<unknown>,
): Promise<Cost> {
  await work()
  statements.clear()
  const times: number[] = []
  for (let run = 0; run < RUNS; run += 1) {
    const startedAtMs = performance.now()
    await work()
    times.push(performance.now() - startedAtMs)
  }
  const milliseconds = times.sort((a, b) => a - b)[RUNS >> 1] ?? Number.NaN
  return { milliseconds, buffers: await buffersOf(pool, [...statements.values()]) }
}

async function buffersOf(pool: pg.Pool, sent: Statement[]): Promise<number | undefined> {
  const reads = sent.filter(({ text }) => READS.test(text) && !CHANGES.test(text))
  if (reads.length === 0) return undefined
  let buffers = 0
  for (const { text, values } of reads) {
    const { rows } = await pool.query(`explain (analyze, buffers, format json) ${text}`, values)
    const [{ Plan: plan }] = rows[0]['QUERY PLAN']
    buffers += plan['Shared Hit Blocks'] + plan['Shared Read Blocks']
  }
  return buffers
}
