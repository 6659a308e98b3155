import t from 'tap'
import { createKeptCounts } from '#src/app/catalogue/kept-counts.ts'

/** Counts that a test gives or refuses by hand, under a clock of its own. */
function start(maxAgeMs = 10_000) {
  const counts: { give(value: number): void; refuse(error: Error): void }[] = []
  const failures: unknown[] = []
  let nowMs = 0
  const read = createKeptCounts(
    () =>
      new Promise<number>((give, refuse) => {
        counts.push({ give, refuse })
      }),
    { maxAgeMs, onFailure: (error) => failures.push(error), monotonicMs: () => nowMs },
  )
  return {
    read,
    counts,
    failures,
    pass(ms: number) {
      nowMs += ms
    },
  }
}

t.test('callers share a count until it is old, and none waits while it is renewed', async (t) => {
  const { read, counts, pass } = start()
  const first = [read(), read()]
  t.equal(counts.length, 1)
  counts[0]?.give(1)
  t.strictSame(await Promise.all(first), [1, 1])
  pass(9_999)
  t.equal(await read(), 1)
  t.equal(counts.length, 1)
  pass(1)
  t.strictSame(await Promise.all([read(), read()]), [1, 1], 'the one before')
  t.equal(counts.length, 2, 'which is counted again once')
  counts[1]?.give(2)
  await new Promise(setImmediate)
  t.equal(await read(), 2)
})

t.test('after a quiet time callers wait for a new count', async (t) => {
  const { read, counts, pass } = start()
  const first = read()
  counts[0]?.give(1)
  await first
  pass(60_000)
  const later = read()
  counts[1]?.give(2)
  t.equal(await later, 2)
})

t.test('a count that fails takes no answer with it, however old the last one is', async (t) => {
  const { read, counts, failures, pass } = start()
  const first = read()
  counts[0]?.refuse(new Error('no database'))
  await t.rejects(first, { message: 'no database' }, 'nothing was counted yet')
  const second = read()
  counts[1]?.give(1)
  t.equal(await second, 1)
  pass(60_000)
  const waiting = read()
  counts[2]?.refuse(new Error('too slow'))
  t.equal(await waiting, 1)
  t.match(failures, [{ message: 'no database' }, { message: 'too slow' }])
  pass(9_999)
  t.equal(await read(), 1)
  t.equal(counts.length, 3, 'not at once again')
  pass(600_000)
  t.equal(await read(), 1, 'no caller waits for a count that failed before')
  t.equal(counts.length, 4, 'which is tried again meanwhile')
  counts[3]?.give(3)
  await new Promise(setImmediate)
  pass(60_000)
  const later = read()
  counts[4]?.give(4)
  t.equal(await later, 4, 'and then it is as before')
})

t.test('without an age every caller counts', async (t) => {
  const { read, counts } = start(0)
  const both = [read(), read()]
  for (const [index, count] of counts.entries()) count.give(index)
  t.strictSame(await Promise.all(both), [0, 1])
})
