import t from 'tap'
import { createPermits, PermitsFullError } from '#src/process/permits.ts'

function createGate() {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}

t.test(
  'no more run than there are permits, no more wait than places, the rest is refused at once',
  async (t) => {
    const permits = createPermits({ concurrency: 2, queueMax: 3 })
    const gate = createGate()
    const order: number[] = []
    const works = Array.from({ length: 5 }, (_, index) =>
      permits.run(async () => {
        order.push(index)
        await gate.passed
        t.ok(permits.active <= 2)
        return index
      }),
    )
    t.equal(permits.active, 2)
    t.equal(permits.waiting, 3)
    await t.rejects(
      permits.run(async () => t.fail('must not run')),
      PermitsFullError,
    )
    gate.open()
    t.same(await Promise.all(works), [0, 1, 2, 3, 4])
    t.same(order, [0, 1, 2, 3, 4], 'first come, first served')
    t.equal(permits.active, 0, 'every permit came back')
    t.equal(permits.waiting, 0)
  },
)

t.test('work that fails gives its permit back', async (t) => {
  const permits = createPermits({ concurrency: 1, queueMax: 0 })
  await t.rejects(
    permits.run(async () => {
      throw new Error('broken')
    }),
    /broken/,
  )
  t.equal(permits.active, 0)
  t.equal(await permits.run(async () => 'works'), 'works')
})

t.test('a newcomer cannot take the permit that the next in line was promised', async (t) => {
  const permits = createPermits({ concurrency: 1, queueMax: 1 })
  const gate = createGate()
  const first = permits.run(() => gate.passed)
  const second = permits.run(async () => permits.active)
  gate.open()
  await first
  t.equal(permits.active, 1, 'handed over, not freed')
  t.equal(await second, 1)
  t.equal(permits.active, 0)
})
