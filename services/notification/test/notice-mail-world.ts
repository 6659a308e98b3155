import { randomBytes, randomUUID } from 'node:crypto'
import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import type { Pool } from 'pg'
import type { Registry } from 'prom-client'
import { createContactSource } from '#src/app/mail/contact-source.ts'
import { createNoticeMailer, type NoticeMailDependencies } from '#src/app/mail/send-notices.ts'
import { createServerPause } from '#src/app/mail/server-pause.ts'
import { createSendingMetrics } from '#src/app/sending-metrics.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { createMailTransport, type SmtpOptions } from '#src/infra/smtp/mail-transport.ts'
import { SERVICE } from '#src/service.ts'
import { type ContactBook, startContactBook } from './contacts.ts'
import { created, outbid, won } from './events.ts'
import { createWorld, HOLD_MS, log, type Person, RETURN_KEY, type World } from './helper.ts'
import { startMailServer, type TestMailServer } from './mail-server.ts'
import { smtpOptions } from './mail-world.ts'

export interface NoticeMailWorld extends World {
  server: TestMailServer
  book: ContactBook
  registry: Registry
  deps: NoticeMailDependencies
  /** A user with an address. */
  reader(changes?: Parameters<ContactBook['add']>[1]): Person
  /** One run of a worker, to its end. */
  send(deps?: NoticeMailDependencies): Promise<void>
  /** Another worker on the same database and server. */
  another(): NoticeMailDependencies
  /** Outbids a user on so many new lots, and lets the notices become due. */
  outbid(person: Person, names: readonly string[], endDate?: string): Promise<string[]>
  /** Lets a user win a new lot. */
  win(person: Person, name: string): Promise<string>
  states(userId?: string): Promise<string[]>
}

/** Notices by mail, with a database, an identity and a mail server of their own. */
export async function createNoticeMailWorld(
  t: Teardown,
  changes: Partial<SmtpOptions> = {},
  options: Parameters<typeof createWorld>[1] = {},
): Promise<NoticeMailWorld> {
  const world = await createWorld(t, options)
  const server = await startMailServer(t)
  const book = await startContactBook(t, world.identity)
  const registry = createRegistry('notification')
  const unsubscribeKey = randomBytes(32)
  const worker = (on: Pool, ofRegistry: Registry): NoticeMailDependencies => {
    const transport = createMailTransport(smtpOptions(server.port, changes), log)
    t.teardown(() => transport.close())
    return {
      db: createDatabase<Database>(on),
      transport,
      settings: {
        from: { name: 'Auction', address: 'auction@example.test' },
        publicUrl: 'https://auction.example',
        returnKey: RETURN_KEY,
        bounceAddress: 'bounces@example.test',
      },
      contactsOf: createContactSource(
        createInternalClient({
          service: SERVICE.name,
          target: 'identity',
          baseUrl: book.url,
          secret: world.identity.internalSecret,
          timeoutMs: 60_000,
        }),
      ),
      unsubscribeKey,
      pause: createServerPause(() => Number.POSITIVE_INFINITY),
      metrics: createSendingMetrics(ofRegistry),
      log,
    }
  }
  const deps = worker(world.database.pool, registry)
  return {
    ...world,
    server,
    book,
    registry,
    deps,
    reader(ofContact) {
      const person = world.person()
      book.add(person.id, ofContact)
      return person
    },
    async send(of = deps) {
      const mailer = createNoticeMailer(of, 2)
      await mailer.run()
      await mailer.settled()
    },
    another: () => worker(world.database.createPool(), createRegistry('notification')),
    async outbid(person, names, endDate) {
      const items = names.map(() => randomUUID())
      const seller = randomUUID()
      await world.consume(items.map((item, index) => created(item, seller, names[index] ?? '')))
      const about = endDate === undefined ? {} : { changes: { endDate } }
      await world.consume(items.map((item) => outbid(item, 3, person.id, about)))
      await world.letTimePass(HOLD_MS)
      await world.dispatch()
      return items
    },
    async win(person, name) {
      const [item, seller] = [randomUUID(), randomUUID()]
      await world.consume([created(item, seller, name), won(item, 5, person.id, seller)])
      // The seller is notified too, which is not what these tests look at.
      await world.database.pool.query('delete from notices where user_id = $1', [seller])
      await world.dispatch()
      return item
    },
    async states(userId) {
      const rows = (await world.deliveries(userId)).filter(({ channel }) => channel === 'mail')
      return rows.map(({ state, reason }) => (reason === null ? state : `${state}: ${reason}`))
    },
  }
}
