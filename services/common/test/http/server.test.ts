import type { FastifySchema } from 'fastify'
import t from 'tap'
import { type TSchema, Type } from 'typebox'
import { defineError } from '#src/http/errors.ts'
import { answers, Instant, STRICT } from '#src/http/schemas.ts'
import type { App } from '#src/http/server.ts'
import { WrittenText } from '#src/http/written-text.ts'
import { createTestIdentity } from '#src/testing/tokens.ts'
import { buildToy, type LogLine } from '#test/helper.ts'

const config = { auth: 'public' } as const
const TRACE_ID = /^[0-9a-f]{32}$/
const PARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`

/** The line of a request that took a second, as any may on a busy machine. */
const isOfSlow = ({ msg, durationMs }: LogLine) =>
  msg === 'request answered' && Number(durationMs) >= 1_000

const toyErrors = {
  sold: defineError('toy.sold', 'The toy is sold.', 409),
  busy: defineError('toy.busy', 'Too many want toys.', 503, { retryAfterSeconds: 7 }),
}

function addRoutes(app: App) {
  const Toy = Type.Object(
    {
      name: Type.String({ minLength: 1, maxLength: 20 }),
      pieces: Type.Optional(Type.Integer({ minimum: 1 })),
      isNew: Type.Optional(Type.Boolean()),
      maker: Type.Optional(Type.Object({ town: Type.String() }, STRICT)),
    },
    STRICT,
  )
  const Page = Type.Object({ page: Type.Optional(Type.Integer({ minimum: 1 })) }, STRICT)
  app.post('/toys', { config, schema: { body: Toy } }, (request) => request.body)
  app.delete('/toys/:id', { config }, (_request, reply) => reply.code(204).send())
  app.get('/toys', { config, schema: { querystring: Page } }, (request) => request.query)
  app.get(
    '/toys/:id',
    { config, schema: { params: Type.Object({ id: Type.Integer() }) } },
    (request) => request.params,
  )
}

async function buildToys(t: Parameters<typeof buildToy>[0]) {
  const toy = await buildToy(t)
  addRoutes(toy.app)
  const post = (payload: string | object, headers: Record<string, string> = {}) =>
    toy.app.inject({
      method: 'POST',
      url: '/toys',
      headers: { 'content-type': 'application/json', ...headers },
      payload,
    })
  return { ...toy, post }
}

t.test('a content type without a body is right where no body is wanted', async (t) => {
  const { app, post } = await buildToys(t)
  const headers = { 'content-type': 'application/json' }
  t.equal((await app.inject({ method: 'DELETE', url: '/toys/1', headers })).statusCode, 204)
  const broken = { method: 'DELETE' as const, url: '/toys/1', headers, payload: '{' }
  t.equal((await app.inject(broken)).statusCode, 400)
  t.equal((await post('')).statusCode, 400)
})

t.test('a route that does not say who may call it stops the boot', async (t) => {
  const { app } = await buildToy(t)
  t.throws(() => app.get('/open', () => 'hello'), /GET \/open declares no auth mode/)
})

t.test('a route that asks who is calling needs a server that can verify', async (t) => {
  const { app } = await buildToy(t)
  for (const auth of ['bearer', 'optional', 'service'] as const)
    t.throws(() => app.get('/mine', { config: { auth } }, () => 'hello'), {
      message: `route GET /mine asks for ${auth} but this server verifies no caller`,
    })
})

t.test('a route beside the pages of the API is not opened by its name', async (t) => {
  const docs = { prefix: '/toys', title: 'Toys', description: 'Toys.', tags: {} }
  const { issuer, jwks, internalSecret } = createTestIdentity()
  const unauthenticated = defineError('toy.unauthenticated', 'Log in.', 401)
  const { app } = await buildToy(t, {
    docs,
    auth: { issuer, jwks, internalSecret, unauthenticated },
  })
  app.get(
    '/toys/docs/mine',
    {
      config: { auth: 'bearer', access: 'any' },
      schema: { operationId: 'getMyToys', summary: 'My toys' },
    },
    () => 'secret',
  )
  t.throws(() => app.get('/toys/docsecrets', () => 'secret'), /declares no auth mode/)
  t.match(await app.inject('/toys/docs/mine'), {
    statusCode: 401,
    headers: { 'www-authenticate': 'Bearer realm="auction"' },
  })
})

t.test('a body that is not exactly right is a 4xx that names the field', async (t) => {
  const { post, lines } = await buildToys(t)
  const invalid = 'request.invalid_body'
  const cases: [string, string | object, string, string | undefined][] = [
    ['a missing field', {}, invalid, 'name'],
    ['an unknown field', { name: 'a', colour: 'red' }, invalid, 'colour'],
    ['an unknown field below', { name: 'a', maker: { town: 'b', x: 1 } }, invalid, 'maker.x'],
    ['a wrong type', { name: 5 }, invalid, 'name'],
    ['a number as text', { name: 'a', pieces: '5' }, invalid, 'pieces'],
    ['a fraction', { name: 'a', pieces: 1.5 }, invalid, 'pieces'],
    ['a flag as text', { name: 'a', isNew: 'true' }, invalid, 'isNew'],
    ['null', { name: null }, invalid, 'name'],
    ['an array for a text', { name: ['a'] }, invalid, 'name'],
    ['too long a text', { name: 'a'.repeat(21) }, invalid, 'name'],
    ['a list', [], invalid, ''],
    ['a bare text', '"toy"', invalid, ''],
    ['inherited names', '{"name":"a","toString":1}', invalid, 'toString'],
    ['a prototype', '{"name":"a","__proto__":{"isNew":true}}', 'request.invalid_json', undefined],
    [
      'a constructor',
      '{"name":"a","constructor":{"prototype":{"x":1}}}',
      'request.invalid_json',
      undefined,
    ],
    ['no JSON', '{"name":', 'request.invalid_json', undefined],
    ['two documents', '{"name":"a"}{"name":"b"}', 'request.invalid_json', undefined],
    ['nothing', '', 'request.invalid_json', undefined],
  ]
  for (const [title, payload, code, field] of cases) {
    const response = await post(payload)
    t.equal(response.statusCode, 400, title)
    t.match(response.json(), { code, traceId: TRACE_ID }, title)
    t.equal(response.json().details?.field, field, title)
  }
  t.strictSame((await post({ name: 'a', pieces: 3 })).json(), { name: 'a', pieces: 3 })
  const written = lines.filter((line) => !isOfSlow(line))
  t.strictSame(written, [], 'what a caller did wrong is not worth a line')
})

t.test('an instant that no answer could repeat is refused', async (t) => {
  const { app } = await buildToy(t)
  const Sale = Type.Object({ at: Instant }, STRICT)
  app.post('/sales', { config, schema: { body: Sale } }, (request) => request.body)
  const post = (at: string) => app.inject({ method: 'POST', url: '/sales', payload: { at } })
  for (const at of [
    '2026-12-31T23:59:60Z',
    '2026-12-31T18:59:60-05:00',
    '9999-12-31T23:59:59-01:00',
    '0000-06-01T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-01-01',
  ]) {
    t.match((await post(at)).json(), { code: 'request.invalid_body', details: { field: 'at' } }, at)
  }
  for (const at of [
    '2026-12-31T23:59:59.999Z',
    '9999-12-31T23:59:59Z',
    '0001-01-01T00:00:00Z',
    '2028-02-29T00:00:00+14:00',
  ]) {
    t.match(await post(at), { statusCode: 200 }, at)
  }
})

t.test('a text that no database could keep is refused wherever no form is given', async (t) => {
  const { app } = await buildToy(t)
  const Note = Type.Object(
    {
      note: Type.String(),
      tags: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Null()]))),
      written: Type.Optional(WrittenText({ name: 'note', charactersMax: 9, bytesMax: 99 })),
      word: Type.Optional(Type.String({ pattern: '^\\S+$' })),
    },
    STRICT,
  )
  app.post('/notes', { config, schema: { body: Note } }, (request) => request.body)
  app.get('/notes', { config, schema: { querystring: Note } }, (request) => request.query)
  const params = Type.Object({ note: Type.String() })
  app.get('/notes/:note', { config, schema: { params } }, (request) => request.params)
  const post = (payload: object) => app.inject({ method: 'POST', url: '/notes', payload })
  t.match((await post({ note: 'a\0b' })).json(), {
    code: 'request.invalid_body',
    details: { field: 'note', reason: 'must not hold U+0000 or half of a character' },
  })
  t.equal((await post({ note: '\ud83d' })).statusCode, 400)
  t.equal((await post({ note: '', tags: [null, '\0'] })).statusCode, 400)
  t.match((await app.inject('/notes?note=%00')).json(), { code: 'request.invalid_query' })
  t.match((await app.inject('/notes/a%00b')).json(), { code: 'request.invalid_path' })
  t.equal((await post({ note: 'Zeichen: 😀 \u{1f1e9}\u{1f1ea}\u200b\n' })).statusCode, 200)
  for (const word of ['a\0b', '\ud83d']) {
    t.match(
      (await post({ note: '', word })).json(),
      { details: { field: 'word' } },
      'by no pattern',
    )
  }
  t.equal((await post({ note: '', written: '\0' })).statusCode, 200, 'readText judges these')
})

t.test('only JSON of a bounded length is read', async (t) => {
  const { app, post } = await buildToys(t)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'x'])
    t.match(
      await post('{"name":"a"}', { 'content-type': type }),
      { statusCode: 415, body: /"code":"request.unsupported_media_type"/ },
      type,
    )
  const tooLong = JSON.stringify({ name: 'a'.repeat(16 * 1024) })
  t.match(await post(tooLong), { statusCode: 413, body: /"code":"request.body_too_large"/ })
  const typeless = await app.inject({ method: 'POST', url: '/toys', payload: '{"name":"a"}' })
  t.match(typeless, { statusCode: 415 })
  t.match(await post('{"name":"a"}', { 'content-type': 'application/json; charset=utf-8' }), {
    statusCode: 200,
  })
})

t.test('an address that leads nowhere is reported in the same shape', async (t) => {
  const { app } = await buildToys(t)
  const cases: [string, number, string][] = [
    ['/nothing', 404, 'request.not_found'],
    ['/toys/', 400, 'request.invalid_path'],
    ['/toys/%zz', 400, 'request.invalid'],
    ['/toys/one', 400, 'request.invalid_path'],
    ['/toys?page=0', 400, 'request.invalid_query'],
    ['/toys?pages=1', 400, 'request.invalid_query'],
    ['/toys?page=1&page=2', 400, 'request.invalid_query'],
    [`/toys/${'1'.repeat(101)}`, 400, 'request.invalid'],
  ]
  for (const [url, status, code] of cases) {
    const response = await app.inject(url)
    t.equal(response.statusCode, status, url)
    t.match(response.json(), { code, traceId: TRACE_ID }, url)
    t.ok(response.headers['x-correlation-id'], url)
  }
  t.equal((await app.inject({ method: 'DELETE', url: '/toys' })).statusCode, 404)
  t.equal((await app.inject({ method: 'HEAD', url: '/toys' })).statusCode, 404)
  t.strictSame((await app.inject('/toys?page=2')).json(), { page: 2 }, 'queries are read as text')
})

t.test('an error of the table is answered as it stands there', async (t) => {
  const { app, lines } = await buildToy(t)
  app.get('/sold', { config }, () => {
    throw toyErrors.sold({ since: 'today' })
  })
  app.get('/busy', { config }, () => {
    throw toyErrors.busy()
  })
  const sold = await app.inject({ url: '/sold', headers: { traceparent: PARENT } })
  t.equal(sold.statusCode, 409)
  t.equal(sold.headers['content-type'], 'application/json; charset=utf-8')
  t.strictSame(sold.json(), {
    code: 'toy.sold',
    message: 'The toy is sold.',
    details: { since: 'today' },
    traceId: 'a'.repeat(32),
  })
  t.strictSame(
    lines.filter((line) => !isOfSlow(line)),
    [],
  )
  const busy = await app.inject('/busy')
  t.match(busy, { statusCode: 503, headers: { 'retry-after': '7' } })
  t.strictSame(Object.keys(busy.json()), ['code', 'message', 'traceId'])
  const ofBusy = lines.filter(({ route }) => route === '/busy')
  t.match(ofBusy, [{ level: 'warn' }, { level: 'info' }])
})

t.test(
  'an error that was not expected is a 500 that says nothing, and an error line that does',
  async (t) => {
    const { app, lines } = await buildToy(t)
    const thrown: Record<string, unknown> = {
      error: new Error('secret password hunter2'),
      text: 'secret password hunter2',
      object: { message: 'secret password hunter2' },
      null: null,
      undefined: undefined,
      status: Object.assign(new Error('secret password hunter2'), { statusCode: 502 }),
    }
    app.get('/:what', { config }, async (request) => {
      throw thrown[(request.params as { what: string }).what]
    })
    for (const what of Object.keys(thrown)) {
      lines.length = 0
      const response = await app.inject(`/${what}`)
      t.equal(response.statusCode, 500, what)
      t.match(response.json(), { code: 'internal_error', traceId: TRACE_ID }, what)
      t.notMatch(response.body, /hunter2/, what)
      t.equal(lines.filter(({ level }) => level === 'error').length, 1, what)
      t.equal(lines[0]?.traceId, response.json().traceId, what)
    }
  },
)

t.test('a transaction that gave way to another one asks the caller to try again', async (t) => {
  const { app, lines } = await buildToy(t)
  app.get('/:code', { config }, async (request) => {
    const { code } = request.params as { code: string }
    throw Object.assign(new Error('canceling statement due to lock timeout'), { code })
  })
  // Lock timeout, deadlock, serialization failure.
  for (const code of ['55P03', '40P01', '40001']) {
    lines.length = 0
    const response = await app.inject(`/${code}`)
    t.match(response, { statusCode: 503, headers: { 'retry-after': /^[123]$/ } }, code)
    t.match(response.json(), { code: 'service.unavailable' }, code)
    t.match(lines[0], { level: 'warn', err: { code } }, code)
  }
  for (const code of ['23505', '57014'])
    t.equal((await app.inject(`/${code}`)).statusCode, 500, 'a constraint, or too slow each time')
})

t.test('a harmless correlation id is echoed, any other replaced by the trace id', async (t) => {
  const { app } = await buildToy(t)
  app.get('/', { config }, (request) => request.trace)
  const ask = (headers: Record<string, string>) => app.inject({ url: '/', headers })
  const kept = await ask({ 'x-correlation-id': 'order-17', traceparent: PARENT })
  t.equal(kept.headers['x-correlation-id'], 'order-17')
  t.match(kept.json(), { traceId: 'a'.repeat(32), correlationId: 'order-17' })
  for (const id of ['', 'a b', 'x'.repeat(65), '{"a":1}', 'ä']) {
    const replaced = await ask({ 'x-correlation-id': id })
    t.match(replaced.headers['x-correlation-id'], TRACE_ID, id)
    t.equal(replaced.headers['x-correlation-id'], replaced.json().traceId, id)
  }
})

t.test('requests are measured by their route, not by their address', async (t) => {
  const { app, registry } = await buildToys(t)
  for (const url of ['/toys/1', '/toys/2', '/nothing/1', '/nothing/2']) await app.inject(url)
  const text = await registry.metrics()
  t.match(text, 'http_request_duration_seconds_count{route="GET /toys/:id",status="200"} 2')
  t.match(text, 'http_request_duration_seconds_count{route="GET unknown",status="404"} 2')
})

const DOCS = {
  prefix: '/toys',
  title: 'Toys',
  description: 'All about toys.',
  tags: { toys: 'What children play with.' },
}
const TOYS = { tags: ['toys'], operationId: 'listToys', summary: 'All toys' }
const ONE_TOY = { tags: ['toys'], operationId: 'getToy', summary: 'One toy' }

t.test('the document is OpenAPI 3.1 and shows tagged routes only', async (t) => {
  const { app } = await buildToy(t, { docs: DOCS })
  const response = answers({ 200: Type.Object({ name: Type.String() }) })
  app.get('/toys/:id', { config, schema: { ...ONE_TOY, response } }, async () => ({ name: 'bear' }))
  app.get('/toys/internal', { config, schema: { summary: 'For us', response } }, async () => ({
    name: 'x',
  }))
  const document = (await app.inject('/toys/openapi.json')).json()
  t.match(document, { openapi: '3.1.0', info: { title: 'Toys', description: 'All about toys.' } })
  t.strictSame(Object.keys(document.paths), ['/toys/{id}'])
  t.match(document, {
    info: { license: { identifier: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    tags: [{ name: 'toys', description: 'What children play with.' }],
  })
  t.match(await app.inject('/toys/docs/'), { statusCode: 200, body: /<html/i })
})

t.test('a query parameter with a default is documented as one that need not be sent', async (t) => {
  const { app } = await buildToy(t, { docs: DOCS })
  const querystring = Type.Object(
    { limit: Type.Integer({ default: 20 }), shelf: Type.String() },
    STRICT,
  )
  const response = answers({ 200: querystring })
  app.get(
    '/toys',
    { config, schema: { ...TOYS, querystring, response } },
    (request) => request.query,
  )
  const document = (await app.inject('/toys/openapi.json')).json()
  t.match(document.paths['/toys'].get.parameters, [
    { name: 'limit', required: false },
    { name: 'shelf', required: true },
  ])
  t.strictSame((await app.inject('/toys?shelf=top')).json(), { limit: 20, shelf: 'top' })
})

t.test('a route of an API that describes no success stops the boot', async (t) => {
  const { app } = await buildToy(t, { docs: DOCS })
  const add = (schema: FastifySchema) => () => app.get('/toys/all', { config, schema }, () => 'x')
  const message = 'route GET /toys/all has no response schema for its success'
  t.throws(add({}), { message })
  t.throws(add({ response: { '4xx': Type.Object({}) } }), { message })
  t.throws(add({ produces: ['application/json'] }), { message })
  t.doesNotThrow(add({ produces: ['text/csv'] }))
})

const refusalsOf = (operation: { responses: Record<string, unknown> }) =>
  Object.keys(operation.responses).filter((status) => Number(status) >= 400)

t.test('a document names each refusal by its status, those of its kind and its own', async (t) => {
  const { issuer, jwks, internalSecret } = createTestIdentity()
  const unauthenticated = defineError('toy.unauthenticated', 'Log in.', 401)
  const auth = { issuer, jwks, internalSecret, unauthenticated }
  const { app } = await buildToy(t, { docs: DOCS, auth })
  const response = answers({ 200: Type.Null() })
  app.get('/toys', { config, schema: { ...TOYS, response } }, () => null)
  app.post(
    '/toys/:id/wind',
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        ...ONE_TOY,
        operationId: 'windToy',
        response: answers({ 204: Type.Null() }, [409, 422]),
      },
    },
    () => null,
  )
  const { paths, components } = (await app.inject('/toys/openapi.json')).json()
  const OF_ALL = ['400', '429', '431', '500', '502', '503', '504']
  t.strictSame(refusalsOf(paths['/toys'].get), OF_ALL)
  t.strictSame(refusalsOf(paths['/toys/{id}/wind'].post), [
    ...['400', '401', '403', '404', '408', '409', '413', '415', '422'],
    ...OF_ALL.slice(1),
  ])
  t.match(components.responses.TooManyRequests, {
    headers: { 'Retry-After': {} },
    content: { 'application/json': { schema: { $ref: '#/components/schemas/ErrorBody' } } },
  })
  t.match(components.responses.Unauthenticated, { headers: { 'WWW-Authenticate': {} } })
  t.strictSame(components.schemas.ErrorBody.required, ['code', 'message', 'traceId'])
  t.strictSame(paths['/toys'].get.security, [])
  t.strictSame(paths['/toys/{id}/wind'].post.security, [{ bearer: [] }])
})

t.test('a schema with a title is one component for all who use it', async (t) => {
  const { app } = await buildToy(t, { docs: DOCS })
  const Toy = Type.Object(
    { name: Type.String(), kind: Type.Union([Type.Literal('soft'), Type.Literal('hard')]) },
    { title: 'Toy' },
  )
  const ToyList = Type.Object({ items: Type.Array(Toy) }, { title: 'ToyList' })
  app.get('/toys', { config, schema: { ...TOYS, response: answers({ 200: ToyList }) } }, () => ({
    items: [],
  }))
  app.put(
    '/toys/:id',
    {
      config: { auth: 'public', upload: 'picture' },
      schema: {
        ...ONE_TOY,
        operationId: 'setToyPicture',
        consumes: ['multipart/form-data'],
        response: answers({ 200: Toy }),
      },
    },
    () => null as never,
  )
  const { paths, components } = (await app.inject('/toys/openapi.json')).json()
  const reference = { $ref: '#/components/schemas/Toy' }
  t.strictSame(components.schemas.ToyList.properties.items.items, reference)
  t.strictSame(components.schemas.Toy.properties.kind, { type: 'string', enum: ['soft', 'hard'] })
  const { put } = paths['/toys/{id}']
  t.strictSame(put.responses['200'].content['application/json'].schema, reference)
  t.match(put.requestBody.content['multipart/form-data'].schema, {
    properties: { picture: { format: 'binary' } },
    required: ['picture'],
  })
})

t.test('two different schemas of one title are a mistake', async (t) => {
  const { app } = await buildToy(t, { docs: DOCS })
  const toy = (name: TSchema) => answers({ 200: Type.Object({ name }, { title: 'Toy' }) })
  app.get(
    '/toys',
    { config, schema: { ...TOYS, response: toy(Type.String()) } },
    () => null as never,
  )
  app.get(
    '/toys/:id',
    { config, schema: { ...ONE_TOY, response: toy(Type.Integer()) } },
    () => null as never,
  )
  await app.ready()
  t.throws(() => app.swagger(), { message: 'two different schemas have the title Toy' })
})

t.test('a documented route without an operationId or a summary stops the boot', async (t) => {
  const { app } = await buildToy(t, { docs: DOCS })
  const response = answers({ 200: Type.Null() })
  const add = (schema: FastifySchema) => () =>
    app.get('/toys/all', { config, schema: { ...schema, response } }, () => null)
  const noName = { message: 'route GET /toys/all has no operationId such as listItems' }
  t.throws(add({ tags: ['toys'], summary: 'All toys' }), noName)
  t.throws(add({ ...TOYS, operationId: 'List toys' }), noName)
  t.throws(add({ tags: ['toys'], operationId: 'listToys' }), {
    message: 'route GET /toys/all has no summary',
  })
  t.doesNotThrow(add({ summary: 'Not in the document' }))
})
