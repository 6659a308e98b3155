import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import t from 'tap'
import type { BatchAnswer, Decision, LotCommand } from '#src/app/bid-command.ts'
import { type BidQueueOptions, createBidQueue } from '#src/app/bid-queue.ts'
import { WAIT_MAX_MS } from '#src/app/decide-batch.ts'
import { createBidMetrics } from '#src/app/metrics.ts'

const command = (bidId: string, itemId = 'item'): LotCommand => ({
  kind: 'bid',
  bidId,
  itemId,
  bidderId: 'bidder',
  maxAmount: '1.00',
  currencyCode: undefined,
  termsVersion: undefined,
  confirmation: undefined,
  idempotencyKey: null,
  requestHash: '',
  receivedAtMs: performance.now(),
  trace: { traceparent: '', traceId: '', correlationId: '' },
})
const notFound = (): Decision => ({ kind: 'lot_not_found' })

/** So long that no bid of these tests becomes too old, on a machine of any speed. */
const PATIENT_WAIT_MS = 600_000

const lanes: Pick<BidQueueOptions, 'lanesMax' | 'waitMaxMs' | 'decideHeldLot'> = {
  lanesMax: 2,
  waitMaxMs: PATIENT_WAIT_MS,
  decideHeldLot: async (_itemId, take) => take().map(notFound),
}

/** A promise and what resolves it. */
function gate() {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A queue whose first two batches wait for their gates. */
function gatedQueue() {
  const gates = [gate(), gate()]
  const batches: string[][] = []
  const queue = createBidQueue({
    ...lanes,
    batchMax: 256,
    queueMax: 1_000,
    async decide(batch) {
      batches.push(batch.map(({ bidId }) => bidId))
      await gates[batches.length - 1]?.opened
      return batch.map(notFound)
    },
  })
  const submit = (lot: string, count: number) =>
    Array.from({ length: count }, (_, n) => queue.submit(command(`${lot}${n}`, lot)))
  return { queue, gates, batches, submit }
}

t.test('what arrives while a batch commits forms the next batch', async (t) => {
  const batches: string[][] = []
  let finishFirst: () => void = () => {}
  const first = new Promise<void>((resolve) => {
    finishFirst = resolve
  })
  const queue = createBidQueue({
    ...lanes,
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

t.test(
  'a second batch begins beside the first for many bids on other lots, not for few',
  async (t) => {
    const { queue, gates, batches, submit } = gatedQueue()
    const answers = submit('hot', 1)
    await turn()
    answers.push(...submit('hot', 100), ...submit('other', 31))
    await turn()
    t.strictSame(batches, [['hot0']], 'the lot in flight is left alone, and 31 bids wait')
    answers.push(...submit('third', 1))
    await turn()
    const others = Array.from({ length: 31 }, (_, n) => `other${n}`)
    t.strictSame(batches.slice(1), [[...others, 'third0']])
    answers.push(...submit('fourth', 100))
    await turn()
    t.equal(batches.length, 2, 'no third')
    for (const { open } of gates) open()
    await Promise.all(answers)
    t.equal(batches.flat().length, 233)
    await queue.drained()
  },
)

t.test(
  'a key in flight on one lot waits on another, and what comes behind it as well',
  async (t) => {
    const first = gate()
    const batches: string[][] = []
    const queue = createBidQueue({
      ...lanes,
      batchMax: 3,
      queueMax: 100,
      async decide(batch) {
        batches.push(batch.map(({ bidId }) => bidId))
        if (batches.length === 1) await first.opened
        return batch.map(notFound)
      },
    })
    const keyed = (bidId: string, itemId: string) => ({
      ...command(bidId, itemId),
      idempotencyKey: 'key',
    })
    const answers = [queue.submit(keyed('a', 'one'))]
    await turn()
    answers.push(queue.submit(keyed('b', 'two')), queue.submit(command('c', 'two')))
    for (const id of ['d', 'e', 'f']) answers.push(queue.submit(command(id, id)))
    await turn()
    await turn()
    t.strictSame(
      batches,
      [['a'], ['d', 'e', 'f']],
      'a batch of three is worth it where three are the most',
    )
    first.open()
    await Promise.all(answers)
    t.strictSame(batches[2], ['b', 'c'])
  },
)

t.test('bids that a look left behind count for the next', async (t) => {
  const { queue, gates, batches, submit } = gatedQueue()
  const answers = submit('first', 1)
  await turn()
  answers.push(...submit('second', 32))
  await turn()
  answers.push(...submit('third', 31))
  gates[1]?.open()
  while (queue.length !== 31) await turn()
  await turn()
  t.equal(batches.length, 2, 'the second has ended, and 31 are too few')
  answers.push(...submit('fourth', 1))
  await turn()
  t.equal(batches[2]?.length, 32)
  gates[0]?.open()
  await Promise.all(answers)
})

t.test('bids on a lot keep their order, and no two transactions have one lot', async (t) => {
  const LOTS = 80
  const BIDS = 20_000
  const order = new Map<string, number[]>()
  const owned = new Set<string>()
  const overlaps: string[] = []
  let inFlight = 0
  let inFlightMost = 0
  const transaction = async (itemIds: Iterable<string>, work: () => Promise<void>) => {
    const own = [...new Set(itemIds)]
    for (const itemId of own) if (owned.has(itemId)) overlaps.push(itemId)
    for (const itemId of own) owned.add(itemId)
    for (let turns = Math.floor(Math.random() * 4); turns >= 0; turns -= 1) await turn()
    await work()
    for (const itemId of own) owned.delete(itemId)
  }
  const decided = ({ itemId, bidId }: LotCommand): BatchAnswer => {
    order.set(itemId, [...(order.get(itemId) ?? []), Number(bidId)])
    return notFound()
  }
  const queue = createBidQueue({
    lanesMax: 2,
    waitMaxMs: PATIENT_WAIT_MS,
    batchMax: 100,
    queueMax: BIDS,
    async decide(batch) {
      inFlight += 1
      inFlightMost = Math.max(inFlightMost, inFlight)
      // One lot in a hundred is held by another process.
      const held = new Set(batch.filter(() => Math.random() < 0.01).map(({ itemId }) => itemId))
      const free = batch.filter(({ itemId }) => !held.has(itemId))
      let answers: BatchAnswer[] = []
      const itemIds = free.map(({ itemId }) => itemId)
      await transaction(itemIds, async () => {
        answers = batch.map((one) => (held.has(one.itemId) ? { kind: 'lot_held' } : decided(one)))
      })
      inFlight -= 1
      return answers
    },
    async decideHeldLot(itemId, take) {
      let answers: BatchAnswer[] = []
      await transaction([itemId], async () => {
        answers = take().map(decided)
      })
      return answers
    },
  })
  const answers: Promise<Decision>[] = []
  for (let bid = 0; bid < BIDS; bid += 1) {
    answers.push(queue.submit(command(String(bid), `lot ${Math.floor(Math.random() * LOTS)}`)))
    if (Math.random() < 0.02) await turn()
  }
  await Promise.all(answers)
  await queue.drained()
  t.strictSame(overlaps, [])
  t.ok(inFlightMost >= 2, `${inFlightMost} in flight`)
  for (const [itemId, bids] of order) {
    t.ok(
      bids.every((bid, index) => index === 0 || bid > (bids[index - 1] ?? bid)),
      itemId,
    )
  }
  t.equal([...order.values()].flat().length, BIDS)
})

t.test('a full queue refuses at once with 503 and a Retry-After', async (t) => {
  let release: () => void = () => {}
  const queue = createBidQueue({
    ...lanes,
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
    retryAfterSeconds: /^[123]$/,
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
    ...lanes,
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
    ...lanes,
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
    ...lanes,
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
    ...lanes,
    batchMax: 10,
    queueMax: 10,
    async decide() {
      throw Object.assign(new Error('serialization failure'), { code: '40001' })
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
    Object.assign(new Error('statement timeout'), { code: '57014' }),
    new Error('numeric overflow'),
  ]
  const queue = createBidQueue({
    ...lanes,
    batchMax: 1,
    queueMax: 1,
    observe: metrics,
    async decide() {
      throw failures.shift()
    },
  })
  const full = createBidQueue({
    ...lanes,
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

/** Lots that other transactions hold: a batch skips them, a lane waits for their gate. */
function heldLots(...itemIds: string[]) {
  const gates = new Map(itemIds.map((itemId) => [itemId, gate()]))
  const batches: string[][] = []
  const turns: string[][] = []
  const options: Pick<BidQueueOptions, 'decide' | 'decideHeldLot'> = {
    async decide(batch) {
      batches.push(batch.map(({ bidId }) => bidId))
      await turn()
      return batch.map(
        ({ itemId }): BatchAnswer => (gates.has(itemId) ? { kind: 'lot_held' } : notFound()),
      )
    },
    async decideHeldLot(itemId, take) {
      await gates.get(itemId)?.opened
      const bids = take()
      turns.push(bids.map(({ bidId }) => bidId))
      return bids.map(notFound)
    },
  }
  const release = (itemId: string) => {
    gates.get(itemId)?.open()
    gates.delete(itemId)
  }
  return { options, batches, turns, release }
}

t.test(
  'bids on a held lot wait beside the batches, and come in one turn when it is free',
  async (t) => {
    const { options, batches, turns, release } = heldLots('held')
    const sizes: number[] = []
    const queue = createBidQueue({
      ...lanes,
      ...options,
      batchMax: 10,
      queueMax: 10,
      observe: { batchSize: (size) => sizes.push(size), undecided: () => {} },
    })
    const first = queue.submit(command('a', 'held'))
    await queue.submit(command('b', 'free'))
    const later = ['c', 'd'].map((id) => queue.submit(command(id, 'held')))
    await queue.submit(command('e', 'free'))
    t.match(queue, { length: 3, heldBids: 3, lanes: 1 })
    t.strictSame(batches, [['a', 'b'], ['e']])
    release('held')
    await Promise.all([first, ...later])
    t.strictSame(turns, [['a', 'c', 'd']])
    t.strictSame(sizes, [2, 1, 3])
    await queue.drained()
    t.match(queue, { length: 0, heldBids: 0, lanes: 0 })
  },
)

t.test('with all lanes taken the other held lots are tried again together', async (t) => {
  const { options, turns, release } = heldLots('one', 'two', 'three', 'four')
  const queue = createBidQueue({ ...lanes, ...options, batchMax: 10, queueMax: 10 })
  const [one, two, three, four] = ['one', 'two', 'three', 'four'].map((itemId) =>
    queue.submit(command(itemId, itemId)),
  )
  while (queue.lanes < 2) await turn()
  t.strictSame(await queue.submit(command('free', 'free')), notFound())
  release('three')
  release('four')
  await Promise.all([three, four])
  t.strictSame(turns, [], 'neither needed a lane')
  release('one')
  release('two')
  await Promise.all([one, two])
  await queue.drained()
})

t.test('a lane gives way to the next held lot after each turn', async (t) => {
  const { options, turns, release } = heldLots('busy', 'next')
  const queue = createBidQueue({ ...lanes, ...options, lanesMax: 1, batchMax: 2, queueMax: 10 })
  const busy = ['1', '2', '3'].map((id) => queue.submit(command(id, 'busy')))
  const next = queue.submit(command('n', 'next'))
  while (queue.lanes === 0 || queue.heldBids < 4) await turn()
  release('busy')
  release('next')
  await Promise.all([...busy, next])
  t.strictSame(turns[0], ['1', '2'])
  await queue.drained()
})

t.test('held lots cannot fill the queue for the others', async (t) => {
  const { options, release } = heldLots('held')
  const queue = createBidQueue({ ...lanes, ...options, batchMax: 10, queueMax: 2 })
  const held = ['a', 'b'].map((id) => queue.submit(command(id, 'held')))
  while (queue.heldBids < 2) await turn()
  await t.rejects(queue.submit(command('c', 'held')), { code: 'bid.queue_full' })
  t.strictSame(await queue.submit(command('d', 'free')), notFound())
  release('held')
  await Promise.all(held)
})

t.test('bids that wait for too long are answered without being decided', async (t) => {
  const slow = gate()
  const decided: string[] = []
  const queue = createBidQueue({
    ...lanes,
    waitMaxMs: WAIT_MAX_MS,
    batchMax: 1,
    queueMax: 10,
    async decide(batch) {
      decided.push(...batch.map(({ bidId }) => bidId))
      await slow.opened
      return batch.map(notFound)
    },
  })
  // The first is never too old, however long it takes to its batch.
  const first = queue.submit({ ...command('a'), receivedAtMs: Number.POSITIVE_INFINITY })
  await turn()
  const receivedAtMs = performance.now() - WAIT_MAX_MS + 50
  const second = queue.submit({ ...command('b'), receivedAtMs })
  t.strictSame(await second, { kind: 'waited_too_long' }, 'while the first is still in its batch')
  slow.open()
  await first
  t.strictSame(decided, ['a'])
})

t.test('a bid that waits for a held lot for too long is answered, and the lane ends', async (t) => {
  const { options, turns, release } = heldLots('held')
  // Real time, in which the bid comes to its lane for sure.
  const waitMaxMs = 5_000
  const queue = createBidQueue({ ...lanes, ...options, waitMaxMs, batchMax: 10, queueMax: 10 })
  const old = queue.submit(command('a', 'held'))
  t.strictSame(await old, { kind: 'waited_too_long' })
  release('held')
  await queue.drained()
  t.strictSame(turns, [[]])
})

t.test('one bid that breaks the statement of a lane never fails its neighbours', async (t) => {
  const { options, release } = heldLots('held')
  const queue = createBidQueue({
    ...lanes,
    ...options,
    batchMax: 10,
    queueMax: 10,
    async decideHeldLot(itemId, take) {
      return options.decideHeldLot(itemId, () => {
        const bids = take()
        if (bids.some(({ bidId }) => bidId === 'bad')) throw new Error('numeric overflow')
        return bids
      })
    },
  })
  const answers = ['a', 'b', 'bad', 'c'].map((id) => queue.submit(command(id, 'held')))
  while (queue.heldBids < 4) await turn()
  release('held')
  const results = await Promise.allSettled(answers)
  t.strictSame(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  )
})

t.test('a database that is lost while a lane waits fails its bids, and no other', async (t) => {
  const lost = gate()
  const queue = createBidQueue({
    ...lanes,
    batchMax: 10,
    queueMax: 10,
    decide: async (batch) =>
      batch.map(({ itemId }) => (itemId === 'held' ? { kind: 'lot_held' } : notFound())),
    async decideHeldLot() {
      await lost.opened
      throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
    },
  })
  const waiting = queue.submit(command('a', 'held'))
  while (queue.lanes === 0) await turn()
  lost.open()
  await t.rejects(waiting, { code: 'ECONNREFUSED' })
  t.strictSame(await queue.submit(command('b', 'free')), notFound())
  await queue.drained()
})

t.test('a lock that a batch waits for in vain sends its bids into lanes', async (t) => {
  const queue = createBidQueue({
    ...lanes,
    batchMax: 10,
    queueMax: 10,
    async decide() {
      throw Object.assign(new Error('lock timeout'), { code: '55P03' })
    },
  })
  t.strictSame(await queue.submit(command('a')), notFound())
})
