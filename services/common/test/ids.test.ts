import t from 'tap'
import { newId } from '#src/ids.ts'

t.test('ids are version 7, all different, and rise with time', async (t) => {
  const ids = Array.from({ length: 5_000 }, newId)
  t.equal(new Set(ids).size, ids.length)
  t.ok(
    ids.every((id) =>
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id),
    ),
  )
  const first = ids[0] ?? ''
  const startMs = Date.now()
  while (Date.now() === startMs);
  t.ok(newId().slice(0, 13) > first.slice(0, 13), 'a later millisecond sorts behind')
})
