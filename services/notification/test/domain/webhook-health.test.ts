import t from 'tap'
import { type EndpointHealth, judgeFailure } from '#src/domain/webhook-health.ts'

const START = new Date('2027-03-01T12:00:00Z')
const after = (hours: number) => new Date(START.getTime() + hours * 3_600_000)
const healthy: EndpointHealth = { firstFailureAt: null, warnedAt: null }

/** What failures at these hours mean, one after the other. */
function fail(...hours: number[]) {
  let health = healthy
  return hours.map((hour) => {
    const verdict = judgeFailure(health, { now: after(hour), isGone: false })
    health = verdict
    return verdict.disabledReason ?? (verdict.isWarning ? 'warning' : 'nothing')
  })
}

t.test(
  'the owner is notified once after half a day of failures, and after five days',
  async (t) => {
    t.strictSame(fail(0, 0.1, 11.9), ['nothing', 'nothing', 'nothing'])
    t.strictSame(fail(0, 12, 13, 119, 120), ['nothing', 'warning', 'nothing', 'nothing', 'failing'])
  },
)

t.test('no endpoint is disabled before its owner was notified', async (t) => {
  t.strictSame(fail(0, 200, 201), ['nothing', 'warning', 'failing'])
})

t.test('a failure is counted from the first one since the last success', async (t) => {
  const verdict = judgeFailure(healthy, { now: START, isGone: false })
  t.strictSame(verdict, { firstFailureAt: START, warnedAt: null, isWarning: false })
  const known = { firstFailureAt: START, warnedAt: after(12) }
  t.match(judgeFailure(known, { now: after(50), isGone: false }), { ...known, isWarning: false })
})

t.test('an endpoint that says that it is gone is disabled at once', async (t) => {
  t.match(judgeFailure(healthy, { now: START, isGone: true }), {
    firstFailureAt: START,
    isWarning: false,
    disabledReason: 'gone',
  })
})
