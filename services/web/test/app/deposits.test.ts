import t from 'tap'
import {
  AS_ANN,
  type Asked,
  healthy,
  ITEM_ID,
  lot,
  OWN_PAGE,
  startApp,
  startUpstream,
} from '#test/helper.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const LOT = `/lots/${ITEM_ID}`
const LOT_PATH = `/api/v1/lots/${ITEM_ID}`
const DEPOSITS = '/api/v1/deposits'
const WANTED = 'Bidders here have a deposit of €50.00 held by their card first.'
const UNTIL = '2026-12-01T12:00:00.000Z'

const deposit = (changes: object) => ({
  state: 'held',
  amount: '50.00',
  next: { kind: 'none' },
  heldUntil: UNTIL,
  isEnding: false,
  ...changes,
})

async function start(
  t: Parameters<typeof startApp>[0],
  deposits: object[] = [],
  answer: { status: number; body: object } = { status: 201, body: {} },
  wanted: object = { deposit: '50.00' },
) {
  const reads = healthy({ [LOT_PATH]: { ...lot, ...wanted }, [DEPOSITS]: { deposits } })
  const upstream = await startUpstream(t, (url, request: Asked) =>
    request.method === 'GET' ? reads(url) : answer,
  )
  const app = await startApp(t, upstream.url)
  return {
    asked: upstream.asked,
    sent: () => upstream.asked.filter(({ method }) => method !== 'GET'),
    get: (headers: object = {}) => app.inject({ url: LOT, headers: { ...headers } }),
    post: (values: Record<string, string>, headers: object = AS_ANN) =>
      app.inject({
        method: 'POST',
        url: `${LOT}/deposit`,
        headers: { ...FORM, ...OWN_PAGE, ...headers },
        payload: new URLSearchParams(values).toString(),
      }),
  }
}

t.test('the page says before a bid what is to be held, and what becomes of it', async (t) => {
  const visitor = await start(t)
  const { body } = await visitor.get()
  t.match(body, WANTED)
  t.match(body, 'If you win and do not pay, it is taken.')
  t.notMatch(body, `${LOT}/deposit`)
  t.notOk(
    visitor.asked.some(({ url }) => url.startsWith(DEPOSITS)),
    'nothing is asked for visitors',
  )
  const plain = await start(t, [], undefined, {})
  t.notMatch((await plain.get(AS_ANN)).body, 'deposit')
  t.notOk(plain.asked.some(({ url }) => url.startsWith(DEPOSITS)))
})

t.test('a bidder has it held, goes on with the page, or reads until when it is held', async (t) => {
  const none = await start(t)
  t.match((await none.get(AS_ANN)).body, 'Have €50.00 held')
  const url = 'https://pay.example/session'
  const open = await start(t, [deposit({ state: 'requested', next: { kind: 'redirect', url } })])
  t.match((await open.get(AS_ANN)).body, `href="${url}">Give your card for the deposit of €50.00`)
  const held = await start(t, [deposit({})])
  const { body } = await held.get(AS_ANN)
  t.match(body, /Your deposit is held until .*2026/)
  t.notMatch(body, `${LOT}/deposit`)
  for (const over of [deposit({ isEnding: true }), deposit({ state: 'released' })]) {
    const again = await start(t, [over])
    t.match((await again.get(AS_ANN)).body, 'Have €50.00 held')
  }
})

t.test('the button begins it once, whatever becomes of the answer', async (t) => {
  const { post, sent } = await start(t)
  const answer = await post({ key: 'k1' })
  t.equal(answer.headers.location, LOT)
  t.match(sent(), [{ url: DEPOSITS, headers: { 'idempotency-key': 'k1' } }])
  t.strictSame(JSON.parse(sent()[0]?.body ?? ''), { itemId: ITEM_ID, returnUrl: LOT })
  const lost = await start(t, [], { status: 502, body: {} })
  const page = await lost.post({ key: 'k2' })
  t.equal(page.statusCode, 503)
  t.match(page.body, 'nothing is held twice')
  t.match(page.body, 'name="key" value="k2"')
  const over = await start(t, [], {
    status: 409,
    body: { code: 'deposit.lot_over', message: 'x', traceId: 'f'.repeat(32) },
  })
  const refused = await over.post({ key: 'k3' })
  t.equal(refused.statusCode, 409)
  t.match(refused.body, 'This lot takes no bids any more.')
  t.match((await post({ key: 'k4' }, {})).headers.location, /^\/login/)
})
