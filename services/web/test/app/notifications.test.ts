import t from 'tap'
import { PAGE_POLICY } from '#src/app/page-policy.ts'
import { AS_ANN, type Asked, healthy, OWN_PAGE, startApp, startUpstream } from '#test/helper.ts'

const INBOX = '/api/v1/notifications'
const NOTICE_ID = '019a0000-0000-7000-8000-0000000000f1'
const ORDER_ID = '019a0000-0000-7000-8000-0000000000d1'
const PUSH_ID = '019a0000-0000-7000-8000-0000000000f9'

const notice = {
  id: NOTICE_ID,
  template: 'order_due',
  category: 'purchases',
  title: 'Pay for: <Brass sextant>',
  body: 'You owe €1,212.00.',
  path: `/my/orders/${ORDER_ID}`,
  data: { orderId: ORDER_ID },
  createdAt: '2026-11-23T18:04:05.000Z',
}
const inbox = { notifications: [notice], unreadCount: 1 }
const preferences = {
  language: 'en',
  timeZone: 'Europe/Berlin',
  quietHours: { from: '22:00', until: '07:00' },
  choices: Object.fromEntries(
    ['bidding', 'results', 'purchases', 'sales', 'questions', 'searches', 'integrations'].map(
      (category) => [category, { mail: 'now', push: 'off' }],
    ),
  ),
  locked: [{ category: 'purchases', channel: 'mail' }],
}

interface Refused {
  status: number
  body: object
}
const gone: Refused = { status: 503, body: {} }
const refusal = (status: number, code: string): Refused => ({ status, body: { code } })

type Test = Parameters<typeof startUpstream>[0]

async function start(
  t: Test,
  answers: Record<string, unknown> = {},
  refusals: Record<string, Refused> = {},
  options: { neverAnswers?: string } = {},
) {
  const bodies: Record<string, unknown> = {
    [`GET ${INBOX}`]: inbox,
    [`GET ${INBOX}/preferences`]: preferences,
    'GET /api/v1/push-subscriptions': { subscriptions: [] },
    ...answers,
  }
  const plain = healthy()
  const upstream = await startUpstream(
    t,
    (url, { method }: Asked) => {
      const key = `${method} ${url.split('?')[0]}`
      return refusals[key] ?? (key in bodies ? { status: 200, body: bodies[key] } : plain(url))
    },
    options,
  )
  const waits = options.neverAnswers === undefined ? {} : { unreadMs: 100 }
  const app = await startApp(t, upstream.url, waits)
  const get = (url: string, headers: Record<string, string> = AS_ANN) =>
    app.inject({ url, headers })
  const post = (url: string, fields: Record<string, string>, headers: object = AS_ANN) =>
    app.inject({
      method: 'POST',
      url,
      headers: { ...OWN_PAGE, 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: new URLSearchParams(fields).toString(),
    })
  const sent = () => upstream.asked.filter(({ method }) => method !== 'GET')
  return { upstream, get, post, sent }
}

t.test('visitors log in first, and services that are away say so', async (t) => {
  const { get } = await start(t, {}, { [`GET ${INBOX}`]: gone })
  for (const url of ['/notifications', '/notifications/settings']) {
    t.equal((await get(url, {})).headers.location, `/login?returnTo=${encodeURIComponent(url)}`)
  }
  t.equal((await get('/notifications')).statusCode, 503)
})

t.test(
  'the inbox is read in the language and zone of the page, and leads to what it is about',
  async (t) => {
    const { get, upstream } = await start(t)
    const { body, headers } = await get('/de/notifications', {
      ...AS_ANN,
      cookie: 'tz=Asia%2FTokyo',
    })
    t.equal(headers['cache-control'], 'no-store')
    t.match(
      body,
      `href="/de/my/orders/${ORDER_ID}" dir="auto"><strong>Pay for: &lt;Brass sextant&gt;`,
    )
    t.match(body, '24. Nov. 2026, 03:04:05')
    t.match(body, 'aria-label="Als gelesen markieren: Pay for: &lt;Brass sextant&gt;"')
    const asked = upstream.urls.find((url) => url.includes('language'))
    t.equal(asked, `${INBOX}?limit=20&language=de&timeZone=Asia%2FTokyo`)
    await get('/notifications?unread=yes&cursor=1764000000000.019a0000-0000-7000-8000-0000000000f1')
    t.match(
      upstream.urls.find((url) => url.includes('cursor')),
      /unread=true&cursor=17/,
    )
    await get('/notifications?cursor=x')
    t.equal(upstream.urls.filter((url) => url.includes('cursor=x')).length, 0)
  },
)

t.test('a path that leads elsewhere leads home', async (t) => {
  for (const path of ['//evil.example', '/\\evil.example', 'https://evil.example']) {
    const { get } = await start(t, {
      [`GET ${INBOX}`]: { ...inbox, notifications: [{ ...notice, path }] },
    })
    const { body } = await get('/notifications')
    t.match(body, '<a href="/" dir="auto">')
    t.notMatch(body, 'evil')
  }
})

t.test('notices are marked as read, one or all that were seen', async (t) => {
  const { get, post, sent } = await start(t, {
    [`POST ${INBOX}/${NOTICE_ID}/read`]: { unreadCount: 0 },
    [`POST ${INBOX}/read`]: { unreadCount: 0 },
  })
  const { body } = await get('/notifications')
  t.match(body, `action="/notifications/${NOTICE_ID}/read"`)
  t.equal((await post(`/notifications/${NOTICE_ID}/read`, {})).headers.location, '/notifications')
  t.equal(
    (await post('/notifications/read', { upTo: NOTICE_ID })).headers.location,
    '/notifications',
  )
  t.match(sent(), [
    { url: `${INBOX}/${NOTICE_ID}/read` },
    { url: `${INBOX}/read`, body: `{"upTo":"${NOTICE_ID}"}` },
  ])
  t.equal((await post('/notifications/read', { upTo: 'x' })).statusCode, 404)
  t.equal((await post('/notifications/x/read', {})).statusCode, 404)
  const late = await start(
    t,
    {},
    { [`POST ${INBOX}/read`]: refusal(404, 'notification.not_found') },
  )
  t.equal((await late.post('/notifications/read', { upTo: NOTICE_ID })).statusCode, 303, 'gone')
})

t.test('an inbox without notices says so, and offers nothing to mark', async (t) => {
  const { get } = await start(t, { [`GET ${INBOX}`]: { notifications: [], unreadCount: 0 } })
  const { body } = await get('/notifications')
  t.match(body, 'You have no notices yet.')
  t.notMatch(body, 'data-form="read-all"')
  t.match((await get('/notifications?unread=yes')).body, 'You have read everything.')
})

t.test(
  'every page of a user has the number of unread notices, without waiting for it',
  async (t) => {
    const shown = async (unreadCount: number) => {
      const { get } = await start(t, { [`GET ${INBOX}`]: { ...inbox, unreadCount } })
      return (await get('/lots')).body
    }
    t.match(
      await shown(3),
      /Notices <b aria-hidden="true">\(3\)<\/b><span class="unseen"> 3 unread/,
    )
    t.match(await shown(1_000), '(999+)')
    t.match(await shown(0), '>Notices</a>')
    const visitor = await start(t)
    const { body } = await visitor.get('/lots', {})
    t.notMatch(body, 'Notices')
    t.same(
      visitor.upstream.urls.filter((url) => url.startsWith(INBOX)),
      [],
      'no one is asked',
    )
    for (const { get } of [
      await start(t, {}, { [`GET ${INBOX}`]: gone }),
      await start(t, {}, { [`GET ${INBOX}`]: { status: 401, body: {} } }),
      await start(t, {}, {}, { neverAnswers: INBOX }),
    ]) {
      const page = await get('/lots')
      t.equal(page.statusCode, 200)
      t.match(page.body, '>Notices</a>')
    }
  },
)

t.test('the settings show what is chosen; what is always sent cannot be chosen', async (t) => {
  const { get } = await start(t)
  const { body } = await get('/notifications/settings')
  t.match(body, /name="bidding-mail"[^>]*><option value="now" selected>/)
  t.notMatch(body, 'name="purchases-mail"')
  t.notMatch(body, 'name="bidding-push"', 'this installation has no push')
  t.match(body, '<option value="Europe/Berlin" selected>')
  t.match(body, /id="field-from"[^>]*value="22:00"/)
  const push = await start(t, {
    [`GET ${INBOX}/push-key`]: { publicKey: 'key' },
    'GET /api/v1/push-subscriptions': {
      subscriptions: [{ id: PUSH_ID, label: '<phone>', createdAt: notice.createdAt }],
    },
  })
  const page = (await push.get('/notifications/settings')).body
  t.match(page, /name="bidding-push"[\s\S]*<option value="off" selected>/)
  t.match(page, '&lt;phone&gt;')
  t.match(page, `value="${PUSH_ID}"`)
})

t.test(
  'the settings offer notices in this browser, by a script that may name one other',
  async (t) => {
    const key = `GET ${INBOX}/push-key`
    const { get, post } = await start(t, { [key]: { publicKey: 'the-key' } })
    const { body, headers } = await get('/de/notifications/settings', {
      ...AS_ANN,
      'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0',
    })
    t.match(body, 'data-key="the-key" data-name="Firefox unter Linux"')
    t.match(body, /<small>Dafür ist JavaScript nötig[^<]*<\/small><button type="button" hidden>/)
    t.match(body, 'data-done="/de/notifications/settings?said=shown"')
    t.match(body, '/push.js"')
    const policy = headers['content-security-policy']
    t.equal(policy, PAGE_POLICY.replace("trusted-types 'none'", 'trusted-types push-worker'))
    const refused = await post('/notifications/settings', { from: 'x' })
    t.equal(refused.headers['content-security-policy'], policy, 'a form that came back is as able')
    t.match((await get('/notifications/settings?said=shown')).body, 'from now on')
    const other = await get('/notifications')
    t.equal(other.headers['content-security-policy'], PAGE_POLICY)
    t.notMatch(other.body, '/push.js"')

    const none = await start(t)
    t.notMatch((await none.get('/notifications/settings')).body, 'push-here', 'push is off')
    const unknown = await start(t, {}, { [key]: gone })
    const kept = (await unknown.get('/notifications/settings')).body
    t.notMatch(kept, 'push-here')
    t.match(kept, 'class="away"')
  },
)

t.test('choices are saved as they were made, and come back when they are refused', async (t) => {
  const form = {
    language: 'de',
    timeZone: 'Asia/Tokyo',
    from: '23:00',
    until: '06:30',
    'bidding-mail': 'daily',
    'sales-mail': 'constructor',
    'nothing-mail': 'now',
  }
  const { post, sent, get } = await start(t, { [`PATCH ${INBOX}/preferences`]: preferences })
  const saved = await post('/notifications/settings', form)
  t.equal(saved.headers.location, '/notifications/settings?said=saved')
  t.same(JSON.parse(sent()[0]?.body ?? ''), {
    language: 'de',
    timeZone: 'Asia/Tokyo',
    choices: { bidding: { mail: 'daily' } },
    quietHours: { from: '23:00', until: '06:30' },
  })
  t.match((await get('/notifications/settings?said=saved')).body, 'Your choices are saved.')
  await post('/notifications/settings', { ...form, from: '', until: '' })
  t.equal(JSON.parse(sent()[1]?.body ?? '').quietHours, null)
  const wrong = await post('/notifications/settings', { ...form, until: '6.30' })
  t.equal(wrong.statusCode, 422)
  t.match(wrong.body, '<a href="#field-until">')
  t.match(wrong.body, /id="field-until"[^>]*value="6.30"/)
  t.match(wrong.body, '<option value="Asia/Tokyo" selected>')
  t.match(wrong.body, /name="bidding-mail"[^>]*>.*<option value="daily" selected>/)
  const refused = await start(
    t,
    {},
    { [`PATCH ${INBOX}/preferences`]: refusal(422, 'notification.empty_quiet_hours') },
  )
  const page = await refused.post('/notifications/settings', form)
  t.equal(page.statusCode, 422)
  t.match(page.body, '<a href="#field-until">Quiet hours end at another time')
})

t.test('a browser that shows notices is ended, also when it has ended meanwhile', async (t) => {
  const path = `DELETE /api/v1/push-subscriptions/${PUSH_ID}`
  for (const answer of [{ status: 204, body: {} }, refusal(404, 'push.not_found')]) {
    const { post, sent } = await start(t, {}, { [path]: answer })
    const ended = await post('/notifications/settings/push/end', { id: PUSH_ID })
    t.equal(ended.headers.location, '/notifications/settings?said=ended')
    t.match(sent(), [{ method: 'DELETE' }])
    t.equal((await post('/notifications/settings/push/end', { id: '../x' })).statusCode, 404)
  }
})

t.test('what is refused is not shown as read or ended', async (t) => {
  const refused = refusal(429, 'request.rate_limited')
  const { post } = await start(
    t,
    {},
    {
      [`POST ${INBOX}/read`]: refused,
      [`POST ${INBOX}/${NOTICE_ID}/read`]: refused,
      [`DELETE /api/v1/push-subscriptions/${PUSH_ID}`]: refused,
    },
  )
  for (const [url, values] of [
    ['/notifications/read', { upTo: NOTICE_ID }],
    [`/notifications/${NOTICE_ID}/read`, {}],
    ['/notifications/settings/push/end', { id: PUSH_ID }],
  ] as const) {
    const { statusCode, body } = await post(url, values)
    t.equal(statusCode, 429, url)
    t.match(body, 'id="problem"', url)
  }
})

t.test('choices outlive a session that ended, and a service that is away', async (t) => {
  const form = { timeZone: 'Asia/Tokyo', 'bidding-mail': 'daily' }
  const change = `PATCH ${INBOX}/preferences`
  const ended = await start(t, {}, { [change]: { status: 401, body: {} } })
  const away = await start(t, {}, { [change]: gone })
  for (const [statusCode, answer] of [
    [401, await ended.post('/notifications/settings', form, {})],
    [401, await ended.post('/notifications/settings', form)],
    [503, await away.post('/notifications/settings', form)],
  ] as const) {
    t.equal(answer.statusCode, statusCode)
    t.equal(answer.headers['cache-control'], 'no-store')
    t.match(answer.body, 'action="/notifications/settings" data-form="kept"')
    t.match(answer.body, '<input type="hidden" name="bidding-mail" value="daily">')
  }
})
