import t from 'tap'
import { type NoticeData, TEMPLATES } from '#src/domain/notices.ts'
import {
  eventBody,
  eventTypeOf,
  PAYLOAD_CHARACTERS_MAX,
  takes,
  testBody,
  WEBHOOK_EVENT_TYPES,
} from '#src/domain/webhook-events.ts'

const NOW = new Date('2027-03-01T12:00:00Z')
const data: Required<NoticeData> = {
  orderId: 'order',
  offerId: 'offer',
  itemId: 'item',
  itemName: 'Silver spoon',
  currencyCode: 'USD',
  amount: '110.00',
  minNextBid: '115.00',
  endDate: '2027-03-02T12:00:00Z',
  commentId: 'comment',
  excerpt: 'Is it old?',
  savedSearchId: 'search',
  searchName: 'Spoons',
  reason: 'a reason',
  endpointHost: 'hooks.example',
}
const bodyOf = (template: (typeof TEMPLATES)[number], known: NoticeData = data) =>
  eventBody({ template, sequence: 7, data: known }, NOW)

t.test('every notice has an event type of its own, but those of endpoints', async (t) => {
  const types = TEMPLATES.map((template) => eventTypeOf(template))
  t.strictSame(
    types.filter((type) => type !== undefined),
    [...WEBHOOK_EVENT_TYPES],
  )
  t.equal(eventTypeOf('webhook_failing'), undefined)
  t.equal(eventTypeOf('webhook_disabled'), undefined)
})

t.test('an event has its type, its instant and what its notice knows', async (t) => {
  t.strictSame(JSON.parse(bodyOf('outbid') ?? ''), {
    type: 'bid.outbid.v1',
    timestamp: '2027-03-01T12:00:00.000Z',
    data: {
      itemId: 'item',
      itemName: 'Silver spoon',
      currencyCode: 'USD',
      amount: '110.00',
      minNextBid: '115.00',
      endDate: '2027-03-02T12:00:00Z',
      sequence: 7,
    },
  })
  t.strictSame(JSON.parse(bodyOf('won', { itemId: 'item' }) ?? '').data, {
    itemId: 'item',
    sequence: 7,
  })
})

t.test('an event has no field that is not written down for it', async (t) => {
  const secret = { ...data, maxAmount: '999.00', reservePrice: '500.00', email: 'a@b.example' }
  for (const template of TEMPLATES) {
    const body = bodyOf(template, secret) ?? ''
    t.notMatch(body, /999|500|@|maxAmount|reserve/, template)
    t.ok(body.length < PAYLOAD_CHARACTERS_MAX)
  }
})

t.test('a filter takes what it names, no filter takes all', async (t) => {
  t.ok(takes(null, 'bid.won.v1'))
  t.ok(takes(['bid.won.v1'], 'bid.won.v1'))
  t.notOk(takes(['bid.won.v1'], 'bid.won.v2'))
})

t.test('a test event names its endpoint', async (t) => {
  t.match(JSON.parse(testBody('endpoint', NOW)), {
    type: 'test.v1',
    timestamp: NOW.toISOString(),
    data: { endpointId: 'endpoint' },
  })
})
