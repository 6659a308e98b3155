import t from 'tap'
import { allot, type Candidate, SLOTS, SLOTS_OF_SLOW } from '#src/domain/webhook-slots.ts'

const candidate = (endpointId: string, changes: Partial<Candidate> = {}): Candidate => ({
  endpointId,
  isSlow: false,
  sending: 0,
  allowance: 20,
  ...changes,
})
const many = (count: number, changes: Partial<Candidate> = {}) =>
  Array.from({ length: count }, (_, n) => candidate(`endpoint ${n}`, changes))
const idle = { slow: 0, all: 0 }
const total = (allotments: ReturnType<typeof allot>) =>
  allotments.reduce((sum, { count }) => sum + count, 0)

t.test('one endpoint gets five connections at most, a slow one gets one', async (t) => {
  t.strictSame(allot([candidate('a')], idle), [{ endpointId: 'a', count: 5 }])
  t.strictSame(allot([candidate('a', { sending: 3 })], idle), [{ endpointId: 'a', count: 2 }])
  t.strictSame(allot([candidate('a', { sending: 9 })], idle), [])
  t.strictSame(allot([candidate('a', { isSlow: true })], idle), [{ endpointId: 'a', count: 1 }])
  t.strictSame(allot([candidate('a', { isSlow: true, sending: 1 })], idle), [])
})

t.test('an endpoint gets no more than its rate has left', async (t) => {
  t.strictSame(allot([candidate('a', { allowance: 2 })], idle), [{ endpointId: 'a', count: 2 }])
  t.strictSame(allot([candidate('a', { allowance: 0 })], idle), [])
})

t.test('all together get no more than there is', async (t) => {
  t.equal(total(allot(many(50), idle)), SLOTS)
  t.equal(total(allot(many(50), { slow: 0, all: SLOTS - 3 })), 3)
})

t.test('slow endpoints leave half of the connections to the others', async (t) => {
  t.equal(total(allot(many(200, { isSlow: true }), idle)), SLOTS_OF_SLOW)
  const busy = { slow: SLOTS_OF_SLOW, all: SLOTS_OF_SLOW }
  const allotted = allot([candidate('slow', { isSlow: true }), candidate('good')], busy)
  t.strictSame(allotted, [{ endpointId: 'good', count: 5 }])
})
