import t from 'tap'
import { createSharedPages } from '#src/app/shared-pages.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { talkOf } from '#src/domain/talk.ts'

const visitor = (path = '/lots'): Viewer => ({
  isLoggedIn: false,
  authorization: undefined,
  name: undefined,
  userId: undefined,
  roles: [],
  origin: 'https://auction.example',
  path,
  talk: talkOf('en', 'UTC'),
  prefix: '',
  to: (to) => to,
})

t.test('what a page does not read makes no other page', async (t) => {
  const shared = createSharedPages(200, () => 0)
  let made = 0
  const make = async ({ path }: Viewer) => {
    made += 1
    return { markup: path }
  }
  for (const path of ['/lots?page=2', '/lots?utm=a&page=2', '/lots?utm=b&page=2'])
    t.strictSame(await shared.of(visitor(path), { page: '2' }, make), { markup: '/lots?page=2' })
  t.equal(made, 1)
  await shared.of(visitor('/lots?page=3'), { page: '3' }, make)
  t.equal(made, 2)
})

t.test('a page that is too old for all leaves memory with the next call', async (t) => {
  let nowMs = 0
  const shared = createSharedPages(60_000, () => nowMs)
  const make = async () => ({ markup: '' })
  for (const path of ['/a', '/b', '/c']) await shared.of(visitor(path), {}, make)
  t.equal(shared.size, 3)
  nowMs = 60_000
  await shared.of(visitor('/d'), {}, make)
  t.equal(shared.size, 1)
})

t.test('and without a call as well', async (t) => {
  const shared = createSharedPages(1)
  await shared.of(visitor(), {}, async () => ({ markup: '' }))
  t.equal(shared.size, 1)
  // The timer of the sweep holds no process, and so this one waits for it.
  await new Promise<void>((resolve) => {
    const look = setInterval(() => {
      if (shared.size > 0) return
      clearInterval(look)
      resolve()
    }, 1)
  })
  t.equal(shared.size, 0)
})

t.test('a failure is not kept, and takes no later page with it', async (t) => {
  let nowMs = 0
  const shared = createSharedPages(200, () => nowMs)
  let fail: (error: Error) => void = () => undefined
  const failing = shared.of(
    visitor(),
    {},
    () =>
      new Promise((_resolve, reject) => {
        fail = reject
      }),
  )
  nowMs = 300
  await shared.of(visitor(), {}, async () => ({ markup: 'later' }))
  fail(new Error('away'))
  await t.rejects(failing, { message: 'away' })
  t.equal(shared.size, 1)
})
