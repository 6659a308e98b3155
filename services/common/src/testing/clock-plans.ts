import type pg from 'pg'
import { createDatabase } from '../postgres/database.ts'
import { createLogger } from '../process/logger.ts'
import type { DatabaseContext } from '../process/run-api.ts'
import type { WorkerParts } from '../process/run-worker.ts'
import type { Service } from '../process/service.ts'
import { createRegistry } from '../telemetry/metrics.ts'
import { createTestDatabase, type Teardown, type TestDatabase } from './database.ts'

export interface Statement {
  text: string
  values: unknown[]
}

/** What columns have that no check limits: in practice few words, by the name of the column. */
export type Words = Readonly<Record<string, readonly string[]>>

export interface ClockPlans {
  /** How many statements compared an instant with the clock. */
  compared: number
  /** Those that read rows which the clock then sorts out, each with its plan. */
  scanning: string[]
  /** Indexes that any plan reads. */
  indexes: Set<string>
  /** Tables that any statement read from end to end, each with the statement. */
  whole: { table: string; text: string }[]
}

const ROWS = 10_000
/** What has a plan: not the frame of a transaction, nor what is sent to all who listen. */
const PLANNED = /^\s*(select|with|update|delete|insert)\b/i
const CLOCK = String.raw`(?:(?:clock|statement|transaction)_timestamp|now)\(\)`
const COMPARED = new RegExp(String.raw`(?:[<>]=?|between)\s*\(?\s*(?:select\s+)?${CLOCK}`, 'i')
// The planner computes a sub-select once and names it by its number.
const CLOCK_IN_PLAN = new RegExp(`${CLOCK}|InitPlan`, 'i')

/**
 * Runs `work` on an empty database and explains what it sent as if each table had ten thousand rows: what compared an
 * instant with the clock, and which tables were read from end to end. Work by the clock runs for ever: a statement that reads a whole
 * table to find that nothing is due is unnoticed today and stops the service at some million rows.
 */
export async function explainByClock(
  { pool, createPool }: Pick<TestDatabase, 'pool' | 'createPool'>,
  work: (pool: pg.Pool) => Promise<void>,
  words: Words = {},
): Promise<ClockPlans> {
  const recorded = createPool()
  const statements = recordStatements(recorded)
  await work(recorded)
  await fillTables(pool, words)
  const planned = [...statements.values()].filter(({ text }) => PLANNED.test(text))
  const scanning: string[] = []
  const indexes = new Set<string>()
  const whole: ClockPlans['whole'] = []
  let compared = 0
  for (const { text, values } of planned) {
    const { rows } = await pool.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
      `explain (format json) ${text}`,
      values,
    )
    const nodes = rows.flatMap((row) => row['QUERY PLAN'].flatMap(({ Plan }) => nodesOf(Plan)))
    for (const { 'Node Type': type, 'Index Name': index, 'Relation Name': table = '' } of nodes) {
      if (index !== undefined) indexes.add(index)
      if (type === 'Seq Scan') whole.push({ table, text: text.trim() })
    }
    if (!COMPARED.test(text)) continue
    compared += 1
    if (!isByIndex(nodes)) scanning.push(`${text.trim()}\n${nodes.map(describe).join('\n')}`)
    else if (hasUnorderedLimit(text)) scanning.push(`${text.trim()}\n  a limit without an order`)
  }
  return { compared, scanning, indexes, whole }
}

/** What a worker asks of its environment and a run of its timers alone does not use. */
export const UNUSED_CONNECTIONS = {
  POSTGRES_USERNAME: 'unused',
  POSTGRES_PASSWORD: 'unused',
  POSTGRES_DATABASE: 'unused',
  RABBITMQ_URL: 'amqp://unused',
  INTERNAL_JWT_SECRET: 'a secret of at least thirty-two letters',
}

/** Runs each timer of a service's worker once on a database of its own, and explains what it sent. */
export async function explainTimers<DB>(
  t: Teardown,
  { name, migrations }: Service,
  build: (context: DatabaseContext<DB>) => WorkerParts<DB>,
  words?: Words,
): Promise<ClockPlans> {
  const run = async (pool: pg.Pool) => {
    const { timers } = build({
      pool,
      db: createDatabase<DB>(pool),
      log: createLogger(name, 'silent'),
      registry: createRegistry(name),
      lifecycle: { onStop: () => undefined, isStopping: () => false },
    })
    for (const timer of timers) await timer.run()
  }
  return explainByClock(await createTestDatabase(t, migrations), run, words)
}

/** Records every statement that is sent over a pool from now on, each text with its last parameters. */
export function recordStatements(pool: pg.Pool): Map<string, Statement> {
  const statements = new Map<string, Statement>()
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown
    const recording = (...args: unknown[]): unknown => {
      const [first, second] = args
      const sent = typeof first === 'string' ? { text: first } : (first as Partial<Statement>)
      const values = Array.isArray(second) ? second : (sent.values ?? [])
      if (sent.text !== undefined) statements.set(sent.text, { text: sent.text, values })
      return query(...args)
    }
    client.query = recording as typeof client.query
  })
  return statements
}

interface PlanNode {
  'Node Type': string
  'Index Name'?: string
  'Relation Name'?: string
  'Index Cond'?: string
  Filter?: string
  'Join Filter'?: string
  Plans?: PlanNode[]
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)]
}

/**
 * Whether any query has a limit and no order. The planner then may read the table from its start, because it expects to meet
 * a row soon: when so many instants are past and it does not know that those rows are done with, it meets none. Whether the
 * order is that of the instant is not checked here.
 */
export function hasUnorderedLimit(text: string): boolean {
  const isOrdered = [false]
  for (const [word] of text.toLowerCase().matchAll(/[()]|\border\s+by\b|\blimit\b/g)) {
    if (word === '(') isOrdered.push(false)
    else if (word === ')') isOrdered.pop()
    else if (word !== 'limit') isOrdered[isOrdered.length - 1] = true
    else if (isOrdered.at(-1) !== true) return true
  }
  return false
}

const mentionsClock = (condition: string | undefined) => CLOCK_IN_PLAN.test(condition ?? '')

function isByIndex(nodes: PlanNode[]): boolean {
  return (
    nodes.some((node) => mentionsClock(node['Index Cond'])) &&
    !nodes.some((node) => mentionsClock(node.Filter) || mentionsClock(node['Join Filter']))
  )
}

function describe(node: PlanNode): string {
  const { 'Node Type': type, 'Index Name': index, 'Relation Name': relation = '' } = node
  const conditions = [node['Index Cond'], node.Filter, node['Join Filter']].filter(Boolean)
  return `  ${type} ${index ?? relation} ${conditions.join(' | ')}`
}

interface Column {
  table: string
  column: string
  type: string
  isNullable: boolean
  /** Values that a check constraint names for it. */
  choices: readonly string[] | null
}

/**
 * Fills every table with rows whose only sense is to be many: instants on both sides of now, and the words
 * that checks allow, so that partial indexes have their share.
 */
async function fillTables(pool: pg.Pool, words: Words): Promise<void> {
  const { rows: columns } = await pool.query<Column>(`
    select c.relname as table, a.attname as column, a.atttypid::regtype::text as type,
      not a.attnotnull as "isNullable",
      (select array_agg(word[1]) from pg_constraint k
        cross join lateral regexp_matches(pg_get_constraintdef(k.oid), '''([^'']*)''::text', 'g') word
        where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum]
          and pg_get_constraintdef(k.oid) like '%ARRAY[%') as choices
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and c.relname <> 'migrations' and a.attnum > 0 and not a.attisdropped
      and a.attidentity = '' and a.attgenerated = ''
    order by c.oid, a.attnum`)
  for (const [table, ofTable] of Map.groupBy(columns, (column) => column.table)) {
    await dropConditions(pool, table)
    const names = ofTable.map(({ column }) => `"${column}"`)
    const values = ofTable.map((one) =>
      columnValue({ ...one, choices: one.choices ?? words[one.column] ?? null }),
    )
    await pool.query(`insert into "${table}" (${names.join(', ')})
      select ${values.join(', ')} from generate_series(1, ${ROWS}) n on conflict do nothing`)
  }
  await pool.query('analyze')
}

/** Rows without sense pass neither checks, references nor triggers. */
async function dropConditions(pool: pg.Pool, table: string): Promise<void> {
  const { rows } = await pool.query<{ name: string }>(
    `select conname as name from pg_constraint
      where conrelid = $1::regclass and contype <> 't' and (contype in ('c', 'f') or condeferrable)`,
    [table],
  )
  for (const { name } of rows) await pool.query(`alter table "${table}" drop constraint "${name}"`)
  await pool.query(`alter table "${table}" disable trigger user`)
}

function columnValue({ column, type, isNullable, choices }: Column): string {
  // Otherwise the null of one column would always come with the null of another.
  const n = `(n + ${[...column].reduce((sum, letter) => sum + letter.charCodeAt(0), 0)})`
  const value = `(${typedValue(type, n, choices)})`
  return isNullable ? `case when ${n} % 4 > 0 then ${value} end` : value
}

function typedValue(type: string, n: string, choices: readonly string[] | null): string {
  if (choices !== null) {
    const words = choices.map((word) => `'${word}'`).join(', ')
    return `(array[${words}])[1 + ${n} % ${choices.length}]`
  }
  if (type.endsWith('[]')) return `'{}'::${type}`
  if (type.startsWith('timestamp')) return `clock_timestamp() + (${n} - 5000) * interval '1 hour'`
  if (type.startsWith('json')) return `'{}'::${type}`
  if (type === 'uuid') return 'gen_random_uuid()'
  if (type === 'boolean') return `${n} % 2 = 0`
  if (type === 'bytea') return `decode(md5(${n}::text), 'hex')`
  if (type === 'inet') return `'10.0.0.0'::inet + ${n}`
  if (type === 'tsvector' || type === 'tsquery') return `''::${type}`
  if (/^(smallint|integer|bigint|numeric|real|double)/.test(type)) return `${n}::${type}`
  return `('text ' || ${n})::${type}`
}
