import t from 'tap'
import { takeToken, waitForToken } from '#src/domain/bidder-limit.ts'

const limit = { perSecond: 10, burst: 30 }

/** How many of `count` bids, one every `everyMs`, find a token. */
function admitted(count: number, everyMs: number): number {
  let fullAtMs = 0
  let total = 0
  for (let index = 0; index < count; index += 1) {
    const nowMs = 1_000_000 + index * everyMs
    if (waitForToken(fullAtMs, nowMs, limit) > 0) continue
    fullAtMs = takeToken(fullAtMs, nowMs, limit)
    total += 1
  }
  return total
}

t.test('a bidder has a burst at once and the rate from then on', async (t) => {
  t.equal(admitted(1_000, 0), 30)
  t.equal(admitted(2_000, 5), 30 + 99, 'ten seconds of 200 a second')
  t.equal(admitted(600, 100), 600, 'ten a second are never too many')
})

t.test('the wait is the time until the next token', async (t) => {
  let fullAtMs = 0
  for (let index = 0; index < 30; index += 1) fullAtMs = takeToken(fullAtMs, 5_000, limit)
  t.equal(waitForToken(fullAtMs, 5_000, limit), 100)
  t.equal(waitForToken(fullAtMs, 5_060, limit), 40)
  t.equal(waitForToken(fullAtMs, 5_100, limit), 0)
})
