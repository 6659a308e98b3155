import { createContext, runInContext } from 'node:vm'
import t from 'tap'
import { ASSETS } from '#src/app/assets.ts'

const ORIGIN = 'https://auction.example'

interface Shown {
  title: string
  options: { body: string; tag: string; data: { path: string } }
}

/** Some browsers with push are older than that part of URL. */
class OldUrl extends URL {
  static override canParse = undefined as never
}

/** The script as browsers get it, in a worker whose browser keeps what it was asked for. */
function startWorker() {
  const shown: Shown[] = []
  const opened: string[] = []
  const listeners: Record<string, (event: object) => void> = {}
  const self = {
    location: { origin: ORIGIN },
    registration: {
      showNotification: (title: string, options: Shown['options']) =>
        shown.push({ title, options }),
    },
    clients: { openWindow: (address: string) => opened.push(address) },
    addEventListener: (name: string, listener: (event: object) => void) => {
      listeners[name] = listener
    },
  }
  const script = ASSETS.get('push-worker.js')?.content.toString() ?? ''
  runInContext(script, createContext({ self, URL: OldUrl }))
  const waited: unknown[] = []
  const dispatch = (name: string, event: object) =>
    listeners[name]?.({ ...event, waitUntil: (work: unknown) => waited.push(work) })
  return {
    shown,
    opened,
    waited,
    listeners,
    push: (text: string | null) =>
      dispatch('push', { data: text === null ? null : { json: () => JSON.parse(text) } }),
    click: (data: unknown) => {
      let isClosed = false
      dispatch('notificationclick', {
        notification: {
          data,
          close: () => {
            isClosed = true
          },
        },
      })
      return isClosed
    },
  }
}

t.test('a message is shown as it was written, and a click opens its page', async (t) => {
  const worker = startWorker()
  const message = { title: 'You were outbid', body: 'Wempe clock', path: '/lots/1', tag: 'one' }
  worker.push(JSON.stringify(message))
  const { title, body, path, tag } = message
  t.match(worker.shown, [{ title, options: { body, tag, renotify: true, data: { path } } }])
  t.equal(worker.click(worker.shown[0]?.options.data), true, 'a notice that was read is gone')
  t.same(worker.opened, [`${ORIGIN}/lots/1`])
  t.equal(worker.waited.length, 2, 'the browser lets the worker live until both are done')
})

t.test('a click never leads to another site', async (t) => {
  const worker = startWorker()
  for (const path of [
    'https://evil.example/',
    '//evil.example/lots/1',
    '/\\evil.example',
    'javascript:alert(1)',
    'blob:https://auction.example/1',
    'http://auction.example/',
    'http://[',
    undefined,
    7,
  ]) {
    worker.click({ path })
    const opened = worker.opened.pop() ?? ''
    t.equal(new URL(opened).origin, ORIGIN, String(path))
    t.match(opened, /^https:/, String(path))
  }
  worker.click(null)
  t.same(worker.opened, [`${ORIGIN}/`])
})

t.test('a message that cannot be read leads to the inbox, since a browser wants one', async (t) => {
  const worker = startWorker()
  for (const text of [null, '', '{', 'null', '7', '{"title":"x"}', '{"title":{},"body":""}']) {
    worker.push(text)
  }
  t.equal(worker.shown.length, 7)
  for (const { options } of worker.shown) t.equal(options.data.path, '/notifications')
})

t.test('no request of a page goes through it, and any browser can run it', async (t) => {
  const { listeners } = startWorker()
  t.same(Object.keys(listeners), ['push', 'notificationclick'])
  const script = ASSETS.get('push-worker.js')?.content.toString() ?? ''
  t.notMatch(script, /^\s*(import|export)\b/m, 'a plain script, no module')
})
