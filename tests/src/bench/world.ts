import { randomUUID } from 'node:crypto'
import { openLot } from '@auction/bid/domain/lot.ts'
import { insertLot } from '@auction/bid/infra/postgres/lots.ts'
import type { Database } from '@auction/bid/infra/postgres/schema.ts'
import { SERVICE } from '@auction/bid/service.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { migrate } from '@auction/common/postgres/migrate.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createTestIdentity } from '@auction/common/testing/tokens.ts'
import type { Infrastructure } from '@auction/local/infrastructure.ts'
import type pg from 'pg'
import { openPool } from '#src/pools.ts'

export interface BenchWorld {
  postgresUrl: string
  postgresPid: number
  publicKey: string
  tokens: string[]
  /** Fresh lots, so that every measurement begins alike. */
  lots(count: number): Promise<string[]>
  pool: pg.Pool
}

const BIDDERS = 256
const DAY_MS = 86_400_000
export const START_CENTS = 10_000_000

/** The bid database of an infrastructure, bidders with tokens, and lots that take small steps. */
export async function createBenchWorld(infrastructure: Infrastructure): Promise<BenchWorld> {
  const postgresUrl = infrastructure.postgres.url('bid')
  const pool = openPool(postgresUrl, 2)
  await migrate(pool, SERVICE.migrations, createLogger('bench', 'silent'))
  const db = createDatabase<Database>(pool)
  const identity = createTestIdentity()
  const expires = Math.floor(Date.now() / 1000) + 7_200
  return {
    pool,
    postgresUrl,
    postgresPid: infrastructure.supervised.get('postgres')?.process.pid ?? 0,
    publicKey: await identity.jwks.publicKey('test-key'),
    tokens: Array.from({ length: BIDDERS }, () => identity.token(randomUUID(), { exp: expires })),
    async lots(count) {
      const ids = Array.from({ length: count }, () => randomUUID())
      await db.transaction().execute(async (tx) => {
        for (const itemId of ids) {
          await insertLot(
            tx,
            openLot({
              itemId,
              sellerId: randomUUID(),
              type: 'english',
              currencyCode: 'USD',
              termsVersion: 1,
              round: 1,
              startPrice: BigInt(START_CENTS),
              bidIncrement: 1n,
              reservePrice: null,
              buyNowPrice: null,
              buyNowMode: 'immediate',
              buyNowReservationMs: 0,
              deposit: null,
              startsAtMs: Date.now() - 1_000,
              endsAtMs: Date.now() + DAY_MS,
              extensionThresholdMs: 0,
              extensionDurationMs: 0,
              extensionMode: 'from_end',
              maxTotalExtensionMs: 0,
              maxExtensions: 0,
            }),
          )
        }
      })
      return ids
    },
  }
}
