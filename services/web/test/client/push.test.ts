import { setImmediate as turn } from 'node:timers/promises'
import { createContext, runInContext } from 'node:vm'
import t from 'tap'
import { ASSETS } from '#src/app/assets.ts'

const text = (name: string) =>
  (ASSETS.get(name)?.content.toString() ?? '')
    .replaceAll(/^import [^']* from '[^']*'$/gm, '')
    .replaceAll(/^export /gm, '')

/** One browser with its storage, its locks, a push service, and notification behind it. */
function startBrowser() {
  const stored = new Map<string, string>()
  const state = { isSubscribed: false, isRegistered: false }
  const listed: { id: string }[] = []
  const waiting: (() => void)[] = []
  const subscription = {
    toJSON: () => ({}),
    async unsubscribe() {
      state.isSubscribed = false
      return true
    },
  }
  const registration = {
    active: {},
    pushManager: {
      getSubscription: async () => (state.isSubscribed ? subscription : null),
      async subscribe() {
        state.isSubscribed = true
        return subscription
      },
    },
    async unregister() {
      state.isRegistered = false
      state.isSubscribed = false
      return true
    },
  }
  let last: Promise<unknown> = Promise.resolve()
  const locks = {
    request(_name: string, work: () => Promise<unknown>) {
      const result = last.then(work)
      last = result.catch(() => undefined)
      return result
    },
  }
  const navigator = {
    locks,
    serviceWorker: {
      getRegistration: async () => (state.isRegistered ? registration : undefined),
      async register() {
        state.isRegistered = true
        return registration
      },
    },
  }
  const answer = (status: number, body: object) => ({
    ok: status < 300,
    status,
    json: async () => body,
  })
  /** The list is answered at once, a new subscription when the test lets it. */
  async function fetch(_url: string, { method }: { method?: string }) {
    if (method !== 'POST') return answer(200, { subscriptions: [...listed] })
    await new Promise<void>((resolve) => {
      waiting.push(resolve)
    })
    const made = { id: `subscription ${listed.length}` }
    listed.push(made)
    return answer(200, made)
  }
  /** The page of the settings in a tab of this user, with its list as it is now. */
  function openSettings(user: string) {
    const lines = listed.map(({ id }) => ({
      dataset: { push: id },
      querySelector: () => ({ hidden: true }),
    }))
    const line = { textContent: '', hidden: false }
    let press: () => void = () => undefined
    const button = {
      hidden: true,
      addEventListener: (_: string, listener: () => void) => {
        press = listener
      },
    }
    const place = {
      dataset: { working: 'working', key: 'AAAA', failed: 'failed' },
      querySelector: (name: string) => (name === 'small' ? line : button),
    }
    const status = { textContent: '' }
    const Notification = { permission: 'granted', requestPermission: async () => 'granted' }
    const page = createContext({
      AbortSignal,
      atob,
      document: {
        body: { dataset: { user } },
        getElementById: (id: string) => (id === 'push-here' ? place : status),
        querySelectorAll: () => lines,
      },
      fetch,
      localStorage: {
        getItem: (key: string) => stored.get(key) ?? null,
        setItem: (key: string, value: string) => stored.set(key, value),
        removeItem: (key: string) => stored.delete(key),
      },
      location: { assign: () => undefined, reload: () => undefined },
      navigator,
      Notification,
      PushManager: Object,
    })
    runInContext(`${text('push-browser.js')}\n${text('push.js')}`, page)
    return { line, button, status, press: () => press(), page }
  }
  /** Any page: what the script of every page does first. */
  const openPage = (user: string): Promise<void> =>
    runInContext(`endThatOfAnother('${user}')`, openSettings(user).page) as Promise<void>
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await turn()
  }
  async function subscribe(user: string) {
    const tab = openSettings(user)
    await until(() => !tab.button.hidden)
    tab.press()
    await until(() => waiting.length > 0)
    return {
      async finish() {
        waiting.pop()?.()
        await until(() => stored.has('push-subscription'))
      },
    }
  }
  return { state, stored, openSettings, openPage, subscribe, until }
}

t.test('a user who logs in sees no notices of the one before', async (t) => {
  const { state, stored, openPage, subscribe } = startBrowser()
  await (await subscribe('ann')).finish()
  t.same(state, { isSubscribed: true, isRegistered: true })
  await openPage('ann')
  t.same(state, { isSubscribed: true, isRegistered: true }, 'her own stay')
  await openPage('bob')
  t.same(state, { isSubscribed: false, isRegistered: false })
  t.equal(stored.size, 0)
  await (await subscribe('bob')).finish()
  await openPage('bob')
  t.same(state, { isSubscribed: true, isRegistered: true }, 'and he may have his own')
  stored.delete('push-user')
  await openPage('bob')
  t.equal(state.isSubscribed, false, 'one whose user is not known may be that of another')
})

t.test('a tab does not end the subscription that another is making', async (t) => {
  const { state, openSettings, subscribe, until } = startBrowser()
  const first = await subscribe('ann')
  t.equal(state.isSubscribed, true, 'notification does not know of it yet')
  const second = openSettings('ann')
  for (let turns = 0; turns < 20; turns += 1) await turn()
  await first.finish()
  await until(() => second.line.textContent !== '' || !second.button.hidden)
  t.equal(second.line.textContent, 'working')
  t.equal(state.isSubscribed, true)
})
