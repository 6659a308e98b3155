import t from 'tap'
import { CATEGORIES, CHANNELS, TEMPLATES } from '#src/domain/notices.ts'
import {
  ALWAYS_MAILED,
  CHOICES,
  choiceFor,
  DEFAULT_CHOICES,
  LOCKED,
  withDefaults,
} from '#src/domain/preferences.ts'

t.test('a choice replaces the default of its category and channel, and no other', async (t) => {
  for (const category of CATEGORIES) {
    for (const channel of CHANNELS) {
      for (const choice of CHOICES) {
        const chosen = withDefaults({ [category]: { [channel]: choice } })
        const expected = structuredClone(DEFAULT_CHOICES) as Record<string, Record<string, string>>
        Object.assign(expected[category] ?? {}, { [channel]: choice })
        t.same(chosen, expected)
      }
    }
  }
})

t.test('mail about money and about what is connected cannot be switched off', async (t) => {
  t.same(ALWAYS_MAILED, [
    'won',
    'sold',
    'item_removed',
    'offer_accepted',
    'deposit_expiring',
    'deposit_captured',
    'order_due',
    'order_reminder',
    'order_overdue',
    'order_paid',
    'order_to_ship',
    'order_shipped',
    'purchase_cancelled',
    'sale_cancelled',
    'order_reopened',
    'order_disputed',
    'purchase_resolved',
    'sale_resolved',
    'payout_failed',
    'payout_account_restricted',
    'payout_account_needed',
    'webhook_failing',
    'webhook_disabled',
  ])
  t.same(LOCKED, [
    { category: 'purchases', channel: 'mail' },
    { category: 'integrations', channel: 'mail' },
  ])
  const off = withDefaults(
    Object.fromEntries(CATEGORIES.map((category) => [category, { mail: 'off', push: 'off' }])),
  )
  for (const template of TEMPLATES) {
    t.equal(choiceFor(template, 'push', off), 'off')
    t.equal(choiceFor(template, 'mail', off), ALWAYS_MAILED.includes(template) ? 'now' : 'off')
  }
})

t.test('a notice is not sent by a way that its kind does not take', async (t) => {
  t.equal(choiceFor('item_removed', 'push', DEFAULT_CHOICES), 'off')
})
