import t from 'tap'
import { startItems } from '#src/app/listing/start-items.ts'
import { IDLE_MS, sweepTerms } from '#src/app/lot-terms/sweep-terms.ts'
import { build, call, createPublished, type Fixture, inMinutes, writtenEvents } from '../helper.ts'

const status = async (fixture: Fixture, id: string) =>
  (await call(fixture, 'GET', `/api/v1/items/${id}`)).body.status

/** Moves the start before now by the database's clock, so that the test does not wait. */
async function makeDue({ database }: Fixture, id: string): Promise<void> {
  await database.pool.query(
    `update items set start_date = clock_timestamp() - interval '1 millisecond' where id = $1`,
    [id],
  )
}

t.test('an item starts once, when its time has come, and publishes that', async (t) => {
  const fixture = await build(t)
  const { dependencies } = fixture
  const due = await createPublished(fixture, { startDate: inMinutes(30) })
  const later = await createPublished(fixture, { startDate: inMinutes(60) })
  t.equal(await startItems(dependencies), 0)
  await makeDue(fixture, due)
  const counts = await Promise.all([startItems(dependencies), startItems(dependencies)])
  t.equal(counts[0] + counts[1], 1, 'two workers start it once')
  t.equal(await startItems(dependencies), 0)
  t.equal(await status(fixture, due), 'active')
  t.equal(await status(fixture, later), 'scheduled')
  const events = await writtenEvents(fixture.database, due)
  t.match(events.at(-1), { key: 'item.started.v1', sequence: 4, payload: { id: due } })
  t.equal(events.length, 4)
})

t.test('an item does not start while a change of it is pending', async (t) => {
  const fixture = await build(t)
  const { dependencies, bid, seller } = fixture
  const id = await createPublished(fixture, { startDate: inMinutes(30) })
  bid.mode = 'down'
  const startDate = inMinutes(60)
  const { statusCode } = await call(fixture, 'PUT', `/api/v1/items/${id}`, {
    as: seller,
    body: { startDate },
  })
  t.equal(statusCode, 503)
  await makeDue(fixture, id)
  t.equal(await startItems(dependencies), 0)
  bid.mode = 'up'
  await sweepTerms(dependencies, 0)
  t.equal(await startItems(dependencies), 0)
  const { body } = await call(fixture, 'GET', `/api/v1/items/${id}`)
  t.match(body, { status: 'scheduled', startDate })
})

t.test('the sweeper leaves a change alone while its request still runs', async (t) => {
  const fixture = await build(t)
  const { dependencies, bid } = fixture
  bid.mode = 'down'
  await createPublished(fixture)
  bid.mode = 'up'
  t.ok(IDLE_MS > 2_000, 'longer than a request waits for bid')
  t.equal(await sweepTerms(dependencies, 3_600_000), 0)
  t.equal(await sweepTerms(dependencies, 0), 1)
})
