import t from 'tap'
import { PAYLOAD_BYTES_MAX, pushPayload, secondsToLive, topicOf } from '#src/domain/push-message.ts'
import {
  endOf,
  outcomeOfFailure,
  outcomeOfStatus,
  type PushOutcome,
} from '#src/domain/push-outcome.ts'

const NOW = new Date('2027-03-01T12:00:00Z')
const READER = { language: 'en', timeZone: 'UTC' } as const
const ITEM = '0198f9a0-0000-7000-8000-000000000001'
const notice = (data = {}) => ({
  template: 'outbid' as const,
  aggregateId: ITEM,
  happenedAt: NOW,
  data: { itemId: ITEM, itemName: 'Lamp', currencyCode: 'EUR', amount: '10.00', ...data },
})

t.test('a message has title, body, path and the tag of its item', async (t) => {
  const payload = JSON.parse(pushPayload(notice(), READER))
  t.match(payload, { title: /Lamp/, body: /10\.00/, path: `/lots/${ITEM}`, tag: ITEM })
  t.match(topicOf(ITEM), /^[0-9a-f]{32}$/)
})

t.test('a message of any length fits, and is cut at the end of a character', async (t) => {
  for (const itemName of ['x'.repeat(9_000), '👨‍👩‍👧‍👦'.repeat(800), '"\\\n'.repeat(3_000)]) {
    const won = { ...notice({ itemName }), template: 'won' as const }
    const payload = pushPayload(won, READER)
    t.ok(Buffer.byteLength(payload) <= PAYLOAD_BYTES_MAX, `${Buffer.byteLength(payload)} bytes`)
    t.match(JSON.parse(payload).body, /…$/)
    t.notMatch(payload, /\ufffd|\\ud[89a-f]/)
  }
})

t.test('a push service keeps a message as long as it is news', async (t) => {
  t.equal(secondsToLive(notice(), NOW), 86_400)
  t.equal(secondsToLive(notice(), new Date(NOW.getTime() + 3_600_000)), 82_800)
  t.equal(secondsToLive(notice(), new Date(NOW.getTime() + 90_000_000)), 0)
})

t.test('an answer says what became of a message', async (t) => {
  const kinds: Record<number, string> = {
    200: 'sent',
    201: 'sent',
    202: 'sent',
    404: 'gone',
    410: 'gone',
    429: 'postponed',
    500: 'postponed',
    503: 'postponed',
    307: 'failed',
    400: 'failed',
    403: 'failed',
    413: 'failed',
  }
  for (const [status, kind] of Object.entries(kinds)) {
    t.equal(outcomeOfStatus(Number(status), undefined, NOW).kind, kind, status)
  }
  t.match(outcomeOfStatus(429, '90', NOW), { retryInSeconds: 90 })
  t.equal(outcomeOfFailure('timeout').kind, 'unknown')
  t.equal(outcomeOfFailure('connection_lost').kind, 'unknown')
  t.equal(outcomeOfFailure('connection_failed').kind, 'postponed')
  t.match(outcomeOfFailure('address_refused'), { kind: 'failed', reason: 'address_refused' })
})

t.test('a delivery ends by the best that a browser of its user says', async (t) => {
  const sent: PushOutcome = { kind: 'sent' }
  const gone: PushOutcome = { kind: 'gone' }
  const unknown: PushOutcome = { kind: 'unknown' }
  const failed: PushOutcome = { kind: 'failed', reason: 'status_413' }
  const later = (retryInSeconds?: number): PushOutcome => ({ kind: 'postponed', retryInSeconds })
  t.strictSame(endOf([later(), gone, sent], 1), { state: 'sent' })
  t.strictSame(endOf([later(), unknown], 1), { state: 'unknown' }, 'and is not sent twice')
  t.strictSame(endOf([], 1), { state: 'dropped', reason: 'no_subscription' })
  t.strictSame(endOf([gone, gone], 1), { state: 'dropped', reason: 'no_subscription' })
  t.strictSame(endOf([failed, gone], 1), { state: 'failed', reason: 'status_413' })
  t.strictSame(endOf([later()], 1), { state: 'queued', retryInSeconds: 30 })
  t.strictSame(endOf([later(90)], 1), { state: 'queued', retryInSeconds: 90 })
  t.strictSame(endOf([later(86_400)], 1), { state: 'queued', retryInSeconds: 3_600 })
  t.strictSame(endOf([later()], 5), { state: 'failed', reason: 'postponed_too_often' })
})
