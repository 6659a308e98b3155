import t from 'tap'
import { createSharedAnswers } from '#src/app/shared-answers.ts'
import { build, call, createPublished } from '../helper.ts'

const at = new Date('2026-11-24T00:00:00.000Z')

/** A clock and a source that are the test's, and what was asked of the source. */
function start(maxAgeMs: number) {
  const clock = { ms: 0 }
  const asked: string[] = []
  const shared = createSharedAnswers(maxAgeMs, () => clock.ms)
  const ask = async (key: string, fail = false) => {
    const answer = await shared.of(key, async () => {
      asked.push(key)
      await Promise.resolve()
      if (fail) throw new Error('down')
      return { body: { key, nth: asked.length }, now: new Date(at.getTime() + clock.ms) }
    })
    return String(answer)
  }
  return { clock, asked, ask }
}

t.test('many at once cost one reading, and the time goes on', async (t) => {
  const { clock, asked, ask } = start(100)
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask('a')))
  t.equal(new Set(answers).size, 1)
  t.equal(answers[0], '{"key":"a","nth":1,"serverTime":"2026-11-24T00:00:00.000Z"}')
  clock.ms = 99
  t.equal(await ask('a'), '{"key":"a","nth":1,"serverTime":"2026-11-24T00:00:00.099Z"}')
  await ask('b')
  t.same(asked, ['a', 'b'])
  clock.ms = 100
  t.match(await ask('a'), /"nth":3/)
})

t.test('with no age only what is read at the same time is shared', async (t) => {
  const { asked, ask } = start(0)
  await Promise.all([ask('a'), ask('a')])
  await ask('a')
  t.same(asked, ['a', 'a'])
})

t.test('a failure is told to all who waited, and is not remembered', async (t) => {
  const { ask } = start(100)
  const failed = await Promise.allSettled([ask('a', true), ask('a')])
  t.ok(failed.every(({ status }) => status === 'rejected'))
  t.match(await ask('a'), /"key":"a"/)
})

t.test('of very many the oldest are forgotten', async (t) => {
  const { asked, ask } = start(100)
  for (let index = 0; index <= 2_000; index += 1) await ask(String(index))
  await ask('2000')
  await ask('0')
  t.equal(asked.length, 2_002)
})

t.test('strangers see the same, logged in or not', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture, { reservePrice: '150' })
  const as = fixture.identity.person()
  for (const url of [`/api/v1/items/${id}`, '/api/v1/items?limit=5']) {
    const [anonymous, stranger] = [
      await call(fixture, 'GET', url),
      await call(fixture, 'GET', url, { as }),
    ]
    t.equal(anonymous.headers['content-type'], stranger.headers['content-type'])
    t.equal(anonymous.headers['cache-control'], 'no-store')
    const { isWatched: _, serverTime: now, ...seen } = stranger.body
    const { serverTime, ...shown } = anonymous.body
    t.strictSame(shown, seen)
    t.ok(Math.abs(Date.parse(String(serverTime)) - Date.parse(String(now))) < 5_000)
    t.notOk(JSON.stringify(anonymous.body).includes('150'))
  }
  const seller = await call(fixture, 'GET', `/api/v1/items/${id}`, { as: fixture.seller })
  t.equal(seller.body.reservePrice, '150.00')
})
