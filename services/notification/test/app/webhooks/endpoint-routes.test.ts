import { randomBytes, randomUUID } from 'node:crypto'
import { createSecretBox } from '@auction/common/secret-box.ts'
import t from 'tap'
import { openSecrets, resealSecrets } from '#src/app/webhooks/endpoint-secrets.ts'
import { createWebhookWorld } from '#test/webhook-world.ts'

const URL = 'https://hooks.example/in'

t.test('an endpoint is created with a secret that is shown once', async (t) => {
  const { call, database } = await createWebhookWorld(t)
  const { statusCode, body } = await call('POST', '', { body: { url: URL } })
  t.equal(statusCode, 201)
  t.match(body, {
    url: URL,
    description: '',
    eventTypes: null,
    state: 'active',
    ratePerSecond: 5,
    secret: /^whsec_/,
  })
  const { secret, ...shown } = body
  t.strictSame((await call('GET', '')).body, { endpoints: [shown] })
  t.strictSame((await call('GET', `/${body.id}`)).body, shown)
  const { rows } = await database.pool.query('select * from webhook_endpoints')
  t.notMatch(rows[0]?.sealed_secret.toString('latin1'), secret.slice(6), 'and stored sealed')
})

t.test('an endpoint may have a secret, a filter, a rate and a description', async (t) => {
  const { call } = await createWebhookWorld(t)
  const secret = `whsec_${randomBytes(24).toString('base64')}`
  const wishes = {
    url: URL,
    secret,
    eventTypes: ['bid.won.v1', 'item.sold.v1'],
    ratePerSecond: 20,
    description: ' the shop ',
  }
  const { body } = await call('POST', '', { body: wishes })
  t.match(body, { ...wishes, description: 'the shop' })
})

t.test('a filter that a newer version stored is read', async (t) => {
  const { call, createEndpoint, database } = await createWebhookWorld(t)
  const { id } = await createEndpoint(URL)
  const eventTypes = ['bid.won.v1', 'bid.won.v2', 'bid.won.v2']
  await database.pool.query('update webhook_endpoints set event_types = $1', [eventTypes])
  t.match(await call('GET', `/${id}`), { statusCode: 200, body: { eventTypes } })
})

t.test('what cannot be is refused', async (t) => {
  const { call } = await createWebhookWorld(t)
  const bodies = [
    {},
    { url: 'hooks.example' },
    { url: 'ftp://hooks.example/' },
    { url: URL, eventTypes: [] },
    { url: URL, eventTypes: ['bid.won'] },
    { url: URL, eventTypes: ['bid.won.v1', 'bid.won.v1'] },
    { url: URL, eventTypes: ['test.v1'] },
    { url: URL, ratePerSecond: 21 },
    { url: URL, ratePerSecond: 0 },
    { url: URL, secret: 'secret' },
    { url: URL, secret: `whsec_${'A'.repeat(33)}` },
    { url: URL, description: 'x'.repeat(201) },
    { url: URL, description: 'a\u0000b' },
    { url: URL, state: 'disabled' },
    { url: `${URL}${'x'.repeat(2_048)}` },
    { url: `${URL}a\u0000b` },
    { url: `${URL}\ud800` },
  ]
  for (const body of bodies) {
    const answer = await call('POST', '', { body })
    t.match(
      answer,
      { statusCode: 400, body: { code: 'request.invalid_body' } },
      JSON.stringify(body),
    )
  }
  const { id } = (await call('POST', '', { body: { url: URL } })).body
  for (const body of [{}, { state: 'disabled' }, { secret: 'x' }, { eventTypes: [] }]) {
    t.equal((await call('PATCH', `/${id}`, { body })).statusCode, 400, JSON.stringify(body))
  }
})

t.test('an address that may not be called is refused, with the reason', async (t) => {
  const { call } = await createWebhookWorld(t)
  const { id } = (await call('POST', '', { body: { url: URL } })).body
  const refused = {
    'https://127.0.0.1:8443/': 'address_refused',
    'https://[::ffff:169.254.169.254]/': 'address_refused',
    'https://auction.example/': 'host_refused',
    'https://bid.auction.svc:8080/': 'host_refused',
    'https://user@hooks.example/': 'credentials_refused',
    'https://hooks.example:22/': 'port_refused',
  }
  for (const [url, reason] of Object.entries(refused)) {
    const expected = { statusCode: 422, body: { code: 'webhook.url_refused', details: { reason } } }
    t.match(await call('POST', '', { body: { url } }), expected, url)
    t.match(await call('PATCH', `/${id}`, { body: { url } }), expected, url)
  }
  t.equal((await call('GET', '')).body.endpoints.length, 1)
})

t.test('a new address or secret asks for a fresh proof', async (t) => {
  const { call } = await createWebhookWorld(t)
  const { id } = (await call('POST', '', { body: { url: URL } })).body
  const old = { auth_time: Math.floor(Date.now() / 1_000) - 3_600 }
  for (const claims of [old, {}, { auth_time: 'now' }]) {
    const expected = { statusCode: 403, body: { code: 'notification.proof_required' } }
    t.match(await call('POST', '', { body: { url: URL }, claims }), expected)
    t.match(await call('PATCH', `/${id}`, { body: { url: URL }, claims }), expected)
    t.match(await call('POST', `/${id}/secret`, { body: {}, claims }), expected)
    const pause = await call('PATCH', `/${id}`, { body: { state: 'paused' }, claims })
    t.match(pause, { statusCode: 200 }, 'pausing does not')
  }
})

t.test('a user has at most ten endpoints, also with requests at once', async (t) => {
  const { call } = await createWebhookWorld(t)
  const answers = await Promise.all(
    Array.from({ length: 14 }, () => call('POST', '', { body: { url: URL } })),
  )
  t.equal(answers.filter(({ statusCode }) => statusCode === 201).length, 10)
  t.equal(answers.filter(({ body }) => body.code === 'webhook.too_many').length, 4)
  const { endpoints } = (await call('GET', '')).body
  t.equal((await call('DELETE', `/${endpoints[0].id}`)).statusCode, 204)
  t.equal((await call('POST', '', { body: { url: URL } })).statusCode, 201)
  const other = await call('POST', '', { body: { url: URL }, as: randomUUID() })
  t.equal(other.statusCode, 201, 'of each user')
})

t.test('an endpoint is changed, paused and resumed', async (t) => {
  const { call, createEndpoint } = await createWebhookWorld(t)
  const { id, secret, ...before } = await createEndpoint(URL, {
    body: { eventTypes: ['bid.won.v1'], description: 'old' },
  })
  const change = async (body: Record<string, unknown>) =>
    (await call('PATCH', `/${id}`, { body })).body
  t.strictSame(await change({ state: 'paused' }), { id, ...before, state: 'paused' })
  t.match(await change({ url: 'https://other.example/' }), { url: 'https://other.example/' })
  t.match(await change({ eventTypes: null, ratePerSecond: 1 }), {
    eventTypes: null,
    ratePerSecond: 1,
    state: 'paused',
  })
  t.match(await change({ description: '' }), { description: '' })
  t.match(await change({ state: 'active' }), { state: 'active' })
})

t.test('endpoints of others are not there', async (t) => {
  const { call, createEndpoint } = await createWebhookWorld(t)
  const { id } = await createEndpoint(URL)
  const as = randomUUID()
  const replay = { since: new Date().toISOString() }
  const requests = [
    await call('GET', `/${id}`, { as }),
    await call('PATCH', `/${id}`, { as, body: { state: 'paused' } }),
    await call('DELETE', `/${id}`, { as }),
    await call('POST', `/${id}/secret`, { as, body: {} }),
    await call('POST', `/${id}/test`, { as }),
    await call('GET', `/${id}/deliveries`, { as }),
    await call('POST', `/${id}/deliveries/${randomUUID()}/replay`, { as }),
    await call('POST', `/${id}/replay`, { as, body: replay }),
  ]
  for (const request of requests) {
    t.match(request, { statusCode: 404, body: { code: 'webhook.not_found' } })
  }
  t.strictSame((await call('GET', '', { as })).body, { endpoints: [] })
  t.match((await call('GET', `/${id}`)).body, { state: 'active' })
})

t.test('a deleted endpoint is gone, and so are its secret and its address', async (t) => {
  const { call, createEndpoint, database } = await createWebhookWorld(t)
  const { id } = await createEndpoint(URL, { body: { description: 'the shop' } })
  t.equal((await call('DELETE', `/${id}`)).statusCode, 204)
  t.equal((await call('GET', `/${id}`)).statusCode, 404)
  t.equal((await call('DELETE', `/${id}`)).statusCode, 404)
  const { rows } = await database.pool.query('select * from webhook_endpoints')
  t.match(rows, [{ url: '', description: '', state: 'deleted' }])
  t.equal(rows[0]?.sealed_secret.length, 0)
})

t.test('an account that is gone gets no endpoint', async (t) => {
  const { call, database } = await createWebhookWorld(t)
  const as = randomUUID()
  await database.pool.query('insert into departed_users (user_id) values ($1)', [as])
  const { statusCode } = await call('POST', '', { as, body: { url: URL } })
  t.equal(statusCode, 401)
})

t.test(
  'secrets are sealed again with a new key, after which the old one is not needed',
  async (t) => {
    const { db, box, createEndpoint, call, database } = await createWebhookWorld(t)
    const { id } = await createEndpoint(URL)
    const { secret: previous } = (await call('GET', `/${id}`)).body
    t.equal(previous, undefined)
    const { secret } = (await call('POST', `/${id}/secret`, { body: {} })).body
    await createEndpoint(URL)
    const oldKey = randomBytes(32).toString('base64')
    const newKey = randomBytes(32).toString('base64')
    const [from, both] = [createSecretBox(oldKey), createSecretBox(newKey, oldKey)]
    await t.rejects(resealSecrets(db, from), 'a key that opens nothing')
    // The key of the world is not known here, so its secrets are sealed with one that is.
    const { rows } = await database.pool.query('select * from webhook_endpoints')
    for (const row of rows) {
      const context = `webhook endpoint ${row.id}`
      const reseal = (sealed: Buffer | null) =>
        sealed === null ? null : from.seal(box.open(sealed, context), context)
      await database.pool.query(
        'update webhook_endpoints set sealed_secret = $2, sealed_previous_secret = $3, seal_key_id = $4 where id = $1',
        [row.id, reseal(row.sealed_secret), reseal(row.sealed_previous_secret), from.keyId],
      )
    }
    t.equal(await resealSecrets(db, both), 2)
    t.equal(await resealSecrets(db, both), 0)
    const { rows: sealed } = await database.pool.query(
      `select id, sealed_secret as "sealedSecret", sealed_previous_secret as "sealedPreviousSecret"
     from webhook_endpoints where id = $1`,
      [id],
    )
    t.equal(openSecrets(createSecretBox(newKey), sealed[0])[0], secret)
  },
)
