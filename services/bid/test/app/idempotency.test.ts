import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createWorld } from '#test/helper.ts'

t.test('the same key always gets the same answer', async (t) => {
  const world = await createWorld(t)
  const replica = await world.replica()
  const ann = randomUUID()

  t.test('100 sends of one key in parallel, over two processes, are one bid', async (t) => {
    const { itemId } = await world.putTerms()
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        world.bid(itemId, ann, '25.00', {
          key: 'k-100',
          app: index % 2 === 0 ? world.app : replica,
        }),
      ),
    )
    t.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1, 'identical bodies')
    t.ok(answers.every(({ statusCode }) => statusCode === 201))
    t.equal(
      answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined).length,
      1,
    )
    t.match(await world.lot(itemId), { bidCount: 1, sequence: 1 })
  })

  t.test('another body under the key is 422 and changes nothing', async (t) => {
    const { itemId } = await world.putTerms()
    await world.bid(itemId, ann, '25.00', { key: 'k-body' })
    const other = await world.bid(itemId, ann, '26.00', { key: 'k-body' })
    t.match(other, { statusCode: 422, body: { code: 'bid.idempotency_key_reused' } })
    t.match(await world.lot(itemId), { bidCount: 1 })
    t.equal(
      (await world.bid(itemId, randomUUID(), '26.00', { key: 'k-body' })).statusCode,
      201,
      'keys are per bidder',
    )
  })

  t.test('one key on two lots in the same instant is one bid', async (t) => {
    const [one, two] = [await world.putTerms(), await world.putTerms()]
    const answers = await Promise.all([
      world.bid(one.itemId, ann, '25.00', { key: 'k-two' }),
      world.bid(two.itemId, ann, '25.00', { key: 'k-two', app: replica }),
    ])
    t.strictSame(answers.map(({ statusCode }) => statusCode).sort(), [201, 422])
    const counts = [await world.lot(one.itemId), await world.lot(two.itemId)].map(
      ({ bidCount }) => bidCount,
    )
    t.strictSame(counts.sort(), [0, 1])
  })

  t.test('a refusal is an answer too: it is repeated although the lot has moved on', async (t) => {
    const { itemId } = await world.putTerms()
    const refused = await world.bid(itemId, ann, '9.00', { key: 'k-low' })
    t.equal(refused.body.code, 'bid.too_low')
    await world.bid(itemId, randomUUID(), '15.00')
    const again = await world.bid(itemId, ann, '9.00', { key: 'k-low' })
    t.strictSame({ ...again.body, traceId: '' }, { ...refused.body, traceId: '' })
  })

  t.test('without a key a double click within three seconds is one bid', async (t) => {
    const { itemId } = await world.putTerms()
    const [first, second] = [
      await world.bid(itemId, ann, '25.00'),
      await world.bid(itemId, ann, '25.00'),
    ]
    t.strictSame(second.body, first.body)
    t.match(await world.lot(itemId), { bidCount: 1 })
    await world.pool.query('alter table bids disable trigger bids_append_only')
    await world.pool.query(
      `update bids set recorded_at = recorded_at - interval '4 s' where item_id = $1`,
      [itemId],
    )
    await world.pool.query('alter table bids enable trigger bids_append_only')
    t.equal(
      (await world.bid(itemId, ann, '25.00')).body.code,
      'bid.too_low',
      'later it is a new bid',
    )
  })

  t.test('after a crash between commit and reply, a retry gets the original answer', async (t) => {
    const { itemId } = await world.putTerms()
    const original = await world.bid(itemId, ann, '25.00', { key: 'k-crash' })
    const restarted = await world.replica()
    const retried = await world.bid(itemId, ann, '25.00', { key: 'k-crash', app: restarted })
    t.strictSame(retried.body, original.body)
  })
})

t.test('the ledger can neither be changed nor deleted, only refused bids age out', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms()
  await world.bid(itemId, randomUUID(), '25.00')
  await world.bid(itemId, randomUUID(), '1.00')
  await t.rejects(world.pool.query('update bids set max_amount = 1'), /append-only/)
  await t.rejects(world.pool.query(`delete from bids where outcome <> 'refused'`), /append-only/)
  const deleted = await world.pool.query(`delete from bids where outcome = 'refused'`)
  t.equal(deleted.rowCount, 1)
})
