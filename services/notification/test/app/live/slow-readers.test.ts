import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { closed, createLiveWorld, placed, priceAt } from '#test/live-helper.ts'

const LOTS = 50
const READERS = 5

t.test('a client that does not read is cut, and the others get every price', async (t) => {
  const world = await createLiveWorld(t)
  const { url, registry } = await world.replica()
  const lots = Array.from({ length: LOTS }, () => randomUUID())
  const readers = await Promise.all(
    Array.from({ length: READERS }, () => world.watch({ urls: [url], lots })),
  )
  const frozen = await world.watch({ urls: [url], lots })
  await world.publish(...lots.map((itemId) => placed({ itemId, sequence: 1 })))
  await waitFor('the first prices', () => frozen.lots.size === LOTS)
  frozen.freeze()
  const cut = async () => {
    const [, count] =
      /live_ended_total\{reason="slow".*\} (\d+)/.exec(await registry.metrics()) ?? []
    return Number(count)
  }
  let sequence = 1
  // The kernel takes megabytes for a client before anything is seen of it. A closing is sent at once,
  // so that they are soon there.
  await waitFor('the cut', async () => {
    for (let round = 0; round < 20; round += 1) {
      sequence += 1
      await world.publish(...lots.map((itemId) => closed(itemId, sequence)))
    }
    return (await cut()) > 0
  })
  t.equal(await cut(), 1, 'and no other')
  for (const reader of readers) {
    await waitFor('the last prices', () =>
      lots.every((itemId) => reader.lots.get(itemId)?.currentPrice === priceAt(sequence - 1)),
    )
    t.equal(reader.opened(), 1)
  }
  const after = frozen.lastId() ?? 0
  t.ok(after > 0)
  const back = await world.watch({ urls: [url], lots, after })
  await waitFor('the last prices', () =>
    lots.every((itemId) => back.lots.get(itemId)?.sequence === sequence),
  )
  t.notOk(
    back.messages.some(({ event }) => event === 'resync'),
    'it comes back with its last id and misses nothing',
  )
})
