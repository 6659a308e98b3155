import t from 'tap'
import type { Waits } from '#src/app/app.ts'
import {
  type Answer,
  AS_ANN,
  type Asked,
  healthy,
  history,
  ITEM_ID,
  item,
  leading,
  lot,
  OWN_PAGE,
  SELLER_ID,
  startApp,
  startUpstream,
} from '#test/helper.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const LOT = `/lots/${ITEM_ID}`
const ITEM_PATH = `/api/v1/items/${ITEM_ID}`
const LOT_PATH = `/api/v1/lots/${ITEM_ID}`

interface Setup {
  overrides?: Record<string, unknown>
  /** Answers to what is sent. */
  answer?: (request: Asked) => ReturnType<Answer>
  waits?: Partial<Waits>
}

async function start(
  t: Parameters<typeof startApp>[0],
  { overrides = {}, answer = () => ({ status: 201, body: {} }), waits = {} }: Setup = {},
) {
  const reads = healthy(overrides)
  const upstream = await startUpstream(t, (url, request) =>
    request.method === 'GET' ? reads(url) : answer(request),
  )
  const app = await startApp(t, upstream.url, waits)
  const sent = () => upstream.asked.filter(({ method }) => method !== 'GET')
  return {
    app,
    asked: upstream.asked,
    sent,
    get: (url: string, headers: object = {}) => app.inject({ url, headers: { ...headers } }),
    post: (path: string, values: Record<string, string>, headers: object = AS_ANN) =>
      app.inject({
        method: 'POST',
        url: `${LOT}/${path}`,
        headers: { ...FORM, ...OWN_PAGE, ...headers },
        payload: new URLSearchParams(values).toString(),
      }),
  }
}

const refusal = (status: number, code: string, details?: object) => ({
  status,
  body: { code, message: 'in English, for programs', details, traceId: 'f'.repeat(32) },
})

/** What a page shows as wrong with the field, and what the field keeps. */
const problemIn = (body: string) => ({
  title: /<title>([^<]*)/.exec(body)?.[1],
  summary: /<ul><li>(?:<a href="([^"]+)">)?([^<]*)/.exec(body)?.slice(1),
  kept: / name="maxAmount"[^>]* value="([^"]*)"/.exec(body)?.[1],
})

t.test('a visitor sees price, next bid, leader, history, seller, and a way to bid', async (t) => {
  const { get } = await start(t)
  const { body, statusCode, headers } = await get(LOT)
  t.equal(statusCode, 200)
  t.equal(headers['cache-control'], 'private, no-cache')
  for (const text of [
    '€1,234.50',
    '7 bids',
    'bidder 3 leads',
    'Reserve met',
    'The next bid is at least €1,259.50.',
    '€1,209.50',
    'automatic',
    'Ada Seller',
    'Ghent, BE',
    `href="/sellers/${SELLER_ID}"`,
    'No questions yet.',
    'A bid in the last 5 min moves the end, so that at least 5 min are left.',
    `href="/login?returnTo=${encodeURIComponent(LOT)}">Log in to bid</a>`,
  ]) {
    t.ok(body.includes(text), text)
  }
  t.notMatch(body, 'data-form="bid"', 'a visitor has no form that would lead nowhere')
  t.match(body, /data-part="standing" hidden/)
})

t.test('what lists of results show of a description ends between two characters', async (t) => {
  const description = `${'x'.repeat(149)}👩‍👩‍👧 and\nmore`
  const { get } = await start(t, { overrides: { [ITEM_PATH]: { ...item, description } } })
  const shown = `${'x'.repeat(149)}👩‍👩‍👧…`
  t.match((await get(LOT)).body, `<meta name="description" content="${shown}">`)
})

t.test('a user sees how they stand, which bids are theirs, and their maximum', async (t) => {
  const overrides = { [`${LOT_PATH}/mine`]: leading }
  const { get, asked } = await start(t, { overrides })
  const { body } = await get(LOT, AS_ANN)
  t.match(body, 'You lead. Your maximum is €1,500.00.')
  t.match(body, ', you lead</span>')
  t.match(body, /<tr class="own"><td>bidder 3 <strong>\(you\)/)
  t.match(body, 'Raise my maximum')
  t.match(body, 'Enter €1,259.50 or more.')
  t.match(body, 'name="termsVersion" value="3"')
  const withCaller = asked.filter(({ headers }) => headers.authorization !== undefined)
  t.strictSame(
    withCaller.map(({ url }) => url).sort(),
    [ITEM_PATH, `${LOT_PATH}/mine`, '/api/v1/notifications?limit=1'],
    'what all see alike is read without a caller',
  )
})

t.test('who may not bid gets no form, and reads why', async (t) => {
  const cases = {
    'This is your lot.': { isSeller: true, isBlocked: false },
    'The seller does not take your bids.': { isSeller: false, isBlocked: true },
  }
  for (const [text, standing] of Object.entries(cases)) {
    const { get } = await start(t, { overrides: { [`${LOT_PATH}/mine`]: standing } })
    const { body } = await get(LOT, AS_ANN)
    t.match(body, text)
    t.notMatch(body, 'data-form="bid"')
  }
  const { minNextBid: _, ...rest } = lot
  for (const phase of ['pending', 'closing', 'closed', 'cancelled', 'reserved']) {
    const { get } = await start(t, { overrides: { [LOT_PATH]: { ...rest, phase } } })
    t.notMatch((await get(LOT, AS_ANN)).body, 'data-form="bid"', phase)
  }
})

t.test('a closed lot shows how it ended instead of a countdown', async (t) => {
  const { minNextBid: _, ...rest } = lot
  const closed = { ...rest, phase: 'closed', outcome: 'sold', finalAmount: '1300.00' }
  const { get } = await start(t, { overrides: { [LOT_PATH]: closed } })
  const { body } = await get(LOT)
  t.match(body, '€1,300.00')
  t.match(body, /Sold\s+<small>ended Mon, 23 Nov 2026/)
  t.notMatch(body, /data-countdown|Log in to bid/)
})

t.test('a time that is over is closing until the server says what came of it', async (t) => {
  const late = { ...lot, endDate: '2026-11-23T17:59:59.000Z', phase: 'closing' }
  const { get } = await start(t, { overrides: { [LOT_PATH]: late } })
  t.match((await get(LOT)).body, 'Closing…')
})

t.test(
  'every picture is shown in sizes that it has, with what the seller said of it',
  async (t) => {
    const images = [
      ['first', 1600, 800],
      ['second', 600, 1600],
    ].map(([name, width, height]) => ({
      alt_text: name === 'first' ? 'A "view" <b>' : '',
      width,
      height,
      urls: { small: `/${name}/s`, medium: `/${name}/m`, large: `/${name}/l` },
    }))
    const { get } = await start(t, { overrides: { [ITEM_PATH]: { ...item, images } } })
    const [first = '', second = '', ...others] =
      (await get(LOT)).body.match(/<a class="shot"[^>]*><img [^>]*>/g) ?? []
    t.strictSame(others, [])
    t.match(first, 'srcset="/first/s 320w, /first/m 800w, /first/l 1600w"')
    t.match(
      first,
      'alt="A &quot;view&quot; &lt;b&gt;" width="1600" height="800" fetchpriority="high"',
    )
    t.match(
      second,
      'srcset="/second/s 120w, /second/m 300w, /second/l 600w"',
      'a portrait is narrower',
    )
    t.match(second, 'alt="Brass sextant: Picture 2 of 2"')
    t.match(second, 'href="/second/l"')
    t.match(second, 'loading="lazy"')
  },
)

t.test('a service that is away costs its part, and only the lot itself the page', async (t) => {
  const parts = {
    [`${LOT_PATH}/bids`]: 'Brass sextant',
    [`${ITEM_PATH}/comments`]: 'Brass sextant',
    [`${ITEM_PATH}/attributes`]: 'Brass sextant',
    [`/api/v1/user-profiles/${SELLER_ID}`]: 'Brass sextant',
    [`${LOT_PATH}/mine`]: 'data-form="bid"',
  }
  for (const [path, stays] of Object.entries(parts)) {
    for (const body of ['oops', { items: 3 }]) {
      const { get } = await start(t, { overrides: { [path]: body } })
      const page = await get(LOT, AS_ANN)
      t.equal(page.statusCode, 200, path)
      t.match(page.body, stays)
      if (!path.endsWith('/mine')) t.match(page.body, 'This part cannot be shown just now.', path)
    }
  }
  for (const path of [LOT_PATH, ITEM_PATH]) {
    const { get } = await start(t, { overrides: { [path]: 'oops' } })
    t.equal((await get(LOT)).statusCode, 503, path)
  }
})

t.test('a slow part does not hold up the page', async (t) => {
  const reads = healthy()
  const upstream = await startUpstream(t, (url) => reads(url), {
    neverAnswers: `${ITEM_PATH}/comments`,
  })
  const app = await startApp(t, upstream.url, { readMs: 1_000 })
  const page = await app.inject(LOT)
  t.equal(page.statusCode, 200)
  t.match(page.body, 'This part cannot be shown just now.')
})

t.test(
  'a bid is sent with its amount as the reader wrote it, and a key of that amount',
  async (t) => {
    const { post, sent } = await start(t)
    const placed = await post(
      'bids',
      { maxAmount: '1.300,50', key: 'k1', termsVersion: '3' },
      { ...AS_ANN, referer: 'https://auction.example/de/lots/1' },
    )
    t.match([placed.statusCode, placed.headers.location], [303, `/de${LOT}?said=bid`])
    const [bid] = sent()
    t.equal(bid?.url, `${LOT_PATH}/bids`)
    t.match(bid?.headers, { authorization: AS_ANN.authorization, 'idempotency-key': 'k1:1300.50' })
    t.strictSame(JSON.parse(bid?.body ?? ''), { maxAmount: '1300.50', termsVersion: 3 })
    await post('bids', { maxAmount: '1400', key: 'k1', termsVersion: '3' })
    t.equal(sent()[1]?.headers['idempotency-key'], 'k1:1400', 'another amount is another bid')
    await post('bids', { maxAmount: '1400', key: 'bad key\n', termsVersion: 'x' })
    t.match(sent()[2]?.headers['idempotency-key'], /^[\da-f-]{36}:1400$/)
    t.strictSame(JSON.parse(sent()[2]?.body ?? ''), { maxAmount: '1400' })
  },
)

t.test(
  'what happened to a bid is read from how its bidder stands, never from the address',
  async (t) => {
    const cases: [string | undefined, string, RegExp][] = [
      [
        'leading',
        'bid',
        /class="flash" id="flash">Your bid counts: you lead. Your maximum is €1,500.00/,
      ],
      ['outbid', 'bid', /class="flash" id="flash">Your bid of €1,500.00 counts, but another/],
      ['won', 'bought', /class="flash" id="flash">The lot is yours/],
    ]
    for (const [status, said, text] of cases) {
      const overrides = { [`${LOT_PATH}/mine`]: { ...leading, status } }
      const { get } = await start(t, { overrides })
      t.match((await get(`${LOT}?said=${said}`, AS_ANN)).body, text)
      t.notMatch((await get(`${LOT}?said=${said}`)).body, 'id="flash"', 'for visitors nothing')
    }
    const { get } = await start(t)
    for (const said of ['bid', 'bought', 'reserved', 'constructor', '<b>'])
      t.notMatch((await get(`${LOT}?said=${said}`, AS_ANN)).body, 'id="flash"', said)
  },
)

t.test('a bid that is refused comes back with what was typed and what to do', async (t) => {
  const cases: [ReturnType<typeof refusal>, number, string[]][] = [
    [
      refusal(422, 'bid.too_low', { minNextBid: '1259.50' }),
      422,
      ['#field-maxAmount', 'Your maximum must be at least €1,259.50.'],
    ],
    [refusal(409, 'bid.ended'), 409, ['', 'Bidding is over. Your bid was not placed.']],
    [refusal(403, 'bid.not_verified'), 403, ['', 'Verify your account before you bid.']],
    [
      refusal(503, 'bid.queue_full'),
      503,
      ['', 'Too many bids at once. Nothing was recorded; try again.'],
    ],
    [
      refusal(409, 'bid.unheard_of'),
      409,
      [
        '',
        `This did not work. Try again in a moment. If it happens again, give support this number: ${'f'.repeat(32)}`,
      ],
    ],
  ]
  for (const [answer, status, summary] of cases) {
    const { post } = await start(t, { answer: () => answer })
    const page = await post('bids', { maxAmount: '45,000', key: 'k1' })
    t.equal(page.statusCode, status)
    const problem = problemIn(page.body)
    t.equal(problem.title, 'There is a problem: Brass sextant – Auction')
    t.strictSame([problem.summary?.[0] ?? '', problem.summary?.[1]], summary)
    t.equal(problem.kept, '45,000')
    t.notMatch(page.body, 'for programs')
    t.notMatch(page.body, 'name="key" value="k1"', 'the next bid has another key')
  }
})

t.test('an amount that cannot be read is not sent, and not corrected', async (t) => {
  const { post, sent } = await start(t)
  for (const [typed, text] of [
    ['', 'Type an amount.'],
    ['4,5', 'This can be read as two amounts. Write thousands without a mark, such as 1234.50.'],
    ['lots <b>', 'Write the amount in figures, such as 45.50.'],
  ] as const) {
    const page = await post('bids', { maxAmount: typed, key: 'k1' })
    t.equal(page.statusCode, 422)
    t.match(problemIn(page.body).summary, ['#field-maxAmount', text])
    t.match(
      page.body,
      'aria-invalid="true" aria-describedby="field-maxAmount-problem field-maxAmount-hint"',
    )
  }
  t.strictSame(sent(), [])
})

t.test(
  'without an answer the reader is not said to have bid, and may send the same again',
  async (t) => {
    for (const answer of [
      { status: 502, body: 'gone' },
      { status: 500, body: { code: 'internal', message: '' } },
    ]) {
      const { post } = await start(t, { answer: () => answer })
      const page = await post('bids', { maxAmount: '1300', key: 'k1' })
      t.equal(page.statusCode, 503)
      t.match(problemIn(page.body), { kept: '1300', summary: [undefined, /we do not know/] })
      t.match(page.body, 'name="key" value="k1"', 'under the same key it counts once')
    }
  },
)

t.test('a maximum far above the price is asked for again, on a page of its own', async (t) => {
  const details = { price: '1234.50', confirmation: 'c0nf' }
  const { post, sent } = await start(t, {
    answer: ({ body }) =>
      JSON.parse(body).confirmation === undefined
        ? refusal(409, 'bid.confirmation_required', details)
        : { status: 201, body: {} },
  })
  const page = await post('bids', { maxAmount: '99999', key: 'k1', termsVersion: '3' })
  t.equal(page.statusCode, 409)
  t.match(page.body, 'Your maximum of €99,999.00 is far above the price of €1,234.50.')
  const fields = Object.fromEntries(
    [...page.body.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(
      ([, name = '', value = '']) => [name, value],
    ),
  )
  t.match(fields, { confirmedAmount: '99999', confirmation: 'c0nf', termsVersion: '3' })
  t.not(fields.key, 'k1', 'it is another request')
  t.equal((await post('bids', fields)).statusCode, 303)
  t.match(JSON.parse(sent().at(-1)?.body ?? ''), { maxAmount: '99999', confirmation: 'c0nf' })
  const forged = await post('bids', { ...fields, confirmedAmount: '1\r\nx: y' })
  t.equal(forged.statusCode, 422)
  t.equal(sent().length, 2)
})

t.test('who is not logged in any more logs in and finds what they typed', async (t) => {
  const { post, get, sent } = await start(t)
  const bid = await post('bids', { maxAmount: '1.300,50' }, {})
  const back = `${LOT}?max=1.300%2C50`
  t.equal(bid.headers.location, `/login?returnTo=${encodeURIComponent(back)}`)
  t.equal(problemIn((await get(back, AS_ANN)).body).kept, '1.300,50')
  const question = await post('questions', { content: 'Is it <old>?' }, {})
  const asked = decodeURIComponent(String(question.headers.location).split('returnTo=')[1] ?? '')
  t.match((await get(asked, AS_ANN)).body, 'Is it &lt;old&gt;?</textarea>')
  t.strictSame(sent(), [])
  // The session ended between the gateway and the service.
  const ended = await start(t, { answer: () => refusal(401, 'auth.invalid_token') })
  const late = await ended.post('bids', { maxAmount: '1300' })
  t.equal(late.headers.location, `/login?returnTo=${encodeURIComponent(`${LOT}?max=1300`)}`)
})

t.test(
  'buying at once is confirmed on a page of its own, at the price that was seen',
  async (t) => {
    const forSale = {
      ...lot,
      buyNowAvailable: true,
      buyoutPrice: '2000.00',
      buyoutMode: 'immediate',
    }
    const { get, post, sent } = await start(t, {
      overrides: { [LOT_PATH]: forSale },
      answer: () => ({ status: 201, body: { outcome: 'bought_now' } }),
    })
    t.match((await get(LOT, AS_ANN)).body, `href="${LOT}/buy-now">Buy now for €2,000.00`)
    const page = await get(`${LOT}/buy-now`, AS_ANN)
    t.match(page.body, 'The auction ends at once')
    t.strictSame(sent(), [], 'looking buys nothing')
    const bought = await post('buy-now', { price: '2000.00', termsVersion: '3', key: 'k1' })
    t.equal(bought.headers.location, `${LOT}?said=bought`)
    t.match(sent(), [{ url: `${LOT_PATH}/buy-now`, headers: { 'idempotency-key': 'k1' } }])
    t.strictSame(JSON.parse(sent()[0]?.body ?? ''), { price: '2000.00', termsVersion: 3 })
    t.match((await get(`${LOT}/buy-now`)).headers.location, /^\/login/)
    const gone = await start(t)
    const late = await gone.get(`${LOT}/buy-now`, AS_ANN)
    t.equal(late.statusCode, 409)
    t.match(late.body, 'This lot cannot be bought at once, or not any more.')
  },
)

t.test(
  'watching, asking, answering and reporting are forms that lead back to the lot',
  async (t) => {
    const thread = '019a0000-0000-7000-8000-0000000000bb'
    const { post, sent } = await start(t, {
      answer: ({ method }) => ({ status: method === 'POST' ? 201 : 204, body: {} }),
    })
    const steps: [string, Record<string, string>, string, string, object?][] = [
      ['watch', { watch: 'yes' }, 'watched', `PUT ${ITEM_PATH}/watch`],
      ['watch', { watch: 'no' }, 'unwatched', `DELETE ${ITEM_PATH}/watch`],
      [
        'questions',
        { content: 'Why?' },
        'asked',
        `POST ${ITEM_PATH}/comments`,
        { content: 'Why?', kind: 'question' },
      ],
      [
        'questions',
        { content: 'So.', parent: thread },
        'asked',
        `POST ${ITEM_PATH}/comments`,
        { content: 'So.', kind: 'answer', parent_id: thread },
      ],
      ['report', { reason: 'spam' }, 'reported', `POST ${ITEM_PATH}/report`, { reason: 'spam' }],
    ]
    for (const [path, values, said, request, body] of steps) {
      const answer = await post(path, values)
      t.match([answer.statusCode, answer.headers.location], [303, `${LOT}?said=${said}`], path)
      const last = sent().at(-1)
      t.equal(`${last?.method} ${last?.url}`, request)
      if (body !== undefined) t.strictSame(JSON.parse(last?.body ?? ''), body)
    }
    const refused = await start(t, { answer: () => refusal(429, 'item.comment.too_many') })
    const again = await refused.post('questions', { content: 'And <why>?' })
    t.equal(again.statusCode, 429)
    t.match(again.body, 'And &lt;why&gt;?</textarea>')
    t.match(again.body, 'Those are a lot of questions.')
  },
)

t.test('what people wrote is text, whatever is in it', async (t) => {
  const hostile = `"><script>alert(1)</script><img src=x onerror='1'>\u202e${'e\u0301'.repeat(3000)}`
  const comment = {
    id: ITEM_ID,
    kind: 'question',
    content: hostile,
    state: 'visible',
    is_seller: false,
    created_at: list(),
  }
  const { get } = await start(t, {
    overrides: {
      [ITEM_PATH]: { ...item, name: hostile, description: hostile },
      [`${LOT_PATH}/bids`]: { bids: [{ ...history.bids[0], bidder: hostile, amount: '<u>' }] },
      [`${ITEM_PATH}/comments`]: {
        items: [
          { ...comment, replies: [{ ...comment, is_seller: true }] },
          { ...comment, state: 'removed', content: 'gone-text', replies: [] },
        ],
      },
      [`${ITEM_PATH}/attributes`]: { items: [{ key: hostile, value: hostile }] },
      [`/api/v1/user-profiles/${SELLER_ID}`]: {
        name: hostile,
        city: hostile,
        country: null,
        description: null,
        isBusiness: false,
        createdAt: list(),
      },
    },
  })
  const { statusCode, body } = await get(LOT, AS_ANN)
  t.equal(statusCode, 200)
  t.notMatch(body, /<script>|<img|<u>|gone-text/)
  t.match(body, 'This text was removed.')
})

const list = () => '2026-11-23T18:00:00.000Z'

t.test(
  'visitors of one moment share the page; users and other languages have their own',
  async (t) => {
    const { get, asked } = await start(t, { waits: { sharedMs: 60_000 } })
    const reads = () => asked.filter(({ url }) => url === LOT_PATH).length
    await Promise.all([1, 2, 3, 4].map(() => get(LOT)))
    t.equal(reads(), 1)
    await Promise.all([
      get(`/de${LOT}`),
      get(LOT, AS_ANN),
      get(LOT, AS_ANN),
      get(LOT, { cookie: 'tz=Asia%2FTokyo' }),
    ])
    t.equal(reads(), 5)
  },
)

t.test(
  'ids are there once, inputs have labels, and there is one heading of the page',
  async (t) => {
    const comment = {
      id: ITEM_ID,
      kind: 'question',
      content: 'a',
      state: 'visible',
      is_seller: false,
      created_at: list(),
    }
    for (const standing of [leading, { isSeller: true, isBlocked: false }]) {
      const { get, post } = await start(t, {
        overrides: {
          [`${LOT_PATH}/mine`]: standing,
          [`${ITEM_PATH}/comments`]: { items: [{ ...comment, replies: [] }] },
        },
      })
      for (const { body } of [await get(LOT, AS_ANN), await post('bids', { maxAmount: 'x' })]) {
        const ids = [...body.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
        t.equal(new Set(ids).size, ids.length, 'ids')
        for (const [, id = ''] of body.matchAll(/<(?:input|textarea|select) id="([^"]+)"/g))
          t.ok(body.includes(`<label for="${id}">`), id)
        for (const [, about = ''] of body.matchAll(/aria-(?:describedby|labelledby)="([^"]+)"/g))
          for (const id of about.split(' ')) t.ok(ids.includes(id), `${id} is there`)
        t.equal(body.match(/<h1/g)?.length, 1)
        t.notMatch(body, /<style|style="| on[a-z]+="|<script>/, 'nothing inline')
      }
    }
  },
)

/** What the hidden fields of a page would send. */
const hiddenIn = (body: string) =>
  Object.fromEntries(
    [...body.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(
      ([, name = '', value = '']) => [name, value],
    ),
  )

t.test('a lost answer can be sent again as it was while bid is wholly away', async (t) => {
  const { post, sent } = await start(t, {
    answer: () => ({ status: 502, body: 'gone' }),
  })
  const away = await start(t, {
    overrides: { [LOT_PATH]: 'gone', [`${LOT_PATH}/mine`]: 'gone', [`${LOT_PATH}/bids`]: 'gone' },
    answer: () => ({ status: 502, body: 'gone' }),
  })
  const bid = { maxAmount: '1,300', key: 'k1', termsVersion: '3', currency: 'EUR' }
  const page = await away.post('bids', bid)
  t.equal(page.statusCode, 503)
  t.strictSame(hiddenIn(page.body), bid, 'the same key and the same fields')
  t.match(page.body, 'Send €1,300.00 again')
  const { key: _, ...rest } = hiddenIn((await away.post('bids', hiddenIn(page.body))).body)
  t.match(rest, { maxAmount: '1,300' }, 'and again')
  t.equal(new Set(away.sent().map(({ headers }) => headers['idempotency-key'])).size, 1)

  const confirmed = {
    confirmedAmount: '99999',
    confirmation: 'c0nf',
    key: 'k2',
    termsVersion: '3',
    currency: 'EUR',
  }
  const lost = await post('bids', confirmed)
  t.equal(lost.statusCode, 503)
  t.strictSame(hiddenIn(lost.body), confirmed, 'with its confirmation')
  await post('bids', hiddenIn(lost.body))
  const [first, second] = sent().map(({ headers, body }) => [headers['idempotency-key'], body])
  t.strictSame(second, first, 'the same request')

  const purchase = { price: '2000.00', key: 'k3', termsVersion: '3', currency: 'EUR' }
  const bought = await post('buy-now', purchase)
  t.equal(bought.statusCode, 503)
  t.strictSame(hiddenIn(bought.body), purchase)
  t.match(bought.body, 'we do not know whether you bought it')
})

t.test('a bid that is sent again keeps the terms that it was sent with', async (t) => {
  const { post } = await start(t, { answer: () => ({ status: 502, body: 'gone' }) })
  const { body } = await post('bids', { maxAmount: '1300', key: 'k1', termsVersion: '2' })
  t.match(body, 'name="termsVersion" value="2"', 'other fields would need another key')
})

t.test('who reads "reserved for you" is the one it is reserved for', async (t) => {
  const { minNextBid: _, ...rest } = lot
  for (const isReservedForMe of [true, false]) {
    const { get } = await start(t, {
      overrides: {
        [LOT_PATH]: { ...rest, phase: 'reserved' },
        [`${LOT_PATH}/mine`]: { isSeller: false, isBlocked: false, isReservedForMe },
      },
    })
    const { body } = await get(`${LOT}?said=reserved`, AS_ANN)
    t.equal(body.includes('The lot is reserved for you.'), isReservedForMe)
  }
})

t.test('who bought at once without a bid reads that the lot is theirs', async (t) => {
  const own = { status: 'won', isSeller: false, isBlocked: false, isReservedForMe: false }
  const { get } = await start(t, { overrides: { [`${LOT_PATH}/mine`]: own } })
  const { body } = await get(`${LOT}?said=bought`, AS_ANN)
  t.match(body, /id="flash">The lot is yours/)
  t.notMatch(body, /id="flash">[^<]*My bids/, 'where only bids are')
})

t.test('after a bid whose standing cannot be read the page says so', async (t) => {
  const { get } = await start(t, { overrides: { [`${LOT_PATH}/mine`]: 'oops' } })
  const { body } = await get(`${LOT}?said=bid`, AS_ANN)
  t.match(body, /id="flash">How you stand cannot be shown just now. <a href="">Try again/)
  t.notMatch((await get(`${LOT}?said=bid`)).body, 'id="flash"')
})

t.test('a session that ended costs no text, however long, and no confirmed amount', async (t) => {
  const thread = '019a0000-0000-7000-8000-0000000000bb'
  const comment = {
    id: thread,
    kind: 'question',
    content: 'a',
    state: 'visible',
    is_seller: false,
    created_at: list(),
  }
  const { post, get, sent } = await start(t, {
    overrides: {
      [`${LOT_PATH}/mine`]: { isSeller: true, isBlocked: false },
      [`${ITEM_PATH}/comments`]: { items: [{ ...comment, replies: [] }] },
    },
  })
  const back = (location: unknown) =>
    decodeURIComponent(String(location).split('returnTo=')[1] ?? '')
  const short = await post('questions', { content: 'So.', parent: thread }, {})
  t.match((await get(back(short.headers.location), AS_ANN)).body, /<textarea[^>]*>\nSo\.</)
  const long = '長'.repeat(2_000)
  const kept = await post('questions', { content: long, parent: thread }, {})
  t.equal(kept.statusCode, 401)
  t.match(kept.body, `${long}</textarea>`)
  t.match(hiddenIn(kept.body), { parent: thread })
  t.match(kept.body, `href="/login?returnTo=${encodeURIComponent(LOT)}" target="_blank"`)
  const asked = await post('questions', { content: long }, {})
  t.match(asked.body, `${long}</textarea>`)
  const faces = '👩‍👩‍👧'.repeat(600)
  const address = `${LOT}?${new URLSearchParams({ answer: faces, parent: thread })}`
  const isWhole = (await get(address, AS_ANN)).body.includes(`${faces}</textarea>`)
  t.ok(isWhole, 'no text is cut by its length in UTF-16')
  const latin = await post('questions', { content: 'a'.repeat(1_900) }, {})
  t.match(latin.headers.location, /^\/login/)
  t.ok(back(latin.headers.location).includes('a'.repeat(1_900)), 'nothing is cut')
  const fields = { confirmedAmount: '99999.50', confirmation: 'c0nf', key: 'k1' }
  const confirmed = await post('bids', fields, { referer: 'https://auction.example/de/lots/1' })
  t.equal(back(confirmed.headers.location), `/de${LOT}?max=99999%2C50`)
  t.strictSame(sent(), [])
})

t.test('an answer that is refused stays below its question', async (t) => {
  const thread = '019a0000-0000-7000-8000-0000000000bb'
  const comment = { id: thread, kind: 'question', content: 'a', state: 'visible' }
  const asked = { ...comment, is_seller: false, created_at: list(), replies: [] }
  const { post } = await start(t, {
    overrides: {
      [`${LOT_PATH}/mine`]: { isSeller: true, isBlocked: false },
      [`${ITEM_PATH}/comments`]: { items: [asked] },
    },
    answer: () => refusal(429, 'item.comment.too_many'),
  })
  const { body } = await post('questions', { content: 'So.', parent: thread })
  t.match(body, /<textarea id="field-answer-[^>]*>\nSo\.</)
})

t.test('a report that is refused is not said to be with a moderator', async (t) => {
  const { post } = await start(t, { answer: () => refusal(409, 'item.report.own') })
  const page = await post('report', { reason: 'spam' })
  t.equal(page.statusCode, 409)
  t.match(page.body, 'This is your own lot')
})

t.test(
  'the address of a form leads to its lot, and so do the languages of its answer',
  async (t) => {
    const { get, post } = await start(t, { answer: () => refusal(409, 'bid.not_active') })
    for (const name of ['bids', 'watch', 'questions', 'report']) {
      const answer = await get(`/de${LOT}/${name}`)
      t.match([answer.statusCode, answer.headers.location], [303, `/de${LOT}`], name)
    }
    const { body } = await post('bids', { maxAmount: '1300', key: 'k1' })
    t.match(body, `<a href="/de${LOT}" lang="de"`)
  },
)

t.test(
  'before the start a page counts to the start, and has a way to the form that comes',
  async (t) => {
    const { minNextBid: _, ...rest } = lot
    const startDate = '2026-11-23T18:10:00.000Z'
    const { get } = await start(t, {
      overrides: { [LOT_PATH]: { ...rest, phase: 'pending', startDate } },
    })
    const { body } = await get(LOT, AS_ANN)
    t.match(body, `datetime="${startDate}" data-countdown="Starting…"`)
    t.match(body, /data-part="started" hidden>Bids are taken now/)
    t.notMatch((await (await start(t)).get(LOT)).body, 'data-part="started"')
  },
)

t.test('the script knows whose page it is on, and their maximum', async (t) => {
  const { get } = await start(t, { overrides: { [`${LOT_PATH}/mine`]: leading } })
  const claims = Buffer.from(JSON.stringify({ sub: 'ann', name: 'Ann' })).toString('base64url')
  const { body } = await get(LOT, { authorization: `Bearer a.${claims}.c` })
  t.match(body, 'data-viewer="ann" data-max="€1,500.00"')
  t.match(body, 'data-text-leading="You lead. Your maximum is {0}."')
  t.match((await get(LOT)).body, 'data-viewer=""')
})
