import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import t from 'tap'
import type { BidCommand, Decision } from '#src/app/bid-command.ts'
import { createBidQueue } from '#src/app/bid-queue.ts'
import { createBidMetrics } from '#src/app/metrics.ts'

const command = (bidId: string): BidCommand => ({
  bidId,
  itemId: 'item',
  bidderId: 'bidder',
  maxAmount: '1.00',
  currencyCode: undefined,
  termsVersion: undefined,
  confirmation: undefined,
  idempotencyKey: null,
  requestHash: '',
  receivedAtMs: 0,
  trace: { traceparent: '', traceId: '', correlationId: '' },
})
const notFound = (): Decision => ({ kind: 'lot_not_found' })

t.test('what arrives while a batch commits forms the next batch', async (t) => {
  const batches: string[][] = []
  let finishFirst: () => void = () => {}
  const first = new Promise<void>((resolve) => {
    finishFirst = resolve
  })
  const queue = createBidQueue({
    batchMax: 3,
    queueMax: 100,
    async decide(batch) {
      batches.push(batch.map(({ bidId }) => bidId))
      if (batches.length === 1) await first
      return batch.map(notFound)
    },
  })
  const answers = [queue.submit(command('a'))]
  await new Promise((resolve) => setImmediate(resolve))
  for (const id of ['b', 'c', 'd', 'e']) answers.push(queue.submit(command(id)))
  finishFirst()
  await Promise.all(answers)
  t.strictSame(batches, [['a'], ['b', 'c', 'd'], ['e']])
})

t.test('a full queue refuses at once with 503 and a Retry-After', async (t) => {
  let release: () => void = () => {}
  const queue = createBidQueue({
    batchMax: 1,
    queueMax: 2,
    async decide(batch) {
      await new Promise<void>((resolve) => {
        release = resolve
      })
      return batch.map(notFound)
    },
  })
  const first = queue.submit(command('a'))
  await new Promise((resolve) => setImmediate(resolve))
  const waiting = [queue.submit(command('b')), queue.submit(command('c'))]
  await t.rejects(queue.submit(command('d')), {
    code: 'bid.queue_full',
    statusCode: 503,
    retryAfterSeconds: 1,
  })
  const drained = queue.drained().then(() => 'drained')
  for (const answer of [first, ...waiting]) {
    release()
    await answer
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.equal(await drained, 'drained')
})

t.test('one bid that breaks the statement never fails its neighbours', async (t) => {
  const queue = createBidQueue({
    batchMax: 10,
    queueMax: 10,
    async decide(batch) {
      if (batch.some(({ bidId }) => bidId === 'bad')) throw new Error('numeric overflow')
      return batch.map(notFound)
    },
  })
  const results = await Promise.allSettled(['a', 'bad', 'b'].map((id) => queue.submit(command(id))))
  t.strictSame(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
})

t.test('a lost database fails the whole batch once, without trying each bid', async (t) => {
  let calls = 0
  const queue = createBidQueue({
    batchMax: 10,
    queueMax: 10,
    async decide() {
      calls += 1
      throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
    },
  })
  const results = await Promise.allSettled(['a', 'b'].map((id) => queue.submit(command(id))))
  t.equal(calls, 1)
  t.ok(results.every(({ status }) => status === 'rejected'))
})

t.test('a deadlock or serialization failure is tried again, then answered 503', async (t) => {
  let calls = 0
  const queue = createBidQueue({
    batchMax: 10,
    queueMax: 10,
    async decide(batch) {
      calls += 1
      if (calls < 3) throw Object.assign(new Error('deadlock detected'), { code: '40P01' })
      return batch.map(notFound)
    },
  })
  t.strictSame(await queue.submit(command('a')), { kind: 'lot_not_found' })
  const failing = createBidQueue({
    batchMax: 10,
    queueMax: 10,
    async decide() {
      throw Object.assign(new Error('lock timeout'), { code: '55P03' })
    },
  })
  await t.rejects(failing.submit(command('a')), { code: 'service.unavailable', statusCode: 503 })
})

t.test('every bid without a decision is counted by why, from zero on', async (t) => {
  const registry = createRegistry('bid')
  const metrics = createBidMetrics(registry)
  const undecided = async () => {
    const metric = await registry.getSingleMetric('bid_decisions_total')?.get()
    return Object.fromEntries(
      (metric?.values ?? []).map(({ labels, value }) => [String(labels.outcome), value]),
    )
  }
  const failures = [
    Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
    Object.assign(new Error('lock timeout'), { code: '55P03' }),
    new Error('numeric overflow'),
  ]
  const queue = createBidQueue({
    batchMax: 1,
    queueMax: 1,
    observe: metrics,
    async decide() {
      throw failures.shift()
    },
  })
  const full = createBidQueue({
    batchMax: 1,
    queueMax: 0,
    observe: metrics,
    decide: async () => [],
  })
  const none = { waited_too_long: 0, queue_full: 0, unavailable: 0, failed: 0 }
  t.strictSame(await undecided(), none)
  for (const id of ['a', 'b', 'c']) await t.rejects(queue.submit(command(id)))
  await t.rejects(full.submit(command('d')))
  t.strictSame(await undecided(), { ...none, queue_full: 1, unavailable: 2, failed: 1 })
})
