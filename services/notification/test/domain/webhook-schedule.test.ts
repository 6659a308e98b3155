import t from 'tap'
import {
  RETRY_DELAYS_SECONDS,
  readRetryAfter,
  retryDelaySeconds,
} from '#src/domain/webhook-schedule.ts'

const NOW = new Date('2027-03-01T12:00:00Z')

t.test('a message is sent eight times within 28 hours', async (t) => {
  t.strictSame(RETRY_DELAYS_SECONDS, [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000])
  t.equal(retryDelaySeconds(1, undefined, 0.5), 5)
  t.equal(retryDelaySeconds(7, undefined, 0.5), 36_000)
  t.equal(retryDelaySeconds(8, undefined, 0.5), undefined, 'and then no more')
})

t.test('a delay varies by a tenth, so that what failed together comes back apart', async (t) => {
  t.equal(retryDelaySeconds(2, undefined, 0), 270)
  t.equal(retryDelaySeconds(2, undefined, 1), 330)
})

t.test('Retry-After lengthens a delay up to twice, and never shortens it', async (t) => {
  t.equal(retryDelaySeconds(2, 400, 0.5), 400)
  t.equal(retryDelaySeconds(2, 86_400, 0.5), 600)
  t.equal(retryDelaySeconds(2, 1, 0.5), 300)
  t.equal(retryDelaySeconds(8, 60, 0.5), undefined)
})

t.test('Retry-After is a number of seconds or a date of HTTP', async (t) => {
  t.equal(readRetryAfter('120', NOW), 120)
  t.equal(readRetryAfter('Mon, 01 Mar 2027 12:01:30 GMT', NOW), 90)
  t.equal(readRetryAfter('Mon, 01 Mar 2027 11:00:00 GMT', NOW), 0, 'one that is over')
  for (const text of [undefined, '', '-1', '1.5', '1e9', '99999999999', '2027-03-02', 'soon']) {
    t.equal(readRetryAfter(text, NOW), undefined, `${text}`)
  }
  t.equal(readRetryAfter('Mon, 99 Abc 2027 12:01:30 GMT', NOW), undefined)
})
