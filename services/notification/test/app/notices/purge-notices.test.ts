import t from 'tap'
import { purgeOldNotices } from '#src/app/notices/purge-notices.ts'
import { closed, created, ids, placed, won } from '#test/events.ts'
import { createWorld, giveAllBrowsers } from '#test/helper.ts'

const DAY_MS = 86_400_000
const RETENTION_DAYS = 180

t.test('notices, lots and items are purged when their time is over, and not before', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const { consume, dispatch, letTimePass, db, database } = world
  const [seller, buyer, item, open] = ids()
  const counts = async () => {
    const tables = ['notices', 'deliveries', 'lots', 'items'].map(
      (table) => `(select count(*)::int from ${table}) as ${table}`,
    )
    return (await database.pool.query(`select ${tables.join(', ')}`)).rows[0]
  }
  await consume([created(item, seller, 'A vase'), won(item, 5, buyer, seller)])
  await consume([closed(item, 5), placed(open, 3, buyer)])
  await dispatch()
  const purge = (batch?: number) => purgeOldNotices(db, RETENTION_DAYS, batch)

  await letTimePass(89 * DAY_MS)
  await purge()
  t.same(await counts(), { notices: 2, deliveries: 4, lots: 2, items: 1 })
  await letTimePass(2 * DAY_MS)
  await purge()
  t.same(await counts(), { notices: 2, deliveries: 4, lots: 1, items: 1 }, 'closed long ago')
  await letTimePass(88 * DAY_MS)
  await purge()
  t.match(await counts(), { notices: 2, deliveries: 4 }, '179 days')
  await letTimePass(2 * DAY_MS)
  await purge(1)
  t.same(await counts(), { notices: 0, deliveries: 0, lots: 1, items: 1 }, 'in batches, to the end')
  await letTimePass(200 * DAY_MS)
  await purge()
  t.same(await counts(), { notices: 0, deliveries: 0, lots: 1, items: 0 }, 'an open lot stays')
})
