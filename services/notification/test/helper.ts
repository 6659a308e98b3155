import { randomBytes, randomUUID } from 'node:crypto'
import type { OutboxEvent } from '@auction/common/contracts/event.ts'
import { createInternalClient } from '@auction/common/http/internal-client.ts'
import type { App } from '@auction/common/http/server.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import type { Consumer } from '@auction/common/rabbitmq/consumer.ts'
import { createSecretBox, type SecretBox } from '@auction/common/secret-box.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { consume } from '@auction/common/testing/consume.ts'
import {
  createTestDatabase,
  TEST_CONNECTION_TIMEOUT_MS,
  type Teardown,
  type TestDatabase,
} from '@auction/common/testing/database.ts'
import { expectDocumentedAnswers } from '@auction/common/testing/documented-answers.ts'
import { type Auction, startAuction } from '@auction/common/testing/item-summaries.ts'
import { createTestIdentity, type TestIdentity } from '@auction/common/testing/tokens.ts'
import type { Kysely } from 'kysely'
import { buildApp } from '#src/app/app.ts'
import { createConsumers } from '#src/app/consumers.ts'
import { createItemSource, type ItemSource } from '#src/app/items/item-source.ts'
import { dispatchNotices } from '#src/app/notices/dispatch-notices.ts'
import type { NoticeData } from '#src/domain/notices.ts'
import type { OutgoingRules } from '#src/domain/outgoing-address.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

export const log = createLogger('notification', process.env.TEST_LOG_LEVEL ?? 'silent')

export interface Person {
  id: string
  /** Headers of a request of this person's. */
  headers: { authorization: string }
}

export interface World {
  app: App
  database: TestDatabase
  db: Kysely<Database>
  identity: TestIdentity
  /** What items are called, for those whose events came before this service. */
  auction: Auction
  itemsOf: ItemSource
  /** What identity seals the secrets of mails with. */
  seal: SecretBox
  person(): Person
  /** Hands events to their consumers as the broker's messages would come: one batch per kind. */
  consume(events: readonly OutboxEvent[], consumers?: Consumer<Database>[]): Promise<void>
  /** Another dispatcher run, as any worker would do it; returns how many notices were judged. */
  dispatch(batch?: number): Promise<number>
  /** Moves every instant into the past, which lets time pass without waiting for it. */
  letTimePass(milliseconds: number): Promise<void>
  notices(userId?: string): Promise<NoticeRow[]>
  deliveries(userId?: string): Promise<DeliveryRow[]>
}

export interface NoticeRow {
  id: string
  userId: string
  template: string
  aggregateId: string
  sequence: number
  state: string
  reason: string | null
  data: NoticeData
}

export interface DeliveryRow {
  id: string
  noticeId: string
  channel: string
  state: string
  reason: string | null
  dueAt: Date
  sequence: number
}

export const UNSUBSCRIBE_KEY = randomBytes(32)
export const RETURN_KEY = randomBytes(32)

/** From now on every user who is notified of anything has a browser that shows it. */
export async function giveAllBrowsers({ database: { pool } }: Pick<World, 'database'>) {
  await pool.query(`
    create function give_browser() returns trigger language plpgsql as $$
    begin
      insert into push_subscriptions (id, user_id, endpoint, p256dh, auth)
      values (gen_random_uuid(), new.user_id, 'https://push.example/' || new.user_id, 'x', 'x')
      on conflict do nothing;
      return new;
    end $$;
    create trigger give_browser before insert on notices for each row execute function give_browser()`)
}

/** Of pools that a test makes by itself: like those of its database, they wait on a busy machine. */
export const PATIENT_POOL = {
  connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS,
  statementTimeoutMs: 60_000,
  lockTimeoutMs: 60_000,
} as const

/** Longer than any notice is held back. */
export const HOLD_MS = 11_000

/** The notification service on a database of its own, with tokens that verify. */
export async function createWorld(
  t: Teardown,
  {
    pushKey,
    reportSecret,
    rules = { ownHost: 'auction.example', allowedNetworks: [] },
  }: { pushKey?: string; reportSecret?: string; rules?: OutgoingRules } = {},
): Promise<World> {
  expectDocumentedAnswers(t)
  const database = await createTestDatabase(t, SERVICE.migrations)
  const { pool } = database
  const identity = createTestIdentity()
  const auction = await startAuction(t, identity)
  const db = createDatabase<Database>(pool)
  const app = await buildApp({
    db,
    auth: identity,
    unsubscribeKey: UNSUBSCRIBE_KEY,
    publicUrl: 'https://auction.example',
    returnKey: RETURN_KEY,
    ...(reportSecret === undefined ? {} : { reportSecret }),
    webhooks: {
      box: createSecretBox(randomBytes(32).toString('base64')),
      rules,
    },
    pushKey,
    log,
    registry: createRegistry('notification'),
  })
  t.teardown(() => app.close())
  const itemsOf = createItemSource(
    createInternalClient({
      service: SERVICE.name,
      target: 'auction',
      baseUrl: auction.url,
      secret: identity.internalSecret,
      timeoutMs: 60_000,
    }),
  )
  const seal = createSecretBox(randomBytes(32).toString('base64'))
  return {
    app,
    database,
    db,
    identity,
    auction,
    itemsOf,
    seal,
    person() {
      const id = randomUUID()
      return { id, headers: { authorization: `Bearer ${identity.token(id)}` } }
    },
    consume: (events, consumers = createConsumers({ seal })) => consume(db, events, consumers),
    dispatch: (batch) => dispatchNotices({ db, itemsOf }, batch),
    async letTimePass(milliseconds) {
      for (const [table, columns] of Object.entries(INSTANTS)) {
        const moves = columns.map((column) => `${column} = ${column} - $1 * interval '1 ms'`)
        await pool.query(`update ${table} set ${moves.join(', ')}`, [milliseconds])
      }
    },
    async notices(userId) {
      const { rows } = await pool.query<NoticeRow>(
        `select id, user_id as "userId", template, aggregate_id as "aggregateId",
           sequence::int as sequence, state, reason, data
         from notices where $1::uuid is null or user_id = $1
         order by template, sequence, created_at, id`,
        [userId ?? null],
      )
      return rows
    },
    async deliveries(userId) {
      const { rows } = await pool.query<DeliveryRow>(
        `select d.id, d.notice_id as "noticeId", d.channel, d.state, d.reason, d.due_at as "dueAt",
           n.sequence::int as sequence
         from deliveries d join notices n on n.id = d.notice_id
         where $1::uuid is null or d.user_id = $1
         order by n.template, n.sequence, d.channel`,
        [userId ?? null],
      )
      return rows
    },
  }
}

const INSTANTS: Readonly<Record<string, readonly string[]>> = {
  notices: ['due_at', 'outdated_at', 'happened_at', 'created_at', 'shown_at', 'read_at'],
  deliveries: ['due_at', 'changed_at'],
  lots: ['ends_at', 'closed_at'],
  items: ['updated_at'],
}

export interface Called {
  statusCode: number
  // biome-ignore lint/suspicious/noExplicitAny: tests compare what they expect of an answer.
  body: any
}

/** One call of the API; the body of the answer is parsed. */
export async function call(
  { app }: Pick<World, 'app'>,
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  url: string,
  options: { as?: Person; body?: unknown } = {},
): Promise<Called> {
  const response = await app.inject({
    method,
    url,
    headers: { ...options.as?.headers },
    ...(options.body === undefined ? {} : { payload: options.body as object }),
  })
  return {
    statusCode: response.statusCode,
    body: response.body === '' ? undefined : response.json(),
  }
}
