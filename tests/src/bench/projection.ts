import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Infrastructure } from '@auction/local/infrastructure.ts'
import { atMost, median, type Row, versus } from './report.ts'

const AUCTION = fileURLToPath(new URL('../../../services/auction', import.meta.url))
const WORKER_ROUNDS_MAX = 2

interface Round {
  baseline: number
  ours: number
  backlogSeconds: number
}

/** P5: the worker's projection against the original's way, over many items and over a hot one. */
export async function benchProjection(
  infrastructure: Infrastructure,
  rounds: number,
  log: (line: string) => void,
): Promise<Row[]> {
  await infrastructure.rabbitmqReady
  const rows: Row[] = []
  for (const [items, what, wanted] of [
    [1_000, 'auction worker, 1,000 items; one by one', 30],
    [1, 'auction worker, one hot item; one by one', 60],
  ] as const) {
    const results = await runWorker(infrastructure, items, Math.min(rounds, WORKER_ROUNDS_MAX), log)
    const of = (key: keyof Round) => median(results.map((round) => round[key]))
    const [ours, baseline] = [of('ours'), of('baseline')]
    rows.push(versus({ goal: 'P5', what, ours, baseline, wanted, unit: '/s' }))
    const name = `backlog of 100,000 events, ${items === 1 ? 'one item' : '1,000 items'}`
    rows.push(atMost('P5', name, of('backlogSeconds'), 5, 's'))
  }
  return rows
}

/** Runs services/auction/test/projection-bench.ts, which sends one message per round. */
async function runWorker(
  { postgres, rabbitmq }: Infrastructure,
  items: number,
  rounds: number,
  log: (line: string) => void,
): Promise<Round[]> {
  const child = fork('test/projection-bench.ts', [], {
    cwd: AUCTION,
    env: {
      ...process.env,
      ITEMS: String(items),
      ROUNDS: String(rounds),
      TEST_POSTGRES_URL: postgres.adminUrl,
      TEST_RABBITMQ_URL: rabbitmq.url,
      TEST_RABBITMQ_MANAGEMENT_URL: rabbitmq.managementUrl,
    },
    silent: true,
  })
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  child.stdout?.on('data', (chunk: Buffer) => log(`${items} items, ${chunk.toString().trim()}`))
  const results: Round[] = []
  child.on('message', (round) => results.push(round as Round))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0 || results.length !== rounds) throw new Error(`the worker's run failed: ${errors}`)
  return results
}
