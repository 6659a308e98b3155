import { NEXT_PATH } from '@auction/common/contracts/item-summaries.ts'
import t from 'tap'
import { talkOf } from '#src/domain/talk.ts'
import { CATEGORY_ID, CHILD_ID, ITEM_ID, OWN_PAGE, SELLER_ID } from '#test/helper.ts'
import {
  AS_OTHER,
  AS_SELLER,
  ATTRIBUTE_ID,
  childCategory,
  draft,
  fieldOf,
  formIn,
  IMAGES,
  ITEM_PATH,
  refusal,
  SELL,
  start,
  summaryOf,
} from '#test/selling.ts'

t.test('visitors log in first and come back, and what is of others does not exist', async (t) => {
  const { get } = await start(t)
  for (const path of ['/sell', SELL, `${SELL}/pictures`, `${SELL}/price`, `${SELL}/preview`]) {
    const { statusCode, headers } = await get(path, {})
    t.match([statusCode, headers.location], [303, `/login?returnTo=${encodeURIComponent(path)}`])
    if (path !== '/sell') t.equal((await get(path, AS_OTHER)).statusCode, 404, path)
  }
  t.equal((await get('/sell/nothing')).statusCode, 404)
})

t.test('a new item is one draft for each form, with what was typed', async (t) => {
  const { get, post, sent } = await start(t, {
    answer: ({ url }) =>
      url === '/api/v1/items' ? { status: 201, body: { id: ITEM_ID } } : undefined,
  })
  const { body } = await get('/sell')
  const key = /name="key" value="([^"]+)"/.exec(body)?.[1] ?? ''
  const typed = { key, name: 'Brass sextant', description: 'From 1890,\r\nin its box.' }
  const answer = await post('/sell', { ...typed, category: CATEGORY_ID, 'attr-condition': 'good' })
  t.match([answer.statusCode, answer.headers.location], [303, `${SELL}/pictures`])
  const [created, moved, described, ...others] = sent()
  t.equal(created?.headers['idempotency-key'], key)
  t.match(JSON.parse(created?.body ?? ''), { name: 'Brass sextant', startPrice: '1.00' })
  t.match(
    [moved?.url, JSON.parse(moved?.body ?? '')],
    [`${ITEM_PATH}/categories`, { categories: [CATEGORY_ID] }],
  )
  t.match(JSON.parse(described?.body ?? ''), { attributes: [{ key: 'condition', value: 'good' }] })
  t.strictSame(others, [], 'a name that did not change is not sent again')
})

t.test('a description is as it was, whatever ends of lines it is stored with', async (t) => {
  for (const description of ['a\r\nb', '\r\na\rb\r', '\n\na\n b\n']) {
    const open = { ...draft, description, status: 'active', bidCount: 2 }
    const { get, post, sent } = await start(t, { overrides: { [ITEM_PATH]: open } })
    const form = formIn((await get(SELL)).body, 'what')
    t.equal((await post(SELL, form)).statusCode, 303)
    t.strictSame(sent(), [], JSON.stringify(description))
    await post(SELL, { ...form, description: `${form.description}\r\nmore` })
    const lines = description.replaceAll(/\r\n?/g, '\n')
    t.strictSame(JSON.parse(sent()[0]?.body ?? ''), { description: `${lines}\nmore` })
  }
})

t.test('a draft that is refused comes back with what was typed', async (t) => {
  const { post } = await start(t, {
    answer: () => refusal(400, 'item.create.validation_failed', { field: 'name', reason: 'empty' }),
  })
  const { statusCode, body } = await post('/sell', { key: 'k', name: ' ', description: 'kept <b>' })
  t.equal(statusCode, 400)
  t.match(body, '<title>There is a problem')
  t.strictSame(summaryOf(body), ['#field-name', 'Fill this in.'])
  t.match(fieldOf(body, 'name'), 'aria-invalid="true"')
  t.match(body, 'kept &lt;b&gt;')
  t.match(body, 'name="key" value="k"')
})

t.test(
  'a category asks for its attributes, in their kinds, and only changes are sent',
  async (t) => {
    const { get, post, sent } = await start(t)
    const { body } = await get(SELL)
    t.match(fieldOf(body, 'attr-maker'), 'value="Plath"')
    t.match(body, 'Radius (cm)')
    t.match(body, /<select id="field-attr-metal"[\s\S]*<option value="Brass">/)
    const same = { name: draft.name, description: draft.description, category: CHILD_ID }
    await post(SELL, { ...same, 'attr-maker': 'Plath', 'attr-radius': '', go: 'stay' })
    t.strictSame(sent(), [])
    const answer = await post(SELL, {
      ...same,
      'attr-maker': '',
      'attr-radius': '12.5',
      go: 'stay',
    })
    t.equal(answer.headers.location, `${SELL}?said=saved`)
    t.match(
      sent().map(({ method, url }) => `${method} ${url}`),
      [`POST ${ITEM_PATH}/attributes`, `DELETE ${ITEM_PATH}/attributes/${ATTRIBUTE_ID}`],
    )
    t.match(JSON.parse(sent()[0]?.body ?? ''), { attributes: [{ key: 'radius', value: '12.5' }] })
    const moved = { [ITEM_PATH]: { ...draft, categories: [] } }
    const { post: move } = await start(t, { overrides: moved })
    t.equal((await move(SELL, { ...same, go: 'next' })).headers.location, `${SELL}?said=details`)
  },
)

/** An item with these values in a category that asks for a number, a text and a choice with a comma in it. */
function measured(values: Record<string, string>) {
  const items = Object.entries(values).map(([key, value]) => ({ id: ATTRIBUTE_ID, key, value }))
  const definitions = [
    { key: 'radius', label: 'Radius', kind: 'number', unit: 'cm', choices: null },
    { key: 'calibre', label: 'Calibre', kind: 'text', unit: null, choices: null },
    { key: 'grade', label: 'Grade', kind: 'choice', unit: null, choices: ['0,5', '1,5'] },
  ]
  return {
    [`${ITEM_PATH}/attributes`]: { items },
    [`/api/v1/categories/${CHILD_ID}`]: { ...childCategory, attributes: definitions },
  }
}

t.test(
  'numbers are shown as the reader writes them, and a save without a change sends none',
  async (t) => {
    for (const [language, radius, shown] of [
      ['', '1.5', '1.5'],
      ['', '-1234.500', '-1234.500'],
      ['/de', '1.500', '1,500'],
      ['/de', '-0.125', '-0,125'],
      ['/tr', '1234567.123456', '1234567,123456'],
      ['/tr', '007', '007'],
      ['/de', 'about 1.5', 'about 1.5'],
    ] as const) {
      const values = { radius, calibre: '7,62', grade: '0,5' }
      const { get, post, sent } = await start(t, { overrides: measured(values) })
      const form = formIn((await get(`${language}${SELL}`)).body, 'what')
      t.match(form, { 'attr-radius': shown, 'attr-calibre': '7,62', 'attr-grade': '0,5' })
      t.equal((await post(`${language}${SELL}`, form)).statusCode, 303)
      t.strictSame(sent(), [], `${language} ${radius}`)
    }
  },
)

t.test(
  'only what a category calls a number is read as one, in the language of the page',
  async (t) => {
    const save = async (language: string, values: Record<string, string>) => {
      const { post, sent } = await start(t, { overrides: measured({ radius: '3' }) })
      const typed = Object.entries(values).map(([key, value]) => [`attr-${key}`, value])
      const same = {
        name: draft.name,
        description: draft.description,
        ...Object.fromEntries(typed),
      }
      const page = await post(`${language}${SELL}`, same)
      const asked = sent().map(({ body }) => JSON.parse(body).attributes)
      return page.statusCode === 303 ? asked : [asked.length, summaryOf(page.body)]
    }
    t.strictSame(await save('', { calibre: '7,62', grade: '0,5' }), [
      [
        { key: 'calibre', value: '7,62' },
        { key: 'grade', value: '0,5' },
      ],
    ])
    for (const [language, typed, value] of [
      ['', '1,234.5', '1234.5'],
      ['', ' −0.125\u200b', '-0.125'],
      ['/de', '12,5', '12.5'],
      ['/de', '12.5', '12.5'],
      ['/de', '1.234,5', '1234.5'],
      ['/tr', '-1,500', '-1.500'],
    ] as const) {
      t.strictSame(await save(language, { radius: typed }), [[{ key: 'radius', value }]], typed)
    }
    const ambiguous =
      'This can be read as two numbers. Write thousands without a mark, such as 1234.5.'
    const none = 'Write a number, such as 12.5.'
    for (const [language, typed, text] of [
      ['', '1,500', ambiguous],
      ['', '12,5', ambiguous],
      ['', 'wide', none],
      ['', '5-', none],
      ['/de', '1.500', talkOf('de', 'UTC').t.selling.numberAmbiguous],
      ['/tr', '1.500', talkOf('tr', 'UTC').t.selling.numberAmbiguous],
    ] as const) {
      t.strictSame(
        await save(language, { radius: typed }),
        [0, ['#field-attr-radius', text]],
        typed,
      )
    }
  },
)

t.test('what is wrong with an attribute stands at its field', async (t) => {
  const { post } = await start(t, {
    answer: ({ url }) =>
      url.endsWith('/attributes')
        ? refusal(400, 'item.attribute.validation_failed', {
            field: 'radius',
            reason: 'not_a_number',
          })
        : undefined,
  })
  const { statusCode, body } = await post(SELL, { name: draft.name, 'attr-radius': '1.1234567' })
  t.equal(statusCode, 422)
  t.strictSame(summaryOf(body), ['#field-attr-radius', 'Write a number, such as 12.5.'])
  t.match(fieldOf(body, 'attr-radius'), 'value="1.1234567"')
})

t.test('price and time are read as the reader writes them, in the zone of the page', async (t) => {
  const { get, post, sent } = await start(t)
  const page = await get(`/de${SELL}/price`, { ...AS_SELLER, cookie: 'tz=Europe%2FBerlin' })
  t.match(fieldOf(page.body, 'endDate'), 'value="2026-11-30T19:00"')
  t.match(page.body, 'In UTC: 2026-11-30 18:00.')
  t.match(fieldOf(page.body, 'startPrice'), 'value="100,00"')
  const typed = {
    currencyCode: 'EUR',
    startPrice: '1.250,50',
    reservePrice: '',
    bidIncrement: '5',
    buyoutPrice: '2000',
    buyoutReservationMinutes: '30',
    zone: 'Europe/Berlin',
    start: 'now',
    startDate: '',
    endDate: '2026-12-01T19:00',
    extensionThresholdMinutes: '10',
    extensionDurationMinutes: '3',
  }
  const answer = await post(`/de${SELL}/price`, { ...typed, go: 'next' })
  t.match([answer.statusCode, answer.headers.location], [303, `/de${SELL}/delivery`])
  t.strictSame(JSON.parse(sent()[0]?.body ?? ''), {
    startPrice: '1250.50',
    reservePrice: null,
    bidIncrement: '5',
    buyoutPrice: '2000',
    currencyCode: 'EUR',
    buyoutReservationMinutes: 30,
    extensionDurationMinutes: 3,
    startDate: draft.serverTime,
    endDate: '2026-12-01T18:00:00.000Z',
  })
  t.equal(
    (await post(`${SELL}/price`, { ...typed, startPrice: '5', go: 'back' })).headers.location,
    `${SELL}/pictures`,
  )
  const later = await post(`${SELL}/price`, {
    ...typed,
    startPrice: '5',
    start: 'at',
    startDate: '2026-11-25T10:00',
  })
  t.equal(later.statusCode, 303)
  t.match(JSON.parse(sent()[2]?.body ?? ''), { startDate: '2026-11-25T09:00:00.000Z' })
})

t.test('times that are still as the page showed them are not sent', async (t) => {
  const times = {
    startDate: '2026-11-24T10:11:12.131Z',
    // The second half past two of that night in Berlin.
    originalEndDate: '2026-10-25T01:30:45.678Z',
    reservePrice: '200.00',
  }
  const open = { ...draft, ...times, status: 'active', bidCount: 2 }
  const { get, post, sent } = await start(t, { overrides: { [ITEM_PATH]: open } })
  const page = await get(`${SELL}/price`, { ...AS_SELLER, cookie: 'tz=Europe%2FBerlin' })
  const form = formIn(page.body, 'price')
  t.match([form.zone, form.endDate], ['Europe/Berlin', '2026-10-25T02:30'])
  // The reader has another zone by now: the form has its own.
  const saved = await post(`${SELL}/price`, { ...form, reservePrice: '150' })
  t.equal(saved.statusCode, 303)
  const sentNow = () => JSON.parse(sent().at(-1)?.body ?? '')
  t.match(sentNow(), { startPrice: '100.00', reservePrice: '150' })
  t.strictSame([sentNow().startDate, sentNow().endDate], [undefined, undefined])
  await post(`${SELL}/price`, { ...form, endDate: '2026-10-25T02:31' })
  t.match(sentNow(), { endDate: '2026-10-25T00:31:00.000Z' }, 'what was changed is sent')

  for (const status of ['draft', 'scheduled']) {
    const later = { ...draft, ...times, status, originalEndDate: '2026-12-01T10:11:12.131Z' }
    const planned = await start(t, { overrides: { [ITEM_PATH]: later } })
    const shown = formIn((await planned.get(`${SELL}/price`)).body, 'price')
    t.match([shown.start, shown.startDate], ['at', '2026-11-24T10:11'])
    await planned.post(`${SELL}/price`, shown)
    const asked = JSON.parse(planned.sent()[0]?.body ?? '')
    t.strictSame([asked.startDate, asked.endDate], [undefined, undefined], status)
    await planned.post(`${SELL}/price`, { ...shown, start: 'now' })
    t.match(JSON.parse(planned.sent()[1]?.body ?? ''), { startDate: draft.serverTime })
  }
})

t.test('a form with a zone that no one knows comes back in UTC, as it is read', async (t) => {
  const { post } = await start(t)
  const { statusCode, body } = await post(`${SELL}/price`, { zone: 'Moon/Crater' })
  t.equal(statusCode, 422)
  t.match(fieldOf(body, 'zone'), 'value="UTC"')
})

t.test(
  'what is wrong with price and time stands at its field, and nothing typed is lost',
  async (t) => {
    const { post, sent } = await start(t)
    const typed = {
      currencyCode: 'EUR',
      startPrice: 'cheap',
      zone: 'UTC',
      start: 'at',
      startDate: '',
      endDate: '2026-02-30T10:00',
      extensionThresholdMinutes: 'x',
      extensionDurationMinutes: '5',
    }
    const { statusCode, body } = await post(`${SELL}/price`, typed)
    t.equal(statusCode, 422)
    for (const name of ['startPrice', 'startDate', 'endDate', 'extensionThresholdMinutes'])
      t.match(fieldOf(body, name), 'aria-invalid="true"', name)
    t.match(fieldOf(body, 'startPrice'), 'value="cheap"')
    t.strictSame(sent(), [])
    const cases = [
      ['reservePrice', 'below_start_price', 'The reserve is at least the starting price.'],
      ['endDate', 'too_long', 'An auction lasts 30 days at most.'],
      ['buyoutReservationMinutes', 'not_offered', 'This site does not reserve items'],
      ['startPrice', 'a sentence of a schema', 'This is not right.'],
    ]
    for (const [field = '', reason, text = ''] of cases) {
      const refusing = await start(t, {
        answer: () => refusal(400, 'item.update.validation_failed', { field, reason }),
      })
      const good = {
        ...typed,
        startPrice: '5',
        startDate: '2026-11-25T10:00',
        endDate: '2026-11-30T10:00',
        extensionThresholdMinutes: '5',
      }
      const page = await refusing.post(`${SELL}/price`, good)
      t.equal(page.statusCode, 422)
      t.match(page.body, `<a href="#field-${field}">${text}`)
      t.match(fieldOf(page.body, field), 'aria-invalid="true"', field)
    }
  },
)

t.test('pictures go on to auction one by one, and each that is refused is named', async (t) => {
  const { upload, sent } = await start(t, {
    answer: ({ body }) =>
      body.includes('BAD')
        ? refusal(415, 'item.image.type_not_supported')
        : { status: 201, body: {} },
  })
  const fine = await upload([
    ['a.png', 'one'],
    ['image.jpg', 'two'],
  ])
  t.match([fine.statusCode, fine.headers.location], [303, `${SELL}/pictures?said=uploaded`])
  t.strictSame(
    sent().map(({ url }) => url),
    Array(2).fill(`${ITEM_PATH}/images?once=true`),
  )
  t.match(
    sent()[1]?.body,
    /name="image"; filename="picture"\r\ncontent-type: image\/png\r\n\r\ntwo\r\n--/,
  )
  t.equal(sent()[0]?.headers.authorization, AS_SELLER.authorization)
  const some = await upload([
    ['a.png', 'one'],
    ['<b>.heic', 'BAD'],
    ['c.png', 'three'],
  ])
  t.equal(some.statusCode, 422)
  t.match(some.body, '&lt;b&gt;.heic: Pictures are JPEG, PNG or WebP.')
  t.equal(sent().length, 5, 'what follows one that is refused is sent all the same')
  t.equal((await upload([['', '']])).statusCode, 422)
  const long = await upload([[`${'👩‍👩‍👧'.repeat(90)}.heic`, 'BAD']])
  t.match(long.body, `${'👩‍👩‍👧'.repeat(80)}…: Pictures are`, 'no character of a name is cut')
})

t.test('a script is answered about its picture alone', async (t) => {
  const { upload, app } = await start(t, {
    answer: ({ body }) =>
      body.includes('BAD') ? refusal(422, 'item.image.broken') : { status: 201, body: {} },
  })
  const accept = { accept: 'application/json' }
  t.strictSame((await upload([['a.png', 'one']], accept)).json(), {})
  t.match((await upload([['a.png', 'BAD']], accept)).json(), {
    problem: 'The picture cannot be read. It may be cut off.',
  })
  const out = await upload([['a.png', 'one']], { ...accept, authorization: '' })
  t.match(out.json(), { problem: 'You are not logged in any more' })
  const broken = await app.inject({
    method: 'POST',
    url: `${SELL}/pictures`,
    headers: {
      ...OWN_PAGE,
      ...AS_SELLER,
      'content-type': 'multipart/form-data; boundary=x',
      ...accept,
    },
    payload: '--x\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\ncut of',
  })
  t.match(broken.json(), { problem: /did not arrive/ })
})

t.test('a picture is moved, described and deleted by buttons', async (t) => {
  const { get, post, sent } = await start(t)
  const [first = '', second = ''] = IMAGES
  const { body } = await get(`${SELL}/pictures`)
  t.match(body, 'alt="The &quot;front&quot; &lt;b&gt;"')
  t.match(body, 'aria-label="Move picture 2 forward"')
  t.notMatch(body, 'aria-label="Move picture 1 forward"')
  const act = (id: string, values: Record<string, string>) => post(`${SELL}/pictures/${id}`, values)
  const moved = await act(second, { do: 'up', [`altText-${second}`]: 'The back' })
  t.equal(moved.headers.location, `${SELL}/pictures?said=moved`)
  t.match(
    sent().map(({ method, url, body: sentBody }) => [method, url, JSON.parse(sentBody)]),
    [
      ['PATCH', `${ITEM_PATH}/images/${second}`, { alt_text: 'The back' }],
      ['PUT', `${ITEM_PATH}/images/order`, { ids: [second, first] }],
    ],
  )
  t.equal((await act(first, { do: 'up' })).headers.location, `${SELL}/pictures?said=moved`)
  t.equal(sent().length, 2, 'the first one stays the first')
  t.equal((await act(first, { do: 'delete' })).headers.location, `${SELL}/pictures?said=removed`)
  const gone = await start(t, { answer: () => refusal(404, 'item.image.not_found') })
  t.equal(
    (await gone.post(`${SELL}/pictures/${first}`, { do: 'delete' })).statusCode,
    303,
    'twice is once',
  )
  const wrong = await start(t, {
    answer: () => refusal(400, 'item.image.alt_text_invalid', { field: 'alt_text' }),
  })
  const page = await wrong.post(`${SELL}/pictures/${first}`, {
    do: 'alt',
    [`altText-${first}`]: 'kept',
  })
  t.equal(page.statusCode, 422)
  t.match(page.body, 'value="kept"')
})

t.test('the preview is the lot, with the fees in words and both zones', async (t) => {
  const { get } = await start(t)
  const { body } = await get(`${SELL}/preview`, { ...AS_SELLER, cookie: 'tz=Europe%2FBerlin' })
  for (const text of [
    'Publish, from €100.00',
    'If it sells for €100.00, the platform keeps a commission of €10.00 (10%). You get €90.00.',
    'when you publish it',
    '2026-11-30 18:00 UTC',
    'Mon, 30 Nov 2026, 19:00:00 CET',
    'This is your lot.',
    '<dt>maker</dt><dd dir="auto">Plath</dd>',
  ])
    t.match(body, text)
  t.notMatch(body, /data-form="(bid|watch|report|ask)"/)
  for (const path of ['/api/v1/billing/commission', `/api/v1/user-profiles/${SELLER_ID}`]) {
    const { get: look } = await start(t, { overrides: { [path]: 'oops' } })
    const page = await look(`${SELL}/preview`)
    t.equal(page.statusCode, 200)
    t.match(page.body, 'This part cannot be shown just now.', path)
  }
})

t.test(
  'the fees of the preview are asked for with every category, each with those above it',
  async (t) => {
    const other = '019a0000-0000-7000-8000-0000000000c3'
    const path = [{ id: other, name: 'Gifts' }]
    const overrides = {
      [ITEM_PATH]: { ...draft, categories: [CHILD_ID, other] },
      [`/api/v1/categories/${other}`]: { id: other, path, attributes: [] },
    }
    const { get, asked } = await start(t, { overrides })
    await get(`${SELL}/preview`)
    const paths = asked()
      .filter(({ url }) => url.startsWith('/api/v1/billing/commission'))
      .map(({ url }) => new URL(url, 'http://payment').searchParams.get('categoryIds'))
    t.strictSame([...new Set(paths)], [[CHILD_ID, CATEGORY_ID, NEXT_PATH, other].join(',')])
    const { get: look } = await start(t, {
      overrides: { ...overrides, [`/api/v1/categories/${other}`]: undefined },
    })
    const page = await look(`${SELL}/preview`)
    t.match(page.body, 'This part cannot be shown just now.', 'a hidden one has a rate as well')
    t.notMatch(page.body, 'the platform keeps a commission')
  },
)

/** What the button of the preview sends with it. */
const shownIn = async (get: (url: string) => Promise<{ body: string }>) =>
  /name="shown" value="([^"]+)"/.exec((await get(`${SELL}/preview`)).body)?.[1] ?? ''

t.test('what another tab changed is looked at again before it is published', async (t) => {
  const { get } = await start(t)
  const shown = await shownIn(get)
  for (const overrides of [
    { [ITEM_PATH]: { ...draft, startPrice: '10.00' } },
    { [ITEM_PATH]: { ...draft, description: 'Another' } },
    { [ITEM_PATH]: { ...draft, images: draft.images.slice(1) } },
    { [`${ITEM_PATH}/attributes`]: { items: [] } },
  ]) {
    const { post, sent } = await start(t, { overrides })
    const page = await post(`${SELL}/publish`, { shown })
    t.match([page.statusCode, page.body], [409, /The item was changed since you looked/])
    t.strictSame(sent(), [])
    const now = /name="shown" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
    t.equal((await post(`${SELL}/publish`, { shown: now })).statusCode, 303)
  }
})

t.test('the form of a draft that is public or deleted makes no change under its key', async (t) => {
  const created = ({ url }: { url: string }) =>
    url === '/api/v1/items' ? { status: 201, body: { id: ITEM_ID } } : undefined
  const typed = { key: 'k-old', name: 'Another name', description: 'kept <b>' }
  for (const status of ['active', 'scheduled', 'withdrawn']) {
    const overrides = { [ITEM_PATH]: { ...draft, status } }
    const { post, sent } = await start(t, { overrides, answer: created })
    const page = await post('/sell', typed)
    t.match([page.statusCode, page.body], [409, /This form was sent before/], status)
    t.match(page.body, 'kept &lt;b&gt;')
    t.match(page.body, /name="key" value="[^"]+"/)
    t.notMatch(page.body, 'value="k-old"')
    t.equal(sent().length, 1, 'nothing is changed')
  }
  const gone = await start(t, { answer: () => refusal(409, 'item.create.key_reused') })
  const page = await gone.post('/sell', typed)
  t.equal(page.statusCode, 409)
  t.notMatch(page.body, 'value="k-old"')
})

t.test(
  'texts as long as auction takes them fit into the form, and no field cuts them',
  async (t) => {
    const { get, post } = await start(t)
    const description = '\u{1D11E}'.repeat(10_000)
    const name = '👩‍👩‍👧'.repeat(200)
    const page = await get(SELL)
    const lengthOf = (field: string) =>
      Number(/ maxlength="(\d+)"/.exec(fieldOf(page.body, field))?.[1])
    t.ok(lengthOf('name') >= name.length)
    t.ok(lengthOf('description') >= description.length)
    t.ok(lengthOf('attr-maker') >= 'कि'.repeat(500).length)
    t.equal((await post(SELL, { name: name.padEnd(6_400, 'é'), description })).statusCode, 303)
    t.equal((await post('/sell', { key: 'k', name: 'x'.repeat(200_000) })).statusCode, 413)
    t.equal((await post(`${SELL}/price`, { startPrice: '1'.repeat(70_000) })).statusCode, 413)
  },
)

t.test('a button without a session leads to the login and back to its page', async (t) => {
  const { post } = await start(t)
  for (const [url, back] of [
    [`${SELL}/publish`, `${SELL}/preview`],
    [`${SELL}/terms`, `${SELL}/terms`],
    [`/my/items/${ITEM_ID}/delete`, `/my/items/${ITEM_ID}`],
    [`/my/items/${ITEM_ID}/copy`, `/my/items/${ITEM_ID}`],
    [`/my/sales/${ITEM_ID}/cancel`, `/my/sales/${ITEM_ID}`],
    [`/my/sales/${ITEM_ID}/reopen`, `/my/sales/${ITEM_ID}`],
    [`/my/sales/${ITEM_ID}/block`, `/my/sales/${ITEM_ID}`],
  ] as const) {
    const { statusCode, headers } = await post(url, { key: 'k' }, {})
    t.match([statusCode, headers.location], [303, `/login?returnTo=${encodeURIComponent(back)}`])
  }
})

t.test('publishing begins a draft now, and says what is missing', async (t) => {
  const { get, post, sent } = await start(t)
  const shown = await shownIn(get)
  const published = await post(`${SELL}/publish`, { shown })
  t.match(
    [published.statusCode, published.headers.location],
    [303, `/lots/${ITEM_ID}?said=published`],
  )
  t.match(
    sent().map(({ url }) => url),
    [ITEM_PATH, `${ITEM_PATH}/publish`],
  )
  t.match(JSON.parse(sent()[0]?.body ?? ''), { startDate: draft.serverTime })
  const again = await start(t, { overrides: { [ITEM_PATH]: { ...draft, status: 'active' } } })
  t.equal((await again.post(`${SELL}/publish`, {})).statusCode, 303, 'twice is once')
  t.equal(again.sent().length, 1, 'the start of what is public is left alone')
  const wrong = await start(t, {
    answer: () =>
      refusal(400, 'item.publish.validation_failed', { field: 'endDate', reason: 'in_the_past' }),
  })
  const page = await wrong.post(`${SELL}/publish`, { shown })
  t.equal(page.statusCode, 422)
  t.strictSame(summaryOf(page.body.slice(page.body.indexOf('id="problem"'))), [
    '#field-endDate',
    'This time is over.',
  ])
})

t.test('who may not sell reads why, accepts the terms, and goes on', async (t) => {
  const { get, post, sent } = await start(t, {
    answer: ({ url }) =>
      url.endsWith('/publish') ? refusal(403, 'item.publish.seller_role_required') : undefined,
  })
  const shown = await shownIn(get)
  t.equal((await post(`${SELL}/publish`, { shown })).headers.location, `${SELL}/terms`)
  const { body } = await get(`${SELL}/terms`)
  t.match(body, 'Only sellers can publish items.')
  const accepted = await post(
    `${SELL}/terms`,
    { version: '2026-01' },
    { ...AS_SELLER, cookie: '__Host-session=x' },
  )
  t.equal(accepted.headers.location, `${SELL}/preview?said=accepted`)
  const last = sent().at(-1)
  t.match(
    [last?.url, last?.headers.cookie, last?.body],
    ['/identity/me/seller-terms', '__Host-session=x', '{"version":"2026-01"}'],
  )
  const refused = await start(t, { answer: () => refusal(403, 'identity.seller_role_withdrawn') })
  const page = await refused.post(`${SELL}/terms`, { version: '2026-01' })
  t.match([page.statusCode, page.body], [403, /You may not sell any more/])
})

t.test('a session that ended keeps what was typed in a page', async (t) => {
  const { post } = await start(t)
  const typed = { name: 'Kept "name"', description: 'Long\ntext' }
  for (const url of ['/sell', SELL, `/de${SELL}/price`]) {
    const { statusCode, body } = await post(url, typed, {})
    t.equal(statusCode, 401)
    t.match(body, 'value="Kept &quot;name&quot;"')
    t.match(body, `action="${url}"`)
  }
  const ended = await start(t, {
    answer: () => ({ status: 401, body: { code: 'auction.unauthenticated' } }),
  })
  const late = await ended.post(SELL, { ...typed, category: '' })
  t.match([late.statusCode, late.body], [401, /value="Kept/])
})

t.test(
  'a service that is away costs its part only, and a draft with bids says what is possible',
  async (t) => {
    const away = await start(t, {
      overrides: {
        '/api/v1/categories': 'oops',
        '/api/v1/my/items': 'oops',
        [`/api/v1/categories/${CHILD_ID}`]: 'oops',
      },
    })
    for (const path of ['/sell', SELL]) {
      const { statusCode, body } = await away.get(path)
      t.equal(statusCode, 200)
      t.match(body, 'This part cannot be shown just now.')
      t.match(body, 'name="name"')
    }
    // Without the list of categories that of the item is left as it is.
    await away.post(SELL, { name: draft.name, description: draft.description })
    t.strictSame(away.sent(), [])
    const active = { [ITEM_PATH]: { ...draft, status: 'active', bidCount: 2 } }
    const { get, post } = await start(t, {
      overrides: active,
      answer: () => refusal(409, 'item.update.has_bids'),
    })
    t.match((await get(SELL)).body, 'This item is public.')
    const page = await post(SELL, { name: 'Another', description: '' })
    t.match([page.statusCode, page.body], [409, /you can only add to the description/])
  },
)

t.test('a service that does not answer keeps what a seller typed', async (t) => {
  const { post } = await start(t, { answer: () => ({ status: 503, body: {} }) })
  const typed = { name: 'Kept "name"', description: 'Long text' }
  const { statusCode, headers, body } = await post(SELL, { ...typed, category: '' })
  t.strictSame([statusCode, headers['retry-after']], [503, '5'])
  t.match(body, `action="${SELL}" data-form="kept"`)
  t.match(body, 'value="Kept &quot;name&quot;"')
})
