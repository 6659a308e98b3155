import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { Type } from 'typebox'
import { answers, Instant } from '#src/http/schemas.ts'
import { createSharedAnswers, sendShared } from '#src/http/shared-answers.ts'
import { buildToy } from '#test/helper.ts'

const at = new Date('2026-11-24T00:00:00.000Z')

/** A clock and a source that are the test's, and what was asked of the source. */
function start(maxAgeMs: number) {
  const clock = { ms: 0 }
  const asked: string[] = []
  const shared = createSharedAnswers(maxAgeMs, () => clock.ms)
  const ask = async (key: string, fail = false) => {
    const answer = await shared.of(
      key,
      async () => {
        asked.push(key)
        await Promise.resolve()
        if (fail) throw new Error('down')
        return { body: { key, nth: asked.length }, now: new Date(at.getTime() + clock.ms) }
      },
      JSON.stringify,
    )
    return String(answer)
  }
  return { clock, asked, ask }
}

async function begun(asked: string[], count: number) {
  while (asked.length < count) await setImmediate()
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

t.test(
  'with no age no caller gets what was read before they asked, and still they share',
  async (t) => {
    const { clock, asked, ask } = start(0)
    const first = [ask('a'), ask('a')]
    t.same(asked, [], 'all that arrived together have asked before it is read')
    await begun(asked, 1)
    clock.ms = 1
    const meanwhile = [ask('a'), ask('a'), ask('a')]
    for (const answer of await Promise.all(first)) t.match(answer, /"nth":1,/)
    t.equal(new Set(await Promise.all(meanwhile)).size, 1)
    t.match(await meanwhile[0], /"nth":2,/)
    await ask('a')
    t.same(asked, ['a', 'a', 'a'])
  },
)

t.test('a reading that hangs does not hold up the others for long', async (t) => {
  const shared = createSharedAnswers(0)
  let asked = 0
  const answer = { body: {}, now: at }
  let release = () => {}
  const hanging = new Promise<typeof answer>((resolve) => {
    release = () => resolve(answer)
  })
  const ask = () => {
    asked += 1
    return asked === 1 ? hanging : Promise.resolve(answer)
  }
  const first = shared.of('a', ask, JSON.stringify)
  while (asked === 0) await setImmediate()
  await Promise.all(Array.from({ length: 100 }, () => shared.of('a', ask, JSON.stringify)))
  t.equal(asked, 2, 'one more reading for all of them, while the first still hangs')
  release()
  await first
})

t.test('the time goes on from when it was read, not from the end of the reading', async (t) => {
  const clock = { ms: 0 }
  const shared = createSharedAnswers(100, () => clock.ms)
  const answer = await shared.of(
    'a',
    async () => {
      clock.ms = 1_500
      return { body: {}, now: at, nowCameAtMs: 0 }
    },
    JSON.stringify,
  )
  t.equal(String(answer), '{"serverTime":"2026-11-24T00:00:01.500Z"}')
})

t.test('a failure is reported to all who waited, and is not remembered', async (t) => {
  const { ask } = start(100)
  const failed = await Promise.allSettled([ask('a', true), ask('a')])
  t.ok(failed.every(({ status }) => status === 'rejected'))
  const strict = start(0)
  const fails = strict.ask('a', true)
  fails.catch(() => {})
  await begun(strict.asked, 1)
  const both = await Promise.allSettled([fails, strict.ask('a')])
  t.same(
    both.map(({ status }) => status),
    ['rejected', 'fulfilled'],
    'the next reading is one of its own',
  )
  t.match(await ask('a'), /"key":"a"/)
})

t.test('of very many the oldest are forgotten', async (t) => {
  const { asked, ask } = start(100)
  for (let index = 0; index <= 2_000; index += 1) await ask(String(index))
  await ask('2000')
  await ask('0')
  t.equal(asked.length, 2_002)
})

t.test('large answers to many different questions fill no memory', async (t) => {
  const shared = createSharedAnswers(60_000)
  const text = 'x'.repeat(1024 * 1024)
  let asked = 0
  const ask = async () => {
    asked += 1
    return { body: { text }, now: at }
  }
  for (let index = 0; index < 12; index += 1) await shared.of(String(index), ask, JSON.stringify)
  t.equal(asked, 12)
  await shared.of('11', ask, JSON.stringify)
  t.equal(asked, 12, 'the last ones are there')
  await shared.of('0', ask, JSON.stringify)
  t.equal(asked, 13, 'the first ones are not')
})

t.test('a shared answer holds what the response schema names, and nothing else', async (t) => {
  const { app } = await buildToy(t)
  const shared = createSharedAnswers(60_000)
  const Toy = Type.Object({ name: Type.String(), serverTime: Instant, price: Type.String() })
  const toy = { name: '"serverTime":"x"', price: '1.00', leaderMax: '99.00' }
  let readings = 0
  app.get(
    '/toy',
    { config: { auth: 'public' }, schema: { response: answers({ 200: Toy }) } },
    (_, reply) =>
      sendShared(reply, shared, 'toy', async () => {
        readings += 1
        return { body: toy, now: at }
      }),
  )
  for (const round of [1, 2]) {
    const answer = await app.inject('/toy')
    t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
    t.strictSame(Object.keys(answer.json()), ['name', 'serverTime', 'price'], `round ${round}`)
    t.match(answer.json(), { name: toy.name, price: '1.00', serverTime: /^2026-11-24T/ })
  }
  t.equal(readings, 1)
})

t.test('a shared answer without a schema is an error of the server', async (t) => {
  const { app } = await buildToy(t)
  const shared = createSharedAnswers(0)
  app.get('/toy', { config: { auth: 'public' } }, (_, reply) =>
    sendShared(reply, shared, 'toy', async () => ({ body: { leaderMax: '99.00' }, now: at })),
  )
  const { statusCode, body } = await app.inject('/toy')
  t.equal(statusCode, 500)
  t.notMatch(body, '99.00')
})
