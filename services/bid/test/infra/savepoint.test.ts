import { sql } from 'kysely'
import t from 'tap'
import { inSavepoint, SavepointError } from '#src/infra/postgres/savepoint.ts'
import { createWorld } from '#test/helper.ts'

t.test('the failure of a part undoes that part alone and is thrown on', async (t) => {
  const { db } = await createWorld(t)
  const answer = await db.transaction().execute(async (tx) => {
    await t.rejects(
      inSavepoint(tx, () => sql`select 1 / 0`.execute(tx)),
      /division by zero/,
    )
    return inSavepoint(tx, () => sql<{ one: number }>`select 1 as one`.execute(tx))
  })
  t.same(answer.rows, [{ one: 1 }])
})

t.test('a savepoint that is gone gives the whole transaction up', async (t) => {
  const { db } = await createWorld(t)
  const transaction = db.transaction().execute((tx) =>
    inSavepoint(tx, async () => {
      await sql`release savepoint part`.execute(tx)
      throw new Error('the part failed')
    }),
  )
  await t.rejects(transaction, SavepointError)
})
