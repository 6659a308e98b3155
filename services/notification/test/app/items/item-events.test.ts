import { randomUUID } from 'node:crypto'
import t from 'tap'
import { created, permutations, updated } from '#test/events.ts'
import { createWorld } from '#test/helper.ts'

t.test('an item has its latest name, in whatever order its events come', async (t) => {
  const { consume, database } = await createWorld(t)
  const seller = randomUUID()
  for (const order of permutations([1, 2, 3])) {
    const id = randomUUID()
    const events = [
      created(id, seller, 'A vase'),
      updated(id, seller, 'A blue vase', 2),
      updated(id, seller, 'A blue vase, chipped', 4),
    ]
    for (const at of order) {
      await consume(events.slice(at - 1, at))
      await consume(events.slice(at - 1, at))
    }
    const { rows } = await database.pool.query(
      'select name, seller_id as seller, currency_code as currency from items where id = $1',
      [id],
    )
    t.same(rows, [{ name: 'A blue vase, chipped', seller, currency: 'EUR' }], order.join(' '))
  }
})
