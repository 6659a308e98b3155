import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInternalClient } from '@auction/common/http/internal-client.ts'
import type { App } from '@auction/common/http/server.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import {
  createTestDatabase,
  type Teardown,
  type TestDatabase,
} from '@auction/common/testing/database.ts'
import { expectDocumentedAnswers } from '@auction/common/testing/documented-answers.ts'
import type { Kysely } from 'kysely'
import { buildApp } from '#src/app/app.ts'
import { createItemEvents } from '#src/app/item/item-events.ts'
import type { FinishDependencies } from '#src/app/lot-terms/finish-change.ts'
import { createTermsClient } from '#src/app/lot-terms/terms-client.ts'
import { type ListingLimits, listingLimits } from '#src/domain/listing.ts'
import { createFolderStorage } from '#src/infra/images/folder.ts'
import type { ImageStorage } from '#src/infra/images/image-storage.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import {
  type Bid,
  createIdentity,
  type Identity,
  INTERNAL_SECRET,
  ISSUER,
  log,
  type Person,
  startBid,
} from './neighbours.ts'

export interface Fixture {
  app: App
  database: TestDatabase
  db: Kysely<Database>
  /** Where the objects of images lie. */
  folder: string
  dependencies: FinishDependencies & {
    limits: ListingLimits
    isSellerRoleRequired: boolean
    images: ImageStorage
  }
  identity: Identity
  bid: Bid
  seller: Person
}

/** The API on a database of the test's own, with identity and bid answering over real HTTP. */
export async function build(
  t: Teardown,
  options: {
    auctionSecondsMin?: number
    isSellerRoleRequired?: boolean
    isReservingOffered?: boolean
    categoryCountsMaxAgeMs?: number
    /** For a test that holds what a request waits for. */
    lockTimeoutMs?: number
  } = {},
): Promise<Fixture> {
  expectDocumentedAnswers(t)
  const database = await createTestDatabase(t, SERVICE.migrations)
  const identity = createIdentity()
  const bid = await startBid(t)
  const { lockTimeoutMs } = options
  const db = createDatabase<Database>(
    lockTimeoutMs === undefined ? database.pool : database.createPool(10, { lockTimeoutMs }),
  )
  const folder = await mkdtemp(join(tmpdir(), 'auction-images-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const dependencies = {
    db,
    images: createFolderStorage(folder),
    events: createItemEvents({ legacyAlias: false }),
    limits: listingLimits(options.auctionSecondsMin ?? 1_800, options.isReservingOffered ?? true),
    isSellerRoleRequired: options.isSellerRoleRequired ?? false,
    terms: createTermsClient(
      createInternalClient({
        service: 'auction',
        target: 'bid',
        baseUrl: bid.url,
        secret: INTERNAL_SECRET,
        timeoutMs: 60_000,
      }),
    ),
    log,
  }
  const app = await buildApp({
    ...dependencies,
    auth: { issuer: ISSUER, jwks: identity.jwks, internalSecret: INTERNAL_SECRET },
    registry: createRegistry('auction'),
    autoRelistsMax: 5,
    priceDropPercentMax: 50,
    publicReadsMaxAgeMs: 0,
    categoryCountsMaxAgeMs: options.categoryCountsMaxAgeMs ?? 0,
  })
  t.teardown(() => app.close())
  return { app, database, db, folder, dependencies, identity, bid, seller: identity.person() }
}

export const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString()

/** A right listing from now for a day, as a request body. */
export function listingBody(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name: 'Silver spoon',
    description: 'Sterling, 1901.',
    currencyCode: 'USD',
    startPrice: '100.00',
    startDate: inMinutes(0),
    endDate: inMinutes(24 * 60),
    ...changes,
  }
}

type Body = Record<string, unknown> & { id: string; details?: Record<string, unknown> }

/** One call of this API; the body of the answer is parsed. */
export async function call(
  { app }: Pick<Fixture, 'app'>,
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  url: string,
  options: { as?: Person | undefined; body?: unknown; headers?: Record<string, string> } = {},
) {
  const response = await app.inject({
    method,
    url,
    headers: { ...options.as?.headers, ...options.headers },
    ...(options.body === undefined ? {} : { payload: options.body as object }),
  })
  const body = (response.body === '' ? {} : response.json()) as Body
  return { statusCode: response.statusCode, body, headers: response.headers }
}

/** Creates a draft, or fails the test's expectations loudly. */
export async function createDraft(
  fixture: Fixture,
  changes: Record<string, unknown> = {},
  as: Person = fixture.seller,
): Promise<string> {
  const { statusCode, body } = await call(fixture, 'POST', '/api/v1/items', {
    as,
    body: listingBody(changes),
  })
  if (statusCode !== 201) throw new Error(`no draft: ${JSON.stringify(body)}`)
  return body.id
}

/** Creates and publishes an item. */
export async function createPublished(
  fixture: Fixture,
  changes: Record<string, unknown> = {},
  as: Person = fixture.seller,
): Promise<string> {
  const id = await createDraft(fixture, changes, as)
  const { statusCode, body } = await call(fixture, 'POST', `/api/v1/items/${id}/publish`, { as })
  if (statusCode !== 200) throw new Error(`not published: ${JSON.stringify(body)}`)
  return id
}

export interface WrittenEvent {
  key: string
  sequence: number
  payload: Record<string, unknown>
}

/** Every event in the outbox, in the order of writing; of one item when an id is given. */
export async function writtenEvents(
  { pool }: Pick<TestDatabase, 'pool'>,
  itemId?: string,
): Promise<WrittenEvent[]> {
  const { rows } = await pool.query<{
    event: { key: string; aggregateId: string; envelope: Omit<WrittenEvent, 'key'> }
  }>('select json_array_elements(events) as event from outbox order by seq')
  return rows
    .filter(({ event }) => itemId === undefined || event.aggregateId === itemId)
    .map(({ event: { key, envelope } }) => ({
      key,
      sequence: envelope.sequence,
      payload: envelope.payload,
    }))
}
