import { randomUUID } from 'node:crypto'
import t from 'tap'
import {
  checkNotices,
  deletionsSettled,
  noticesSettled,
  readDeleted,
} from '#src/crash/check-notices.ts'
import { createDatabases, type Databases } from './crash-databases.ts'

const DATABASES = ['identity', 'bid', 'order', 'notification']

async function addOrder({ query }: Databases, acts: readonly string[]) {
  const [id, buyer, seller] = [randomUUID(), randomUUID(), randomUUID()]
  await query(
    'order',
    `insert into orders (id, item_id, round, unit, seller_id, buyer_id, source, currency_code, amount, premium, state,
       won_at, due_at, cancel_at, sequence)
     values ($1, gen_random_uuid(), 1, 1, $2, $3, 'won', 'USD', 100, 0, 'pending_payment', now() - interval '1 hour',
       now(), now(), 1)`,
    [id, seller, buyer],
  )
  for (const [index, act] of acts.entries()) {
    await query(
      'order',
      `insert into order_changes (order_id, sequence, act, state, actor, happened_at)
       values ($1, $2, $3, 'pending_payment', 'platform', now())`,
      [id, index + 1, act],
    )
  }
  return { id, buyer, seller }
}

const addNotice = (
  { query }: Databases,
  {
    userId,
    template,
    of,
    sequence,
  }: Record<'userId' | 'template' | 'of', string> & {
    sequence: number
  },
) =>
  query(
    'notification',
    `insert into notices (id, user_id, template, aggregate_id, sequence, data, outdated_at, happened_at)
     values (gen_random_uuid(), $1, $2, $3, $4, '{}', now() + interval '1 day', now())`,
    [userId, template, of, sequence],
  )

const addUser = async ({ query }: Databases, status: string) => {
  const person = { id: randomUUID(), email: `${randomUUID()}@example.test` }
  await query(
    'identity',
    `insert into users (id, email, email_normalised, name, password_hash, status)
     values ($1, $2, $2, 'Ann', '$argon2id$', $3)`,
    [person.id, person.email, status],
  )
  return person
}

t.test('a check of notices knows what of orders is due, once for each change', async (t) => {
  const databases = await createDatabases(t, DATABASES)
  const { url } = databases
  const { id: of, buyer, seller } = await addOrder(databases, ['create', 'fall_due', 'cancel'])
  const due = [
    { userId: buyer, template: 'order_due', of, sequence: 1 },
    { userId: buyer, template: 'order_overdue', of, sequence: 2 },
    { userId: buyer, template: 'purchase_cancelled', of, sequence: 3 },
    { userId: seller, template: 'sale_cancelled', of, sequence: 3 },
  ]
  t.match(await checkNotices(url, [], []), { due: 4, missing: 4, surplus: 0 })
  for (const notice of due) await addNotice(databases, notice)
  t.match(await checkNotices(url, [], []), { due: 4, missing: 0, surplus: 0 })
  await addNotice(databases, { userId: buyer, template: 'order_due', of, sequence: 2 })
  await addNotice(databases, { userId: seller, template: 'order_due', of, sequence: 1 })
  t.match(await checkNotices(url, [], []), { due: 4, missing: 0, surplus: 2 })
})

t.test('what is not over when the patience is says so', async (t) => {
  const databases = await createDatabases(t, DATABASES)
  const { url, query } = databases
  t.equal(await noticesSettled(url, 0), undefined)
  t.equal(await deletionsSettled(url, 0), undefined)
  const notice = { userId: randomUUID(), template: 'won', of: randomUUID(), sequence: 1 }
  await addNotice(databases, notice)
  t.equal(await noticesSettled(url, 0), '1 notices to judge')
  const leaver = await addUser(databases, 'deleting')
  await query(
    'identity',
    `insert into deletions (user_id, trace, due_at) values ($1, '{}', now() + interval '1 minute')`,
    [leaver.id],
  )
  t.equal(await deletionsSettled(url, 0), '1 accounts that are to be deleted')
})

t.test('only who is deleted has left, and is missed where that is not known', async (t) => {
  const databases = await createDatabases(t, DATABASES)
  const { url, query } = databases
  const [left, stayed] = [await addUser(databases, 'deleted'), await addUser(databases, 'active')]
  const deleted = await readDeleted(url, [left, stayed])
  t.strictSame(deleted, [left])
  t.match(await checkNotices(url, [], deleted), { departed: 0, departuresMissing: 1 })
  await query('notification', 'insert into departed_users (user_id) values ($1)', [left.id])
  t.match(await checkNotices(url, [], deleted), { departed: 1, departuresMissing: 0 })
})
