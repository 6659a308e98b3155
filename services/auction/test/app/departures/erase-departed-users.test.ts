import { randomUUID } from 'node:crypto'
import { userDeleted } from '@auction/common/contracts/identity.ts'
import t from 'tap'
import { eraseDepartedUsers } from '#src/app/departures/erase-departed-users.ts'
import { consume, event } from '#test/bid-history.ts'
import {
  build,
  call,
  createDraft,
  createPublished,
  type Fixture,
  writtenEvents,
} from '#test/helper.ts'

const leave = ({ dependencies }: Fixture, userId: string) =>
  consume(dependencies, [event(userDeleted, userId, { userId }, 2)])

t.test(
  'drafts of a deleted account go, public items stay, and other users lose none',
  async (t) => {
    const fixture = await build(t)
    const { db, database, dependencies, identity } = fixture
    const { events } = dependencies
    const [ann, ben] = [identity.person(), identity.person()]
    const drafts = []
    for (const name of ['A diary', 'Letters', 'Photographs']) {
      drafts.push(await createDraft(fixture, { name }, ann))
    }
    const shown = await createPublished(fixture, {}, ann)
    const kept = await createDraft(fixture, {}, ben)
    const imageId = randomUUID()
    await database.pool.query(
      `insert into item_images (id, item_id, position, width, height)
     values ($1, $2, 1, 10, 10)`,
      [imageId, drafts[0]],
    )
    await leave(fixture, ann.id)
    await leave(fixture, ann.id)
    const deleted = await Promise.all([1, 2, 3].map(() => eraseDepartedUsers({ db, events }, 2)))
    t.equal(
      deleted.reduce((sum, count) => sum + count),
      3,
    )
    const { rows } = await database.pool.query('select id from items')
    t.same(rows.map(({ id }) => id).sort(), [shown, kept].sort())
    for (const id of drafts) {
      t.match((await writtenEvents(database, id)).at(-1), { key: 'item.deleted.v1' })
    }
    const due = await database.pool.query('select image_id from image_deletions')
    t.same(due.rows, [{ image_id: imageId }], 'the pictures go too')

    const late = await createDraft(fixture, {}, ann)
    t.equal(await eraseDepartedUsers({ db, events }), 0, 'a token lives on for minutes')
    await database.pool.query(
      `update departed_users set left_at = left_at - interval '25 hours', due_at = left_at`,
    )
    t.equal(await eraseDepartedUsers({ db, events }), 1)
    t.equal((await call(fixture, 'GET', `/api/v1/items/${late}`, { as: ann })).statusCode, 404)
    t.equal(
      (await database.pool.query('select from departed_users')).rowCount,
      0,
      'and that is all',
    )
  },
)

t.test('an account whose drafts cannot be deleted does not delay the others', async (t) => {
  const fixture = await build(t)
  const { db, database, dependencies, identity } = fixture
  const [ann, ben] = [identity.person(), identity.person()]
  const stuck = await createDraft(fixture, {}, ann)
  await createDraft(fixture, {}, ben)
  await database.pool.query(`create function fail() returns trigger language plpgsql as $$
    begin raise exception 'no good'; end $$`)
  await database.pool.query(`create trigger fail before delete on items
    for each row when (old.id = '${stuck}') execute function fail()`)
  for (const { id } of [ann, ben]) await leave(fixture, id)
  const run = () => eraseDepartedUsers({ db, events: dependencies.events })
  await t.rejects(run(), /no good/)
  const { rows } = await database.pool.query('select id from items')
  t.same(rows, [{ id: stuck }])
  t.equal(await run(), 0, 'and is not tried at once again')
})

t.test('moderation notes about a deleted account are deleted', async (t) => {
  const fixture = await build(t)
  const { db, database, dependencies } = fixture
  const [ann, ben, cas] = [randomUUID(), randomUUID(), randomUUID()]
  const { pool } = database
  for (const [kind, user, subject] of [
    ['same_address', ann, ben],
    ['same_address', ben, ann],
    ['only_one_seller', ben, ann],
    ['never_wins', ben, ben],
    ['same_address', ben, cas],
  ]) {
    await pool.query(
      `insert into review_flags (kind, user_id, subject_id, details) values ($1, $2, $3, '{}')`,
      [kind, user, subject],
    )
  }
  for (const user of [ann, ben]) {
    await pool.query('insert into user_registrations values ($1, clock_timestamp())', [user])
    await pool.query('insert into late_bids values ($1, $1, clock_timestamp())', [user])
    await pool.query('insert into bidder_items values ($1, $1)', [user])
    await pool.query('insert into bidder_checks values ($1, clock_timestamp())', [user])
  }
  await leave(fixture, ann)
  await eraseDepartedUsers({ db, events: dependencies.events })
  const { rows } = await pool.query(
    'select kind, user_id, subject_id from review_flags order by kind, subject_id',
  )
  t.same(rows, [
    { kind: 'never_wins', user_id: ben, subject_id: ben },
    { kind: 'same_address', user_id: ben, subject_id: cas },
  ])
  for (const table of ['user_registrations', 'late_bids', 'bidder_items', 'bidder_checks']) {
    const { rows: left } = await pool.query(`select * from ${table}`)
    t.match(left, { length: 1 }, table)
    t.notMatch(JSON.stringify(left), ann, table)
  }
})
