import { randomUUID } from 'node:crypto'
import t from 'tap'
import { verifyLots } from '#src/app/verify-lots.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { createWorld } from '#test/helper.ts'

const DAY_MS = 86_400_000

t.test('every lot is verified, page by page, and what is wrong with one is found', async (t) => {
  const world = await createWorld(t)
  const verify = () => verifyLots(world.db, createBidSettings(), 2)
  t.strictSame(await verify(), { lots: 0, entries: 0, violations: [] })
  const lots: string[] = []
  for (let index = 0; index < 5; index += 1) {
    const { itemId } = await world.putTerms()
    lots.push(itemId)
    await world.bid(itemId, randomUUID(), '20.00')
    await world.bid(itemId, randomUUID(), '30.00')
  }
  const [closed = '', damaged = '', , , withoutResult = ''] = lots.toSorted()
  for (const itemId of [closed, withoutResult]) await world.shiftLot(itemId, -2 * DAY_MS)
  t.equal(await world.close(), 2)
  const sound = await verify()
  t.match(sound, { lots: 5, entries: 10 })
  const moved = (text: string) => text.startsWith(closed) || text.startsWith(withoutResult)
  t.strictSame(
    sound.violations.filter((text) => !moved(text)),
    [],
    'apart from those whose times this test moved',
  )
  await world.pool.query('update lots set current_price = current_price + 1 where item_id = $1', [
    damaged,
  ])
  await world.pool.query('delete from results where item_id = $1', [withoutResult])
  const { violations } = await verify()
  t.ok(violations.some((text) => text.startsWith(damaged)))
  t.ok(violations.some((text) => text.startsWith(`${withoutResult} I17`)))
  t.notOk(violations.some((text) => text.startsWith(`${closed} I17`)))
})

t.test('a number that two bidders of a lot have is found', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms()
  for (const amount of ['20.00', '30.00']) await world.bid(itemId, randomUUID(), amount)
  const verify = async () => (await verifyLots(world.db, createBidSettings())).violations
  t.strictSame(await verify(), [])
  await world.pool.query('update lot_bidders set number = 1 where number = 2')
  t.match(await verify(), [/bidderNumber differs/])
})
