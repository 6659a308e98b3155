import { randomUUID } from 'node:crypto'
import t from 'tap'
import {
  type DeliveryFacts,
  judgeDelivery,
  judgeNotice,
  type NoticeFacts,
} from '#src/domain/judge-notice.ts'
import { kindOf, TEMPLATES } from '#src/domain/notices.ts'

const userId = randomUUID()
const facts = (changes: Partial<NoticeFacts> = {}): NoticeFacts => ({
  userId,
  template: 'outbid',
  sequence: 5n,
  hasDeparted: false,
  hasLater: false,
  lot: undefined,
  ...changes,
})
const lot = (sequence: bigint, leaderId: string | null, isClosed = false) => ({
  sequence,
  leaderId,
  isClosed,
})
const outcome = (changes: Partial<NoticeFacts>, isOutdated = false) => {
  const verdict = judgeNotice({ ...facts(changes), isOutdated })
  return verdict.outcome === 'shown' ? `shown ${verdict.isSent}` : verdict.reason
}

t.test(
  'an outbid notice is dropped when its user leads again, by a later event only',
  async (t) => {
    const other = randomUUID()
    t.equal(outcome({}), 'shown true', 'nothing is known of the lot')
    t.equal(outcome({ lot: lot(4n, userId) }), 'shown true', 'of before it')
    t.equal(outcome({ lot: lot(5n, other) }), 'shown true', 'of the same bid')
    t.equal(outcome({ lot: lot(6n, other) }), 'shown true', 'a third leads')
    t.equal(outcome({ lot: lot(6n, userId) }), 'leads_again')
    t.equal(outcome({ lot: lot(7n, other, true) }), 'lot_closed')
    t.equal(outcome({ lot: lot(4n, other, true) }), 'shown true', 'of the round before')
  },
)

t.test('of what a later notice says better only the latest is open', async (t) => {
  const isLatestOnly = new Set([
    ...['outbid', 'order_reminder', 'deposit_expiring'],
    ...['payout_account_restricted', 'payout_account_needed'],
  ])
  for (const template of TEMPLATES) {
    const expected = isLatestOnly.has(template) ? 'superseded' : 'shown true'
    t.equal(outcome({ template, hasLater: true }), expected, template)
  }
})

t.test('what is outdated is not sent; what is about money is shown all the same', async (t) => {
  for (const template of TEMPLATES) {
    const expected = kindOf(template).isMandatory === true ? 'shown false' : 'outdated'
    t.equal(outcome({ template }, true), expected, template)
  }
})

t.test('a user who is gone is notified of nothing', async (t) => {
  for (const template of TEMPLATES) t.equal(outcome({ template, hasDeparted: true }), 'departed')
})

t.test('a delivery is judged again when it is sent', async (t) => {
  const dueAt = new Date('2026-11-28T08:00:00Z')
  const judged = (changes: Partial<DeliveryFacts> = {}) =>
    judgeDelivery({
      ...facts(changes),
      channel: 'mail',
      choice: 'now',
      isRead: false,
      now: dueAt,
      dueAt,
      ...changes,
    })
  const later = (hours: number) => new Date(dueAt.getTime() + hours * 3_600_000 + 1)
  t.equal(judged(), undefined)
  t.equal(judged({ lot: lot(6n, userId) }), 'leads_again')
  t.equal(judged({ hasLater: true }), 'superseded')
  t.equal(judged({ hasDeparted: true, template: 'won' }), 'departed')
  t.equal(judged({ isRead: true }), 'read')
  t.equal(judged({ choice: 'off' }), 'switched_off')
  t.equal(judged({ now: later(23) }), undefined, 'a sender that was away for some hours')
  t.equal(judged({ now: later(24) }), 'outdated')
  t.equal(judged({ template: 'search_matched', now: later(24) }), undefined)
  const won = { template: 'won', isRead: true, choice: 'off' } as const
  t.equal(judged(won), undefined, 'mail about money is sent whether it was read or not')
  t.equal(judged({ ...won, channel: 'push' }), 'read')
})
