import { randomBytes, randomUUID } from 'node:crypto'
import type { App } from '@auction/common/http/server.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createSecretBox, type SecretBox } from '@auction/common/secret-box.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import {
  createTestDatabase,
  type Teardown,
  type TestDatabase,
} from '@auction/common/testing/database.ts'
import { expectDocumentedAnswers } from '@auction/common/testing/documented-answers.ts'
import { createTestIdentity, type TestIdentity } from '@auction/common/testing/tokens.ts'
import type { Kysely } from 'kysely'
import type { Registry } from 'prom-client'
import { buildApp } from '#src/app/app.ts'
import {
  createWebhookDeliverer,
  type DelivererDependencies,
  type WebhookDeliverer,
} from '#src/app/webhooks/deliver-webhooks.ts'
import { createWebhookMetrics } from '#src/app/webhooks/metrics.ts'
import type { NoticeData } from '#src/domain/notices.ts'
import { readNetworks } from '#src/domain/outgoing-address.ts'
import { createGuardedClient } from '#src/infra/http/guarded-client.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind.
type Body = any

export interface WebhookWorld {
  app: App
  database: TestDatabase
  db: Kysely<Database>
  identity: TestIdentity
  box: SecretBox
  /** The key of the box, for a process of its own. */
  key: string
  registry: Registry
  /** What owners of endpoints were notified of. */
  notices(): Promise<NoticeRow[]>
  /** A worker of its own. */
  worker(changes?: Partial<DelivererDependencies>): WebhookDeliverer
  /** Sends what is due and waits until it is there. */
  deliver(): Promise<void>
  /** A user who proved a moment ago who they are. */
  call(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    options?: CallOptions,
  ): Promise<Reply>
  /** Adds an endpoint; answers it with its secret. */
  createEndpoint(url: string, options?: CallOptions): Promise<Body>
}

export interface NoticeRow {
  template: string
  aggregateId: string
  sequence: number
  data: NoticeData
}

export interface CallOptions {
  as?: string
  body?: Record<string, unknown>
  claims?: Record<string, unknown>
}

export interface Reply {
  statusCode: number
  body: Body
}

export const ENDPOINTS = '/api/v1/webhook-endpoints'
/** Receivers of tests listen here without TLS. */
export const LOCAL = '127.0.0.2'

/** The webhooks of the notification service on a database of its own. */
export async function createWebhookWorld(t: Teardown): Promise<WebhookWorld> {
  expectDocumentedAnswers(t)
  const database = await createTestDatabase(t, SERVICE.migrations)
  const db = createDatabase<Database>(database.pool)
  const identity = createTestIdentity()
  const log = createLogger('notification', 'silent')
  const registry = createRegistry('notification')
  const key = randomBytes(32).toString('base64')
  const box = createSecretBox(key)
  const rules = { ownHost: 'auction.example', allowedNetworks: readNetworks(`${LOCAL}/32`) }
  const app = await buildApp({
    db,
    auth: identity,
    unsubscribeKey: randomBytes(32),
    publicUrl: 'https://auction.example',
    returnKey: randomBytes(32),
    webhooks: { box, rules },
    pushKey: 'a key',
    log,
    registry,
  })
  t.teardown(() => app.close())
  const metrics = createWebhookMetrics(registry)
  const userId = randomUUID()
  const worker: WebhookWorld['worker'] = (changes = {}) => {
    const deliverer = createWebhookDeliverer({
      db,
      // Receivers are silent for as long as their test takes.
      client: createGuardedClient({ ...rules, timeoutMs: 120_000 }),
      box,
      log,
      metrics,
      ...changes,
    })
    const stopping = new AbortController()
    const running = new Set<Promise<void>>()
    t.teardown(async () => {
      stopping.abort()
      await Promise.all(running)
    })
    return {
      run(signal = stopping.signal) {
        const run = deliverer.run(signal)
        running.add(run)
        return run
      },
    }
  }
  const call: WebhookWorld['call'] = async (method, path, { as = userId, body, claims } = {}) => {
    const proven = { auth_time: Math.floor(Date.now() / 1_000) - 60 }
    const response = await app.inject({
      method,
      url: `${ENDPOINTS}${path}`,
      headers: { authorization: `Bearer ${identity.token(as, claims ?? proven)}` },
      ...(body === undefined ? {} : { payload: body }),
    })
    const text = response.body
    return { statusCode: response.statusCode, body: text === '' ? undefined : JSON.parse(text) }
  }
  return {
    app,
    database,
    db,
    identity,
    box,
    key,
    registry,
    async notices() {
      const { rows } = await database.pool.query<NoticeRow>(
        `select template, aggregate_id as "aggregateId", sequence::int as sequence, data
         from notices order by created_at, id`,
      )
      return rows
    },
    worker,
    async deliver() {
      // Time passes for rates, so that no message waits for its second.
      await database.pool.query(
        `update webhook_endpoints set unspent_since = unspent_since - interval '10 seconds'`,
      )
      await worker().run()
    },
    call,
    async createEndpoint(url, options = {}) {
      const answer = await call('POST', '', { ...options, body: { url, ...options.body } })
      if (answer.statusCode !== 201) throw new Error(JSON.stringify(answer.body))
      return answer.body
    },
  }
}
