import t from 'tap'
import { createItemEvents } from '#src/app/item-events.ts'
import { startItems } from '#src/app/start-items.ts'
import { build, createPublished, inMinutes, writtenEvents } from '../helper.ts'

t.test('with LEGACY_PASCAL_ALIAS an event has the names of the original too', async (t) => {
  const fixture = await build(t)
  const { db, database } = fixture
  const id = await createPublished(fixture, { startDate: inMinutes(60) })
  await database.pool.query(`update items set start_date = now() - interval '1 second'`)
  const events = createItemEvents(database.pool, { legacyAlias: true })
  t.equal(await startItems({ db, events }), 1)
  const { key, payload } = (await writtenEvents(database, id)).at(-1) ?? {}
  t.equal(key, 'item.started.v1')
  t.type(payload?.Name, 'string')
  t.equal(payload?.Name, payload?.name)
})
