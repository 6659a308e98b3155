import type { LoadResult } from './load.ts'
import { atMost, median, type Row, seen, versus } from './report.ts'
import { UPDATE_CLIENT } from './updates.ts'

export interface Measured extends LoadResult {
  /** CPU of the bid API and of PostgreSQL, in microseconds per decided bid. */
  nodeMicroseconds: number
  postgresMicroseconds: number
}

/** Measurements by name, one per round; `updates` are plain rates. */
export type Results = Map<string, (Measured | number)[]>

export const perSecond = {
  decided: ({ decided, seconds }: LoadResult) => decided / seconds,
  accepted: ({ accepted, seconds }: LoadResult) => accepted / seconds,
  refused: ({ decided, accepted, seconds }: LoadResult) => (decided - accepted) / seconds,
}

type Key = (result: Measured) => number

/** The table rows of P1 to P4, medians over the rounds. */
export function bidPathRows(goals: ReadonlySet<string>, results: Results): Row[] {
  const of = (name: string, key: Key): number =>
    median((results.get(name) ?? []).map((one) => (typeof one === 'number' ? one : key(one))))
  return [
    ...(goals.has('P1') ? hotRows(of) : []),
    ...(goals.has('P2') ? manyRows(of) : []),
    ...(goals.has('P3') ? scaleRows(of) : []),
    ...(goals.has('P4') ? latencyRows(of) : []),
  ]
}

type Of = (name: string, key: Key) => number

function hotRows(of: Of): Row[] {
  const { decided, accepted } = perSecond
  const row = (what: string, ours: number, baseline: number, wanted: number) =>
    versus({ goal: 'P1', what, ours, baseline, wanted, unit: '/s' })
  const hot = of('hot ours', decided)
  const rising = of('rising ours', accepted)
  const bare = of('hot bare', decided)
  return [
    row('hot lot, decisions; bare POST', hot, bare, 0.8),
    row('hot lot, decisions; transaction per bid', hot, of('hot transaction', decided), 12),
    row('rising amounts, all accepted; bare POST', rising, bare, 0.55),
    row(
      'rising amounts, accepted; transaction per bid',
      rising,
      of('rising transaction', accepted),
      12,
    ),
    versus({
      goal: 'P1',
      what: `hot lot, decisions; one-row UPDATE (${UPDATE_CLIENT})`,
      ours: hot,
      baseline: of('updates', decided),
      unit: '/s',
    }),
    cpuRow('P1', 'hot lot', of, 'hot ours', 'hot bare'),
    cpuRow('P1', 'rising amounts', of, 'rising ours', 'hot bare'),
  ]
}

function manyRows(of: Of): Row[] {
  const { decided } = perSecond
  const row = (what: string, baseline: number, wanted: number) =>
    versus({
      goal: 'P2',
      what,
      ours: of('many ours', decided),
      baseline,
      wanted,
      unit: '/s',
    })
  return [
    row('1,000 lots, decisions; bare POST', of('many bare', decided), 0.5),
    row('1,000 lots, decisions; transaction per bid', of('many transaction', decided), 6),
    cpuRow('P2', '1,000 lots', of, 'many ours', 'many bare'),
  ]
}

/** On a full machine the cost of a bid is the figure that matters; bare spends Node's only. */
function cpuRow(goal: string, what: string, of: Of, ours: string, bare: string): Row {
  const node = (name: string) => of(name, ({ nodeMicroseconds }) => nodeMicroseconds)
  const postgres = of(ours, ({ postgresMicroseconds }) => postgresMicroseconds)
  return seen(
    goal,
    `${what}, CPU per decided bid, Node + PostgreSQL; bare`,
    `${node(ours).toFixed(0)} + ${postgres.toFixed(0)} us`,
    `${node(bare).toFixed(0)} us`,
  )
}

const CORES_FULL = 0.9

function scaleRows(of: Of): Row[] {
  const { decided } = perSecond
  const generator = of('hot two', ({ cpuSeconds, seconds }) => cpuSeconds / seconds)
  const cause = generator > CORES_FULL ? 'is the limit' : 'shares the cores'
  return [
    versus({
      goal: 'P3',
      what: `hot lot, 2 processes; 1 process (generator ${cause}: ${(generator * 100).toFixed(0)} % of one)`,
      ours: of('hot two', decided),
      baseline: of('hot ours', decided),
      wanted: 1.3,
      unit: '/s',
    }),
  ]
}

function latencyRows(of: Of): Row[] {
  const p99 = ({ p99Ms }: Measured) => p99Ms
  return [
    versus({
      goal: 'P4',
      what: 'hot lot, p99; transaction per bid',
      ours: of('hot ours', p99),
      baseline: of('hot transaction', p99),
      wanted: 8,
      unit: 'ms',
      isLowerBetter: true,
    }),
    atMost('P4', 'hot lot, p99 at half of the maximum load', of('hot half', p99), 10, 'ms'),
  ]
}
