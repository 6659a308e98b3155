import type { App } from '@auction/common/http/server.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { createTestIdentity } from '@auction/common/testing/tokens.ts'
import { type CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import type { Pool, PoolClient } from 'pg'
import { buildApp } from '#src/app/app.ts'
import { createItemEvents } from '#src/app/item/item-events.ts'
import { listingLimits } from '#src/domain/listing.ts'
import { createFolderStorage } from '#src/infra/images/folder.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { log } from './neighbours.ts'

export interface Recorder {
  db: Kysely<Database>
  /** What was asked since the last time. */
  take(): CompiledQuery[]
}

/** A database that remembers the statements it ran. */
export function recordStatements(pool: Pool): Recorder {
  let statements: CompiledQuery[] = []
  const db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool }),
    log: ({ query }) => void statements.push(query),
  })
  return {
    db,
    take() {
      const taken = statements
      statements = []
      return taken
    },
  }
}

/** How PostgreSQL ran a statement, in its own words. */
export async function explain(
  db: Pool | PoolClient,
  { sql, parameters }: CompiledQuery,
  options = '',
): Promise<string> {
  const { rows } = await db.query<{ 'QUERY PLAN': string }>(`explain ${options} ${sql}`, [
    ...parameters,
  ])
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

/** The large tables that a plan reads from end to end; item_ranking is narrow, so it is none. */
export function readsWhole(plan: string): string[] {
  const found = plan.matchAll(/Seq Scan on (items|item_search|item_attributes)\b/g)
  return [...new Set([...found].map(([, table]) => table ?? ''))]
}

/** The API for reading; nothing can be published through it, since there is no bid service. */
export function buildReadOnlyApp(
  db: Kysely<Database>,
  maxAges = { publicReadsMaxAgeMs: 100, categoryCountsMaxAgeMs: 10_000 },
): Promise<App> {
  const refuse = () => Promise.reject(new Error('nothing is published here'))
  const { issuer, jwks, internalSecret } = createTestIdentity()
  return buildApp({
    db,
    images: createFolderStorage('/nowhere'),
    events: createItemEvents({ legacyAlias: false }),
    limits: listingLimits(1_800),
    isSellerRoleRequired: false,
    autoRelistsMax: 5,
    priceDropPercentMax: 50,
    ...maxAges,
    terms: { apply: refuse, cancel: refuse, withdraw: refuse, relist: refuse },
    auth: { issuer, jwks, internalSecret },
    registry: createRegistry('auction'),
    log,
  })
}
