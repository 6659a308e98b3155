import t from 'tap'
import { judgeEdit } from '#src/domain/edit.ts'
import type { Item, ItemStatus } from '#src/domain/item.ts'
import type { ListingInput } from '#src/domain/listing.ts'
import { item, LIMITS, minutesAfter, NOON } from './sample.ts'

const NOW = minutesAfter(NOON, 60)
const judge = (of: Item, changes: Partial<ListingInput>) => judgeEdit(of, changes, NOW, LIMITS)
const draft = item({ status: 'draft', version: 1, termsVersion: 0 })
const withBids = (fields: Partial<ListingInput> = {}) => item({ bidCount: 2 }, fields)

t.test('a draft can change in every field, currency included', async (t) => {
  const verdict = judge(draft, { currencyCode: 'JPY', startPrice: '5000', name: 'Fork' })
  t.match(verdict, {
    outcome: 'draft_changed',
    edit: { changedFields: ['name', 'currencyCode', 'startPrice'], content: { startPrice: 5000n } },
  })
})

t.test('an amount never keeps its digits under another currency', async (t) => {
  t.match(judge(draft, { currencyCode: 'JPY' }), {
    outcome: 'invalid',
    problem: { field: 'startPrice', reason: 'too_many_decimals' },
  })
})

t.test(
  'a draft may be renamed after its start has passed, but not moved into the past',
  async (t) => {
    t.equal(judge(draft, { name: 'Fork' }).outcome, 'draft_changed')
    t.match(judge(draft, { startDate: minutesAfter(NOON, 1).toISOString() }), {
      problem: { field: 'startDate', reason: 'in_the_past' },
    })
  },
)

t.test('a change to the same values is none', async (t) => {
  t.equal(judge(item(), { name: ' Silver spoon', startPrice: '100' }).outcome, 'unchanged')
})

t.test(
  'currency and type are fixed once published, and the start once it has passed',
  async (t) => {
    t.match(judge(item(), { currencyCode: 'EUR' }), {
      problem: { field: 'currencyCode', reason: 'fixed_after_publish' },
    })
    t.match(judge(item(), { type: 'dutch' }), {
      problem: { field: 'type', reason: 'fixed_after_publish' },
    })
    t.match(judge(item(), { startDate: minutesAfter(NOW, 5).toISOString() }), {
      problem: { field: 'startDate', reason: 'already_started' },
    })
  },
)

t.test('a scheduled start can be moved', async (t) => {
  const scheduled = item(
    { status: 'scheduled' },
    { startDate: minutesAfter(NOW, 60).toISOString() },
  )
  const verdict = judge(scheduled, { startDate: minutesAfter(NOW, 120).toISOString() })
  t.match(verdict, { outcome: 'terms_changed', requiresNoBids: true })
})

t.test('without bids everything else may change, unless a bid comes meanwhile', async (t) => {
  const changes: Partial<ListingInput>[] = [
    { name: 'Fork' },
    { description: 'Plated.' },
    { startPrice: '90.00' },
    { reservePrice: '500.00' },
    { buyoutPrice: '900.00' },
    { bidIncrement: '3.00' },
    { endDate: minutesAfter(NOW, 60).toISOString() },
    { extensionMode: 'from_bid' },
  ]
  for (const change of changes) {
    t.match(judge(item(), change), { outcome: 'terms_changed', requiresNoBids: true })
  }
})

t.test('a new end lies ahead', async (t) => {
  t.match(judge(item(), { endDate: NOW.toISOString() }), {
    problem: { field: 'endDate', reason: 'in_the_past' },
  })
})

t.test('a longer description needs no verdict, with bids or without', async (t) => {
  const longer = { description: 'Sterling, 1901.\nSmall scratch.' }
  t.equal(judge(item(), longer).outcome, 'appended')
  t.equal(judge(withBids(), longer).outcome, 'appended')
})

t.test('a form that sends other ends of lines than were stored changes nothing', async (t) => {
  const stored = withBids({ description: 'Sterling\r\n1901.' })
  t.equal(judge(stored, { description: 'Sterling\n1901.' }).outcome, 'appended')
  t.equal(judge(stored, { description: 'Sterling\n1901.\nScratched.' }).outcome, 'appended')
  t.equal(judge(stored, { description: 'Sterling 1901.' }).outcome, 'has_bids')
})

t.test('with bids a reserve can only fall', async (t) => {
  const reserved = withBids({ reservePrice: '200.00' })
  const lower = judge(reserved, { reservePrice: '150.00' })
  t.match(lower, { outcome: 'terms_changed', requiresNoBids: false })
  t.match(judge(reserved, { reservePrice: null }), { requiresNoBids: false })
  t.equal(judge(reserved, { reservePrice: '200.01' }).outcome, 'has_bids')
  t.equal(judge(withBids(), { reservePrice: '200.00' }).outcome, 'has_bids')
})

t.test('with bids nothing else changes', async (t) => {
  const changes: Partial<ListingInput>[] = [
    { name: 'Fork' },
    { description: 'Sterling' },
    { startPrice: '90.00' },
    { buyoutPrice: '900.00' },
    { bidIncrement: '3.00' },
    { endDate: minutesAfter(NOW, 60).toISOString() },
    { maxExtensionMinutes: 120 },
    { description: 'Sterling, 1901. More.', name: 'Fork' },
  ]
  for (const change of changes) t.equal(judge(withBids(), change).outcome, 'has_bids')
})

t.test('an auction that is over does not change', async (t) => {
  const over: ItemStatus[] = ['reserved', 'ended', 'sold', 'expired', 'cancelled', 'removed']
  for (const status of over) t.equal(judge(item({ status }), { name: 'Fork' }).outcome, 'not_open')
})
