import { createDatabase } from '@auction/common/postgres/database.ts'
import { explainByClock } from '@auction/common/testing/clock-plans.ts'
import { createTestDatabase } from '@auction/common/testing/database.ts'
import t from 'tap'
import { describeOrders } from '#src/infra/postgres/items/item-names.ts'
import { isUnitTaken } from '#src/infra/postgres/orders/orders.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { readBarredOrders } from '#src/infra/postgres/standings/barred.ts'
import { SERVICE } from '#src/service.ts'

const ID = '01900000-0000-7000-8000-000000000001'

t.test('nothing that goes on by itself reads all orders', async (t) => {
  const { whole, indexes } = await explainByClock(
    await createTestDatabase(t, SERVICE.migrations),
    async (pool) => {
      const db = createDatabase<Database>(pool)
      await describeOrders(db, [{ id: ID, itemId: ID, name: 'A lamp', categoryIds: [ID] }])
      await readBarredOrders(db, { after: undefined, limit: 100 })
      await db
        .transaction()
        .execute((tx) => isUnitTaken(tx, { id: ID, itemId: ID, round: 1, unit: 1 }))
    },
  )
  t.strictSame(
    whole.filter(({ table }) => table === 'orders'),
    [],
  )
  for (const index of ['orders_of_item', 'orders_sweepable']) t.ok(indexes.has(index), index)
})
