import t from 'tap'
import { build, call, createPublished } from '#test/helper.ts'

t.test('other users see the same, logged in or not', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture, { reservePrice: '150' })
  const as = fixture.identity.person()
  for (const url of [`/api/v1/items/${id}`, '/api/v1/items?limit=5']) {
    const beganMs = Date.now()
    const [anonymous, stranger] = [
      await call(fixture, 'GET', url),
      await call(fixture, 'GET', url, { as }),
    ]
    t.equal(anonymous.headers['content-type'], stranger.headers['content-type'])
    t.equal(anonymous.headers['cache-control'], 'no-store')
    const { isWatched: _, serverTime: now, ...seen } = stranger.body
    const { serverTime, ...shown } = anonymous.body
    t.strictSame(shown, seen)
    for (const time of [serverTime, now]) {
      const ms = Date.parse(String(time))
      t.ok(ms > beganMs - 5_000 && ms < Date.now() + 5_000, 'the time of its request')
    }
    t.notMatch(JSON.stringify(anonymous.body), /150\.00|reservePrice/)
  }
  const seller = await call(fixture, 'GET', `/api/v1/items/${id}`, { as: fixture.seller })
  t.equal(seller.body.reservePrice, '150.00')
})
