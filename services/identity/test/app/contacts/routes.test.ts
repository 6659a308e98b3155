import { randomUUID } from 'node:crypto'
import {
  CONTACTS_PATH,
  CONTACTS_USERS_MAX,
  type Contacts,
} from '@auction/common/contracts/contacts.ts'
import { createInternalClient } from '@auction/common/http/internal-client.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import t from 'tap'
import { type IdentityOptions, INTERNAL_SECRET, startIdentity } from '#test/helper.ts'

async function start(t: Teardown, options: IdentityOptions = {}) {
  const identity = await startIdentity(t, options)
  const baseUrl = await identity.app.listen({ host: '127.0.0.1', port: 0 })
  const client = createInternalClient({
    service: 'notification',
    target: 'identity',
    baseUrl,
    secret: INTERNAL_SECRET,
    timeoutMs: 60_000,
  })
  return {
    ...identity,
    ask: (userIds: unknown) =>
      client.request<Contacts & { code?: string }>('POST', CONTACTS_PATH, { userIds }),
    async join(email: string, name = 'Ann Lee'): Promise<string> {
      return ((await identity.register({ email, name })).json() as { id: string }).id
    },
    set: (id: string, change: { status?: 'active' | 'suspended' | 'deleting' | 'deleted' }) =>
      identity.db.updateTable('users').set(change).where('id', '=', id).execute(),
  }
}

t.test('another service is answered where mails to users go', async (t) => {
  const { ask, join, set } = await start(t)
  const ann = await join('Ann@example.org')
  const zoe = await join('zoe@bücher.example', 'Zoë')
  const ben = await join('ben@example.org', 'Ben')
  await set(ben, { status: 'suspended' })
  const { statusCode, body } = await ask([ann, zoe, ben, randomUUID()])
  t.equal(statusCode, 200)
  t.strictSame(
    body.contacts.toSorted((one, other) => one.email.localeCompare(other.email)),
    [
      { userId: ann, name: 'Ann Lee', email: 'Ann@example.org', standing: 'active' },
      { userId: ben, name: 'Ben', email: 'ben@example.org', standing: 'suspended' },
      { userId: zoe, name: 'Zoë', email: 'zoe@xn--bcher-kva.example', standing: 'active' },
    ],
  )
})

t.test('accounts that are deleted are left out, and closed ones are as if suspended', async (t) => {
  const { ask, join, set } = await start(t)
  const [gone, leaving] = [await join('gone@example.org'), await join('leaving@example.org')]
  await set(gone, { status: 'deleted' })
  await set(leaving, { status: 'deleting' })
  t.strictSame((await ask([gone, leaving])).body, {
    contacts: [
      { userId: leaving, name: 'Ann Lee', email: 'leaving@example.org', standing: 'suspended' },
    ],
  })
})

t.test('an address that no one has shown to be theirs gets no mails', async (t) => {
  const { ask, join, db } = await start(t, { emailVerification: 'optional' })
  const ann = await join('ann@example.org')
  t.equal((await ask([ann])).body.contacts.length, 1, 'but where none is asked to')
  const strict = await start(t, { emailVerification: 'required' })
  const rows = await db.selectFrom('users').selectAll().execute()
  for (const row of rows) await strict.db.insertInto('users').values(row).execute()
  t.strictSame((await strict.ask([ann])).body, { contacts: [] })
  await strict.db.updateTable('users').set({ email_verified_at: new Date() }).execute()
  t.match((await strict.ask([ann])).body, { contacts: [{ userId: ann }] })
})

t.test('the route takes at most five hundred users, and no token of a user', async (t) => {
  const { ask, app, register, login } = await start(t)
  const many = (count: number) => Array.from({ length: count }, () => randomUUID())
  t.equal((await ask(many(CONTACTS_USERS_MAX))).statusCode, 200)
  t.equal((await ask(many(CONTACTS_USERS_MAX + 1))).statusCode, 400)
  t.equal((await ask([])).statusCode, 400)
  await register({})
  const { token } = (await login({})).json() as { token: string }
  const answer = await app.inject({
    method: 'POST',
    url: CONTACTS_PATH,
    headers: { authorization: `Bearer ${token}` },
    payload: { userIds: many(1) },
  })
  t.equal(answer.statusCode, 401)
})
