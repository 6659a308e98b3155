import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { recordNotices } from '#src/app/notices/record-notices.ts'
import { lockDepartures } from '#src/infra/postgres/departures/departed-users.ts'
import { deleted, ids, lost, outbid, won } from '#test/events.ts'
import { createWorld, giveAllBrowsers, HOLD_MS, type World } from '#test/helper.ts'

/** Resolves when so many transactions of this database wait for a lock. */
const waitForLocks = ({ database }: World, count: number) =>
  waitFor(`${count} transactions to wait for a lock`, async () => {
    const { rows } = await database.pool.query(
      `select from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`,
    )
    return rows.length === count
  })

async function rest({ database }: World, userId: string): Promise<unknown> {
  const counts = ['notices', 'deliveries', 'readers', 'preferences'].map(
    (table) => `(select count(*)::int from ${table} where user_id = $1) as ${table}`,
  )
  const { rows } = await database.pool.query(`select ${counts.join(', ')}`, [userId])
  return rows[0]
}

const NOTHING = { notices: 0, deliveries: 0, readers: 0, preferences: 0 }

t.test('nothing is kept of a deleted user, and late events record nothing', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const { consume, dispatch, letTimePass, database } = world
  const [ann, ben, item] = ids()
  await database.pool.query(`insert into readers (user_id, language) values ($1, 'de')`, [ann])
  await database.pool.query(`insert into preferences values ($1, 'searches', 'mail', 'off')`, [ann])
  await consume([won(item, 5, ann, ben), outbid(item, 3, ann)])
  await letTimePass(HOLD_MS)
  await dispatch()
  await consume([outbid(item, 4, ann)])
  t.match(await rest(world, ann), { notices: 3, deliveries: 4, readers: 1, preferences: 1 })

  await consume([deleted(ann)])
  t.same(await rest(world, ann), NOTHING)
  t.match(await rest(world, ben), { notices: 1, deliveries: 2 }, 'others keep theirs')

  await consume([won(item, 5, ann, ben), outbid(item, 3, ann), lost(item, 5, [ann, ben])])
  await consume([deleted(ann)])
  t.same(await rest(world, ann), NOTHING)
  t.match(await rest(world, ben), { notices: 2 }, 'the same event still notifies others')
})

t.test('an event that is being recorded while its user is deleted leaves nothing', async (t) => {
  const world = await createWorld(t)
  const { consume, db } = world
  const [ann, item] = [randomUUID(), randomUUID()]
  const about = { userId: ann, template: 'lost', aggregateId: item, sequence: 1, data: {} } as const
  const recording = await db.startTransaction().execute()
  t.equal((await recordNotices(recording, [about])).length, 1)
  const deleting = consume([deleted(ann)])
  await waitForLocks(world, 1)
  await recording.commit().execute()
  await deleting
  t.same(await rest(world, ann), NOTHING)
})

t.test('an event that comes while its user is being deleted is recorded for no one', async (t) => {
  const world = await createWorld(t)
  const { consume, db } = world
  const [ann, ben, item] = ids()
  const deleting = await db.startTransaction().execute()
  const { onUserDeleted } = await import('#src/app/departures/user-deleted.ts')
  const about = { payload: { userId: ann } } as never
  await onUserDeleted().handle(deleting, [about])
  const recording = consume([lost(item, 1, [ann, ben])])
  await waitForLocks(world, 1)
  await deleting.commit().execute()
  await recording
  t.same(await rest(world, ann), NOTHING)
  t.match(await rest(world, ben), { notices: 1 })
})

t.test('a notice that is being judged while its user is deleted leaves no delivery', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const { consume, db, dispatch, database } = world
  const [ann, ben, item] = ids()
  await consume([won(item, 5, ann, ben)])
  // Holds the dispatcher in the middle of its transaction: it cannot insert.
  const holding = await database.pool.connect()
  await holding.query('begin')
  await holding.query('lock table deliveries in share mode')
  const dispatching = dispatch()
  await waitForLocks(world, 1)
  const deleting = consume([deleted(ann)])
  await waitForLocks(world, 2)
  await holding.query('commit')
  holding.release()
  await Promise.all([dispatching, deleting])
  t.same(await rest(world, ann), NOTHING)
  t.match(await rest(world, ben), { notices: 1, deliveries: 2 })
  t.ok(await db.selectFrom('departed_users').selectAll().executeTakeFirst())
})

t.test('a deletion and a dispatcher that supersedes do not wait for each other', async (t) => {
  const world = await createWorld(t)
  const { consume, db, dispatch, letTimePass } = world
  const [ann, item] = ids()
  await consume([outbid(item, 3, ann)])
  await letTimePass(HOLD_MS)
  await dispatch()
  await consume([outbid(item, 5, ann)])
  await letTimePass(HOLD_MS)
  const deleting = await db.startTransaction().execute()
  const deleteOne = (sequence: bigint) =>
    deleting.deleteFrom('notices').where('sequence', '=', sequence).execute()
  await lockDepartures(deleting)
  await deleteOne(3n)
  const dispatching = dispatch()
  await waitForLocks(world, 1)
  await deleteOne(5n)
  await deleting.commit().execute()
  t.equal(await dispatching, 0)
})

t.test(
  'users are deleted in the middle of a storm of their events, and nothing stays',
  async (t) => {
    const world = await createWorld(t)
    const { consume, dispatch } = world
    const users = Array.from({ length: 40 }, () => randomUUID())
    const items = Array.from({ length: 10 }, () => randomUUID())
    const work = async (turn: number) => {
      for (const [index, item] of items.entries()) {
        if (index % 4 === turn) await consume([lost(item, 1, users)])
        if (index % 4 === turn) await dispatch()
      }
    }
    const leave = async () => {
      for (let at = 0; at < users.length; at += 4)
        await consume(users.slice(at, at + 4).map(deleted))
    }
    await Promise.all([work(0), work(1), leave(), work(2), work(3)])
    for (const user of users) t.same(await rest(world, user), NOTHING)
  },
)
