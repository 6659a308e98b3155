import {
  CONTACTS_PATH,
  type Contact,
  Contacts,
  ContactsRequest,
} from '@auction/common/contracts/contacts.ts'
import { defineError } from '@auction/common/http/errors.ts'
import { buildServer } from '@auction/common/http/server.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import type { TestIdentity } from '@auction/common/testing/tokens.ts'

export interface ContactBook {
  url: string
  contacts: Map<string, Contact>
  mode: 'up' | 'down'
  /** How many users it was asked for, call by call. */
  asked: number[]
  add(userId: string, changes?: Partial<Contact>): void
}

const errors = {
  unauthenticated: defineError('identity.unauthenticated', 'Log in.', 401),
  down: defineError('service.unavailable', 'Down.', 503),
}

/** identity as this service knows it: where mails to users go, over real HTTP. */
export async function startContactBook(t: Teardown, identity: TestIdentity): Promise<ContactBook> {
  const book: ContactBook = {
    url: '',
    contacts: new Map(),
    mode: 'up',
    asked: [],
    add(userId, changes = {}) {
      const email = `${userId.slice(-12)}@example.test`
      book.contacts.set(userId, { userId, name: 'Ann Lee', email, standing: 'active', ...changes })
    },
  }
  const app = await buildServer({
    service: 'identity',
    log: createLogger('identity', 'silent'),
    registry: createRegistry('identity'),
    auth: { ...identity, unauthenticated: errors.unauthenticated },
  })
  app.post(
    CONTACTS_PATH,
    {
      config: { auth: 'service' },
      schema: { body: ContactsRequest, response: { 200: Contacts } },
    },
    async ({ body: { userIds } }) => {
      book.asked.push(userIds.length)
      if (book.mode === 'down') throw errors.down()
      return { contacts: userIds.flatMap((id) => book.contacts.get(id) ?? []) }
    },
  )
  book.url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  return book
}
