import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createWorld } from '#test/helper.ts'

t.test('a lot in a currency that is no longer known fails its own bids only', async (t) => {
  const world = await createWorld(t)
  const lots = await Promise.all(Array.from({ length: 5 }, () => world.putTerms()))
  const broken = lots[2]?.itemId ?? ''
  await world.bid(broken, randomUUID(), '11.00')
  await world.pool.query(`update lots set currency_code = 'BGN' where item_id = $1`, [broken])
  await world.pool.query('delete from outbox')
  const answers = await Promise.all(
    lots.map(({ itemId }) => world.bid(itemId, randomUUID(), '12.00')),
  )
  t.strictSame(
    answers.map(({ statusCode }) => statusCode === 201),
    [true, true, false, true, true],
  )
  const { rows } = await world.pool.query('select count(*)::int as commits from outbox')
  t.equal(rows[0].commits, 1, 'the others were decided together, not one by one')
})

t.test('a migration that changes the type of a column costs no bid', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms()
  t.equal((await world.bid(itemId, randomUUID(), '11.00')).statusCode, 201)
  await world.pool.query('alter table lots alter column type type varchar(20)')
  t.equal((await world.bid(itemId, randomUUID(), '12.00')).statusCode, 201)
})
