import { createTestDatabase } from '@auction/common/testing/database.ts'
import t from 'tap'
import { SERVICE } from '#src/service.ts'
import { buildReadOnlyApp, explain, readsWhole, recordStatements } from '#test/search-plans.ts'
import { pathOf, searchShapes } from '#test/search-shapes.ts'
import { fillSearchWorld } from '#test/search-world.ts'

const ITEMS = 12_000

t.test('no search reads a large table from end to end', async (t) => {
  const database = await createTestDatabase(t, SERVICE.migrations)
  const { pool } = database
  const world = await fillSearchWorld(database, ITEMS)
  const recorder = recordStatements(pool)
  const app = await buildReadOnlyApp(recorder.db)
  t.teardown(() => app.close())
  const get = async (path: string) => (await app.inject(path)).json()
  // These few items lie on so few pages that reading all of them is rightly the cheaper way at times.
  // With look-ups at the price they have in memory the plans are those of a hundred thousand.
  const explainer = await pool.connect()
  t.teardown(() => explainer.release(true))
  await explainer.query('set random_page_cost = 1.1')
  // A value that is a number may be written in several ways, which is another condition.
  const number = { name: 'attribute number', query: { attribute: 'width:10' } }
  for (const shape of [...searchShapes(world), number]) {
    const path = await pathOf(shape, get)
    recorder.take()
    const answer = await app.inject(path)
    t.equal(answer.statusCode, 200, path)
    const statements = recorder.take()
    t.ok(statements.length >= 2, 'a page and its facets')
    const { q, attribute }: Record<string, string> = shape.query
    if (q !== undefined && attribute !== undefined) {
      const matching = statements.filter(({ sql }) => sql.includes('item_search'))
      // So few items match that those which look like the words are looked for as well.
      t.ok(matching.length <= 2, 'the page and its counts are compared once for each way to match')
    }
    for (const statement of statements) {
      const plan = await explain(explainer, statement)
      t.strictSame(readsWhole(plan), [], shape.name, { plan })
    }
  }
})
