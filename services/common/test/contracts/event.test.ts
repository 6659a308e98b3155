import t from 'tap'
import { Type } from 'typebox'
import * as auction from '#src/contracts/auction.ts'
import * as bid from '#src/contracts/bid.ts'
import {
  createEvent,
  type EventContract,
  eventsOf,
  field,
  InvalidEventError,
  readEvent,
} from '#src/contracts/event.ts'
import { userRegistered } from '#src/contracts/identity.ts'

const ITEM = '0190a0a0-0000-7000-8000-000000000001'
const USER = '0190a0a0-0000-7000-8000-000000000002'
const BID = '0190a0a0-0000-7000-8000-000000000003'
const trace = {
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`,
  traceId: 'a'.repeat(32),
  correlationId: 'order-17',
}
const context = { aggregateId: ITEM, trace }
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value))
const seed = (event: string, payload: Record<string, unknown>) =>
  bytes({ event, version: 'v1', timestamp: '2026-11-23T07:00:00+03:00', payload, traceId: 't' })

t.test('an event is named, addressed and enveloped as the platform agreed', async (t) => {
  t.match(bid.bidPlaced, { key: 'bid.placed.v1', exchange: 'auction.bid' })
  t.match(auction.itemPublished, { key: 'item.published.v1', exchange: 'auction.item' })
  t.match(userRegistered, { key: 'identity.user.registered.v1', exchange: 'auction.identity' })
  const event = createEvent(
    bid.bidPlaced,
    { ...context, sequence: 3, causationId: BID },
    { itemId: ITEM, amount: '10.00' },
  )
  t.match(event, {
    key: 'bid.placed.v1',
    exchange: 'auction.bid',
    aggregateId: ITEM,
    traceparent: trace.traceparent,
    envelope: {
      id: /^[0-9a-f]{8}-[0-9a-f]{4}-7/,
      event: 'bid.placed',
      version: 'v1',
      timestamp: /^\d{4}-\d{2}-\d{2}T.*Z$/,
      source: 'bid',
      sequence: 3,
      traceId: trace.traceId,
      correlationId: 'order-17',
      causationId: BID,
      payload: { itemId: ITEM, amount: '10.00' },
    },
  })
  t.strictSame(readEvent(bid.bidPlaced, bytes(event.envelope)), event.envelope)
})

t.test(
  'what breaks the contract cannot be written, and what it does not name neither',
  async (t) => {
    const write = (payload: Record<string, unknown>) => () =>
      createEvent(bid.bidPlaced, context, payload as { itemId: string; amount: string })
    t.throws(write({ amount: '10.00' }), /bid.placed.v1 breaks its contract.*itemId/)
    t.throws(write({ itemId: 'nonsense', amount: '10.00' }), /itemId/)
    for (const amount of [10, '10,00', '-1.00', '1e3', '', ' 1.00'])
      t.throws(write({ itemId: ITEM, amount }), /amount/, `amount ${JSON.stringify(amount)}`)
    for (const endDate of ['tomorrow', '2026-13-01T00:00:00Z', '2026-11-23', '2026-11-23T07:00:00'])
      t.throws(write({ itemId: ITEM, amount: '1.00', endDate }), /endDate/, endDate)
    t.throws(write({ itemId: ITEM, amount: '1.00', maxAmount: '99.00' }), /maxAmount|additional/)
  },
)

t.test('no event has a field for a reserve or a maximum', async (t) => {
  const contracts = [...Object.values(auction), ...Object.values(bid)] as EventContract[]
  t.ok(contracts.length >= 16)
  for (const { key, payload } of contracts) {
    const secret = Object.keys(payload.properties).filter((name) =>
      /^reserve(?!Met$)|^max/i.test(name),
    )
    // Terms that everyone sees, and the end of a reservation.
    const open = ['maxExtensionMinutes', 'reservedUntil']
    t.strictSame(
      secret.filter((name) => !open.includes(name)),
      [],
      key,
    )
  }
})

t.test('a newer producer may send fields we do not know', async (t) => {
  const content = seed('bid.placed', { itemId: ITEM, amount: '1.00', mood: 'daring' })
  t.match(readEvent(bid.bidPlaced, content).payload, { itemId: ITEM, amount: '1.00' })
})

t.test('seed bug 18: both spellings of the seed are read', async (t) => {
  const cases: [EventContract, Record<string, unknown>, Record<string, unknown>][] = [
    [
      bid.bidPlaced,
      { ItemID: ITEM, Amount: '10.50', Timestamp: '2026-11-23T07:00:00.123456789+03:00' },
      { itemId: ITEM, amount: '10.50', timestamp: '2026-11-23T07:00:00.123456789+03:00' },
    ],
    [
      bid.bidPlaced,
      { ItemId: ITEM, ID: BID, Amount: '1' },
      { itemId: ITEM, bidId: BID, amount: '1' },
    ],
    [bid.bidPlaced, { itemId: ITEM, BidID: BID, amount: '1' }, { itemId: ITEM, bidId: BID }],
    [
      bid.bidWon,
      { ItemID: ITEM, BuyerID: USER, FinalAmount: '99.00' },
      { itemId: ITEM, buyerId: USER, finalAmount: '99.00' },
    ],
    [
      userRegistered,
      { UserID: USER, Name: 'Ada', Email: 'ada@example.test' },
      { userId: USER, name: 'Ada', email: 'ada@example.test' },
    ],
  ]
  for (const [contract, payload, expected] of cases) {
    t.match(readEvent(contract, seed(contract.event, payload)).payload, expected)
  }
  const both = seed('bid.placed', { itemId: ITEM, ItemID: USER, amount: '1.00' })
  t.equal(readEvent(bid.bidPlaced, both).payload.itemId, ITEM, 'ours wins')
})

t.test('a seed envelope without id has one that every copy of it has too', async (t) => {
  const content = seed('bid.placed', { ItemID: ITEM, Amount: '10.50' })
  const first = readEvent(bid.bidPlaced, content)
  t.match(first.id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
  t.equal(readEvent(bid.bidPlaced, Buffer.from(content)).id, first.id)
  t.not(
    readEvent(bid.bidPlaced, seed('bid.placed', { ItemID: ITEM, Amount: '11.00' })).id,
    first.id,
  )
  t.equal(readEvent(bid.bidPlaced, content, BID).id, BID, 'the message id, where there is one')
  t.match(first, { source: 'unknown', sequence: undefined, timestamp: /^2026/ })
})

t.test('LEGACY_PASCAL_ALIAS writes the names the seed reads beside ours', async (t) => {
  const write = <P extends EventContract>(contract: P, payload: object) =>
    createEvent(contract as EventContract, { ...context, legacyAlias: true }, payload as never)
      .envelope.payload
  t.strictSame(write(bid.bidPlaced, { itemId: ITEM, amount: '1.00' }), {
    itemId: ITEM,
    amount: '1.00',
    ItemID: ITEM,
    Amount: '1.00',
  })
  t.match(write(bid.bidWon, { itemId: ITEM, buyerId: USER, finalAmount: '9.00' }), {
    ItemID: ITEM,
    BuyerID: USER,
    FinalAmount: '9.00',
  })
  t.match(write(userRegistered, { userId: USER, name: 'Ada', email: 'a@b.test' }), {
    UserID: USER,
    Name: 'Ada',
    Email: 'a@b.test',
  })
  const plain = createEvent(bid.bidPlaced, context, { itemId: ITEM, amount: '1.00' })
  t.strictSame(Object.keys(plain.envelope.payload), ['itemId', 'amount'])
})

t.test('what is no event of the contract is refused with the reason', async (t) => {
  const refused: [string, Buffer, RegExp][] = [
    ['bytes', Buffer.from([0xff, 0x00]), /not a JSON envelope/],
    ['an array', bytes([]), /not a JSON envelope/],
    ['null', bytes(null), /not a JSON envelope/],
    ['another event', seed('bid.won', { itemId: ITEM, amount: '1.00' }), /expected bid.placed.v1/],
    ['no payload', bytes({ event: 'bid.placed', version: 'v1' }), /no payload/],
    ['a bad payload', seed('bid.placed', { itemId: ITEM }), /payload.*amount/],
  ]
  for (const [title, content, reason] of refused) {
    try {
      readEvent(bid.bidPlaced, content)
      t.fail(`${title} was read`)
    } catch (error) {
      t.ok(error instanceof InvalidEventError, title)
      t.match(String(error), reason, title)
    }
  }
})

t.test('a contract with a dotted event keeps its domain as the exchange', async (t) => {
  const contract = eventsOf('auction')({
    event: 'item.comment.created',
    version: 'v1',
    payload: Type.Object({ id: field.id }),
  })
  t.match(contract, {
    key: 'item.comment.created.v1',
    publisher: 'auction',
    exchange: 'auction.item',
  })
})
