import t from 'tap'
import { isRotationDue, judgeKeys } from '#src/domain/key-schedule.ts'

const NOW = new Date('2026-03-01T00:00:00Z')
const DAY_SECONDS = 86_400
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)
const key = (kid: string, activatesIn: number, retiresIn?: number) => ({
  kid,
  activatesAt: at(activatesIn),
  retiresAt: retiresIn === undefined ? null : at(retiresIn),
})
const states = (...keys: ReturnType<typeof key>[]) =>
  Object.fromEntries(judgeKeys(keys, NOW).map(({ kid, state }) => [kid, state]))

t.test('the newest active key signs, others wait, are replaced or are retired', async (t) => {
  t.strictSame(
    states(key('old', -900, -1), key('passing', -600, 1), key('now', -300), key('next', 60)),
    { next: 'waiting', now: 'signing', passing: 'replaced', old: 'retired' },
  )
  t.strictSame(states(key('a', 0)), { a: 'signing' }, 'from its very instant')
  t.strictSame(states(key('a', -10, 0)), { a: 'retired' }, 'from its very instant too')
  t.strictSame(states(key('a', -10, -5), key('b', 5)), { a: 'retired', b: 'waiting' })
  t.strictSame(states(), {})
})

t.test('the next key is made ten minutes before the old one has signed its days', async (t) => {
  const isDue = (...keys: ReturnType<typeof key>[]) => isRotationDue(judgeKeys(keys, NOW), NOW, 30)
  t.equal(isDue(key('a', -30 * DAY_SECONDS + 601)), false)
  t.equal(isDue(key('a', -30 * DAY_SECONDS + 600)), true)
  t.equal(isDue(key('a', -30 * DAY_SECONDS), key('b', 60)), false, 'one waits already')
  t.equal(isDue(key('a', -300 * DAY_SECONDS)), true, 'late, after the worker was away')
  t.equal(isDue(key('a', -60, -1)), true, 'nothing signs')
})
