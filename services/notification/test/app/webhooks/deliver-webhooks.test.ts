import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { enqueueWebhooks } from '#src/app/webhooks/enqueue-webhooks.ts'
import { purgeWebhooks } from '#src/app/webhooks/purge-webhooks.ts'
import { SLOTS_OF_SLOW } from '#src/domain/webhook-slots.ts'
import { createGuardedClient } from '#src/infra/http/guarded-client.ts'
import {
  failAbandoned,
  readQueueState,
  requeueInterrupted,
} from '#src/infra/postgres/webhooks/delivery-queue.ts'
import { deleteEndpointsOf } from '#src/infra/postgres/webhooks/endpoints.ts'
import { insertMessages } from '#src/infra/postgres/webhooks/messages.ts'
import { readBody, startReceiver } from '#test/receiver.ts'
import { createWebhookWorld, LOCAL, type WebhookWorld } from '#test/webhook-world.ts'

interface Received {
  headers: Record<string, string>
  body: string
}

/** A receiver on this machine that remembers what came; `answer` is of each request. */
async function startHook(t: Test, answer: (response: ServerResponse, nth: number) => void = ok) {
  const received: Received[] = []
  const listener: RequestListener = async (request: IncomingMessage, response) => {
    const body = await readBody(request)
    received.push({ headers: request.headers as Record<string, string>, body })
    answer(response, received.length)
  }
  const receiver = await startReceiver(t, listener, { isPlain: true })
  return { ...receiver, received, url: `http://${LOCAL}:${receiver.port}/hook` }
}

const ok = (response: ServerResponse) => response.writeHead(204).end()
const status =
  (code: number, headers = {}) =>
  (response: ServerResponse) =>
    response.writeHead(code, headers).end('an answer')

async function enqueue(
  world: WebhookWorld,
  endpointId: string,
  count: number,
  eventType = 'bid.won.v1',
) {
  const messages = Array.from({ length: count }, (_, n) => ({
    id: randomUUID(),
    endpointId,
    eventType,
    payload: JSON.stringify({ type: eventType, n }),
  }))
  await insertMessages(world.db, messages)
  return messages.map(({ id }) => id)
}

const logOf = async ({ call }: WebhookWorld, id: string) =>
  (await call('GET', `/${id}/deliveries`)).body.deliveries

/** Lets time pass for everything that waits and was noted. */
const pass = async ({ database: { pool } }: WebhookWorld, interval: string) => {
  await pool.query(
    `update webhook_messages set due_at = due_at - $1::interval,
    created_at = created_at - $1::interval, changed_at = changed_at - $1::interval`,
    [interval],
  )
  await pool.query(
    `update webhook_endpoints set first_failure_at = first_failure_at - $1::interval,
    warned_at = warned_at - $1::interval, unspent_since = unspent_since - $1::interval,
    previous_secret_until = previous_secret_until - $1::interval`,
    [interval],
  )
}

t.test('a message is delivered with a signature that the library verifies', async (t) => {
  const world = await createWebhookWorld(t)
  const hook = await startHook(t)
  const { id, secret } = await world.createEndpoint(hook.url)
  const { statusCode, body } = await world.call('POST', `/${id}/test`)
  t.equal(statusCode, 202)
  await world.deliver()
  t.equal(hook.received.length, 1)
  const [{ headers, body: payload } = { headers: {}, body: '' }] = hook.received
  t.match(headers, { 'content-type': 'application/json', 'webhook-id': body.messageId })
  t.match(new Webhook(secret).verify(payload, headers), {
    type: 'test.v1',
    data: { endpointId: id },
  })
  t.match(await logOf(world, id), [
    {
      messageId: body.messageId,
      eventType: 'test.v1',
      payload,
      state: 'delivered',
      attempts: [{ attempt: 1, status: 204, answer: '' }],
    },
  ])
  t.match((await world.call('GET', `/${id}`)).body, { lastSuccessAt: String })
})

t.test('after a rotation both secrets sign for a day', async (t) => {
  const world = await createWebhookWorld(t)
  const hook = await startHook(t)
  const { id, secret: before } = await world.createEndpoint(hook.url)
  const { body } = await world.call('POST', `/${id}/secret`, { body: {} })
  t.match(body, { secret: /^whsec_/, previousSecretUntil: String })
  t.not(body.secret, before)
  const lastSigned = async () => {
    await world.call('POST', `/${id}/test`)
    await world.deliver()
    const { headers, body: payload } = hook.received.at(-1) ?? { headers: {}, body: '' }
    return (secret: string) => new Webhook(secret).verify(payload, headers)
  }
  const both = await lastSigned()
  t.match([both(before), both(body.secret)], [{ type: 'test.v1' }, { type: 'test.v1' }])
  await pass(world, '25 hours')
  const one = await lastSigned()
  t.match(one(body.secret), { type: 'test.v1' })
  t.throws(() => one(before))
  await purgeWebhooks(world.db)
  t.match((await world.call('GET', `/${id}`)).body, { previousSecretUntil: undefined })
})

t.test('a notice becomes a message for each endpoint of its user that takes it', async (t) => {
  const world = await createWebhookWorld(t)
  const [user, other] = [randomUUID(), randomUUID()]
  const create = (as: string, body = {}) =>
    world.createEndpoint('https://hooks.example/', { as, body })
  const all = await create(user)
  const wins = await create(user, { eventTypes: ['bid.won.v1'] })
  const sales = await create(user, { eventTypes: ['item.sold.v1'] })
  const paused = await create(user)
  await world.call('PATCH', `/${paused.id}`, { as: user, body: { state: 'paused' } })
  await create(other)
  const notice = (template: 'won' | 'outbid' | 'webhook_failing', userId = user) => ({
    userId,
    template,
    aggregateId: randomUUID(),
    sequence: 3,
    data: { itemId: randomUUID(), currencyCode: 'USD', amount: '10.00' },
  })
  const notices = [
    notice('won'),
    notice('outbid'),
    notice('webhook_failing'),
    notice('won', randomUUID()),
  ]
  await world.db.transaction().execute((tx) => enqueueWebhooks(tx, notices))
  const { rows } = await world.database.pool.query(
    'select endpoint_id, event_type, payload from webhook_messages order by id',
  )
  const queued = rows.map(({ endpoint_id, event_type }) => [endpoint_id, event_type]).sort()
  t.strictSame(
    queued,
    [
      [all.id, 'bid.won.v1'],
      [wins.id, 'bid.won.v1'],
      [all.id, 'bid.outbid.v1'],
    ].sort(),
  )
  t.notOk(queued.some(([id]) => id === sales.id))
  const payloads = rows.map(({ payload }) => JSON.parse(payload))
  t.match(
    payloads.find(({ type }) => type === 'bid.won.v1'),
    {
      type: 'bid.won.v1',
      data: { amount: '10.00', sequence: 3 },
    },
  )
})

t.test('what is rolled back is never sent', async (t) => {
  const world = await createWebhookWorld(t)
  const user = randomUUID()
  await world.createEndpoint('https://hooks.example/', { as: user })
  const notice = {
    userId: user,
    template: 'won' as const,
    aggregateId: randomUUID(),
    sequence: 1,
    data: {},
  }
  await t.rejects(
    world.db.transaction().execute(async (tx) => {
      await enqueueWebhooks(tx, [notice])
      throw new Error('rolled back')
    }),
  )
  const { rows } = await world.database.pool.query('select from webhook_messages')
  t.equal(rows.length, 0)
})

t.test(
  'a message that fails is tried again by the schedule, with the same webhook-id',
  async (t) => {
    const world = await createWebhookWorld(t)
    const hook = await startHook(t, status(500))
    const { id } = await world.createEndpoint(hook.url)
    const [messageId] = await enqueue(world, id, 1)
    const postpone = (interval: string) =>
      world.database.pool.query('update webhook_messages set due_at = due_at + $1::interval', [
        interval,
      ])
    const waits: number[] = []
    for (let tries = 1; tries <= 8; tries += 1) {
      await world.deliver()
      t.equal(hook.received.length, tries)
      // The shortest wait is five seconds, which this machine may take.
      await postpone('1 minute')
      await world.deliver()
      t.equal(hook.received.length, tries, 'not before it is due')
      await postpone('-1 minute')
      const [{ state, nextAttemptAt }] = await logOf(world, id)
      t.equal(state, tries < 8 ? 'queued' : 'failed')
      if (nextAttemptAt !== undefined) waits.push((Date.parse(nextAttemptAt) - Date.now()) / 1_000)
      await pass(world, '11 hours')
    }
    const planned = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]
    for (const [index, seconds] of planned.entries()) {
      const wait = waits[index] ?? 0
      t.ok(wait <= seconds * 1.1 && wait > seconds * 0.9 - 60, `${wait} is about ${seconds}`)
    }
    t.strictSame(
      new Set(hook.received.map(({ headers }) => headers['webhook-id'])),
      new Set([messageId]),
    )
    const [{ attempts }] = await logOf(world, id)
    t.equal(attempts.length, 8)
    t.match(attempts[7], { attempt: 8, status: 500, answer: 'an answer' })
  },
)

t.test('only 2xx is success, and a redirect is none', async (t) => {
  const world = await createWebhookWorld(t)
  const inner = await startHook(t)
  const codes = [200, 201, 299, 301, 302, 307, 308, 400, 404, 429, 500, 503]
  const hook = await startHook(t, (response, nth) =>
    response.writeHead(codes[nth - 1] ?? 0, { location: inner.url }).end(),
  )
  for (const code of codes) {
    const { id } = await world.createEndpoint(hook.url, { as: randomUUID() })
    await enqueue(world, id, 1)
    await world.deliver()
    const { rows } = await world.database.pool.query(
      'select state from webhook_messages where endpoint_id = $1',
      [id],
    )
    t.strictSame(rows, [{ state: code < 300 ? 'delivered' : 'queued' }], String(code))
  }
  t.equal(inner.received.length, 0)
})

t.test('Retry-After of an endpoint is kept up to twice the delay', async (t) => {
  const world = await createWebhookWorld(t)
  const hook = await startHook(t, status(503, { 'retry-after': '86400' }))
  const { id } = await world.createEndpoint(hook.url)
  await enqueue(world, id, 1)
  await world.deliver()
  await pass(world, '11 seconds')
  await world.deliver()
  const { rows } = await world.database.pool.query(
    'select extract(epoch from due_at - changed_at)::float8 as wait from webhook_messages',
  )
  t.ok(Math.abs(rows[0].wait - 600) < 1, `${rows[0].wait} seconds`)
})

t.test('an address that became private is not called, and the log says so', async (t) => {
  const world = await createWebhookWorld(t)
  const { id } = await world.createEndpoint('https://hooks.example/')
  await enqueue(world, id, 1)
  const client = createGuardedClient({
    ownHost: 'auction.example',
    allowedNetworks: [],
    findAddresses: async () => ['10.0.0.1'],
  })
  const worker = world.worker({ client })
  await worker.run()
  t.match(await logOf(world, id), [
    { state: 'queued', attempts: [{ error: 'address_refused', status: undefined }] },
  ])
})

t.test('410 disables an endpoint at once and notifies its owner', async (t) => {
  const world = await createWebhookWorld(t)
  const hook = await startHook(t, status(410))
  const { id } = await world.createEndpoint(hook.url)
  await enqueue(world, id, 1)
  await world.deliver()
  t.match((await world.call('GET', `/${id}`)).body, { state: 'disabled', disabledReason: 'gone' })
  const data = { endpointHost: `${LOCAL}:${hook.port}`, reason: 'gone' }
  t.match(await world.notices(), [{ template: 'webhook_disabled', aggregateId: id, data }])
  t.match(await logOf(world, id), [{ state: 'failed' }])
})

t.test('five days of failures disable an endpoint, after a notice on the first day', async (t) => {
  const world = await createWebhookWorld(t)
  const hook = await startHook(t, status(500))
  const { id } = await world.createEndpoint(hook.url)
  const templates: string[] = []
  const failAfter = async (interval: string) => {
    await pass(world, interval)
    await enqueue(world, id, 1)
    await world.deliver()
    templates.splice(
      0,
      templates.length,
      ...(await world.notices()).map(({ template }) => template),
    )
  }
  await failAfter('0')
  await failAfter('11 hours')
  t.strictSame(templates, [])
  await failAfter('2 hours')
  t.strictSame(templates, ['webhook_failing'])
  await failAfter('4 days')
  t.strictSame(templates, ['webhook_failing'], 'once')
  t.match((await world.call('GET', `/${id}`)).body, { state: 'active', failingSince: String })
  await failAfter('12 hours')
  t.strictSame(templates, ['webhook_failing', 'webhook_disabled'])
  t.match((await world.call('GET', `/${id}`)).body, {
    state: 'disabled',
    disabledReason: 'failing',
  })
  await failAbandoned(world.db, 1_000)
  const states = (await logOf(world, id)).map(({ state }: { state: string }) => state)
  t.strictSame(new Set(states), new Set(['failed']), 'what waited failed')
  await enqueue(world, id, 1)
  const count = hook.received.length
  await world.deliver()
  t.equal(hook.received.length, count, 'and nothing is sent any more')
})

t.test('a success between ends what is known of failures', async (t) => {
  const world = await createWebhookWorld(t)
  let code = 500
  const hook = await startHook(t, (response) => response.writeHead(code).end())
  const { id } = await world.createEndpoint(hook.url)
  for (const [interval, answer] of [
    ['0', 500],
    ['13 hours', 500],
    ['4 days', 204],
    ['1 hour', 500],
    ['2 days', 500],
  ] as const) {
    await pass(world, interval)
    code = answer
    await enqueue(world, id, 1)
    await world.deliver()
  }
  t.strictSame(
    (await world.notices()).map(({ template }) => template),
    ['webhook_failing', 'webhook_failing'],
  )
  const [first, second] = await world.notices()
  t.not(first?.sequence, second?.sequence, 'they are two notices')
  t.match((await world.call('GET', `/${id}`)).body, { state: 'active' })
})

t.test(
  'an endpoint that is active again starts without failures, and what failed is replayed',
  async (t) => {
    const world = await createWebhookWorld(t)
    let code = 410
    const hook = await startHook(t, (response) => response.writeHead(code).end())
    const { id } = await world.createEndpoint(hook.url)
    const [one = '', two] = await enqueue(world, id, 3)
    await world.deliver()
    await failAbandoned(world.db, 1_000)
    const since = new Date(Date.now() - 3_600_000).toISOString()
    const expected = { statusCode: 409, body: { code: 'webhook.disabled' } }
    t.match(await world.call('POST', `/${id}/replay`, { body: { since } }), expected)
    t.match(await world.call('POST', `/${id}/deliveries/${one}/replay`), expected)
    t.match(await world.call('POST', `/${id}/test`), expected)
    const enabled = await world.call('PATCH', `/${id}`, { body: { state: 'active' } })
    t.match(enabled.body, { state: 'active', failingSince: undefined, disabledReason: undefined })
    code = 204
    await world.call('POST', `/${id}/deliveries/${one}/replay`)
    const before = hook.received.length
    await world.deliver()
    t.equal(hook.received.at(-1)?.headers['webhook-id'], one)
    t.equal(hook.received.length, before + 1)
    const replayed = await world.call('POST', `/${id}/replay`, { body: { since } })
    t.match(replayed, { statusCode: 202, body: { queued: 2 } })
    await pass(world, '2 seconds')
    await world.deliver()
    t.ok(hook.received.some(({ headers }) => headers['webhook-id'] === two))
    const states = (await logOf(world, id)).map(({ state }: { state: string }) => state)
    t.strictSame(states, ['delivered', 'delivered', 'delivered'])
    const again = await world.call('POST', `/${id}/deliveries/${one}/replay`)
    t.equal(again.statusCode, 202, 'also what was delivered is sent again')
    const late = await world.call('POST', `/${id}/replay`, {
      body: { since: new Date().toISOString() },
    })
    t.match(late.body, { queued: 0 })
    const none = await world.call('POST', `/${id}/deliveries/${randomUUID()}/replay`)
    t.match(none, { statusCode: 404, body: { code: 'webhook.delivery_not_found' } })
  },
)

t.test('a paused endpoint keeps what is queued until it is resumed', async (t) => {
  const world = await createWebhookWorld(t)
  const hook = await startHook(t)
  const { id } = await world.createEndpoint(hook.url)
  await enqueue(world, id, 2)
  await world.call('PATCH', `/${id}`, { body: { state: 'paused' } })
  await world.deliver()
  await failAbandoned(world.db, 1_000)
  t.equal(hook.received.length, 0)
  await world.call('PATCH', `/${id}`, { body: { state: 'active' } })
  await world.deliver()
  t.equal(hook.received.length, 2)
})

t.test('an endpoint is sent no more than its rate', async (t) => {
  const world = await createWebhookWorld(t)
  const hook = await startHook(t)
  const { id } = await world.createEndpoint(hook.url, { body: { ratePerSecond: 3 } })
  await enqueue(world, id, 30)
  const { pool } = world.database
  const clock = async () => {
    const { rows } = await pool.query(
      'select extract(epoch from clock_timestamp())::float8 as seconds',
    )
    return rows[0].seconds
  }
  await pass(world, '1 hour')
  const since = await clock()
  const worker = world.worker()
  await waitFor('more than a second of the rate', async () => {
    await worker.run()
    return hook.received.length > 3
  })
  // What an idle endpoint had left was one second, not the hour.
  const sent = hook.received.length
  const due = 3 * (1 + (await clock()) - since)
  t.ok(sent <= due, `${sent} of at most ${due}`)
})

/** Ends a worker whose endpoints never answer. */
async function end(running: Promise<void>, stopping: AbortController, open: Set<Socket>) {
  stopping.abort()
  for (const socket of open) socket.destroy()
  await running
}

t.test('endpoints that never answer do not stop the others', async (t) => {
  const world = await createWebhookWorld(t)
  const silent = await startHook(t, () => undefined)
  const good = await startHook(t)
  for (let count = 0; count < SLOTS_OF_SLOW + 10; count += 1) {
    const { id } = await world.createEndpoint(silent.url, { as: randomUUID() })
    await enqueue(world, id, 5)
  }
  await world.database.pool.query('update webhook_endpoints set is_slow = true')
  const stopping = new AbortController()
  const running = world.worker().run(stopping.signal)
  await waitFor('the silent ones', () => silent.received.length === SLOTS_OF_SLOW)
  const { id } = await world.createEndpoint(good.url)
  await enqueue(world, id, 3)
  await waitFor('the good one', () => good.received.length === 3)
  t.equal(silent.received.length, SLOTS_OF_SLOW, 'one each, in half of the connections')
  await end(running, stopping, silent.open)
})

t.test('many messages of one endpoint do not stop the others', async (t) => {
  const world = await createWebhookWorld(t)
  const silent = await startHook(t, () => undefined)
  const good = await startHook(t)
  const full = await world.createEndpoint(silent.url, { body: { ratePerSecond: 20 } })
  await enqueue(world, full.id, 2_000)
  const stopping = new AbortController()
  const running = world.worker().run(stopping.signal)
  await waitFor('its five connections', () => silent.received.length === 5)
  const { id } = await world.createEndpoint(good.url)
  await enqueue(world, id, 1)
  await waitFor('the good one', () => good.received.length === 1)
  t.equal(silent.received.length, 5)
  await end(running, stopping, silent.open)
})

t.test('a worker that stops begins nothing more and records what is on its way', async (t) => {
  const world = await createWebhookWorld(t)
  const held: ServerResponse[] = []
  const hook = await startHook(t, (response) => held.push(response))
  const { id } = await world.createEndpoint(hook.url)
  await enqueue(world, id, 1)
  const stopping = new AbortController()
  const running = world.worker().run(stopping.signal)
  await waitFor('the attempt', () => held.length === 1)
  await enqueue(world, id, 1)
  stopping.abort()
  held[0]?.writeHead(204).end()
  await running
  const states = (await logOf(world, id)).map(({ state }: { state: string }) => state)
  t.strictSame(states.sort(), ['delivered', 'queued'])
})

t.test('two workers send each message once', async (t) => {
  const world = await createWebhookWorld(t)
  const hook = await startHook(t)
  const endpoints: string[] = []
  for (let count = 0; count < 8; count += 1) {
    const { id } = await world.createEndpoint(hook.url, {
      body: { ratePerSecond: 20 },
      as: randomUUID(),
    })
    endpoints.push(id)
    await enqueue(world, id, 10)
  }
  const workers = [world.worker(), world.worker(), world.worker()]
  await waitFor('all messages', async () => {
    await Promise.all(workers.map((worker) => worker.run()))
    await pass(world, '1 second')
    return hook.received.length >= 80
  })
  t.equal(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size, 80)
  t.equal(hook.received.length, 80)
})

t.test(
  'what a process that ended was sending is sent again, with the same webhook-id',
  async (t) => {
    const world = await createWebhookWorld(t)
    const hook = await startHook(t)
    const { id } = await world.createEndpoint(hook.url)
    const [messageId = ''] = await enqueue(world, id, 1)
    // Claimed, and its process is gone before it sent or recorded anything.
    await world.database.pool.query(
      `update webhook_messages set state = 'sending', tries = 1, attempts = 1`,
    )
    t.equal(await requeueInterrupted(world.db, 60, 100), 0, 'not at once')
    await world.deliver()
    t.equal(hook.received.length, 0)
    t.match(await world.call('POST', `/${id}/deliveries/${messageId}/replay`), {
      statusCode: 409,
      body: { code: 'webhook.in_progress' },
    })
    await pass(world, '61 seconds')
    t.equal(await requeueInterrupted(world.db, 60, 100), 1)
    await world.deliver()
    t.strictSame(
      hook.received.map(({ headers }) => headers['webhook-id']),
      [messageId],
    )
    const { rows } = await world.database.pool.query(
      'select state, tries, attempts from webhook_messages',
    )
    t.strictSame(
      rows,
      [{ state: 'delivered', tries: 1, attempts: 2 }],
      'it was no attempt of the schedule',
    )
  },
)

t.test('an outcome that comes too late does not end the claim of another worker', async (t) => {
  const world = await createWebhookWorld(t)
  const held: ServerResponse[] = []
  const hook = await startHook(t, (response) => held.push(response))
  const { id } = await world.createEndpoint(hook.url)
  await enqueue(world, id, 1)
  const [slow, quick] = [world.worker(), world.worker()]
  const slowRun = slow.run()
  await waitFor('the first attempt', () => held.length === 1)
  await pass(world, '61 seconds')
  await requeueInterrupted(world.db, 60, 100)
  const quickRun = quick.run()
  await waitFor('the second attempt', () => held.length === 2)
  held[0]?.writeHead(500).end()
  await slowRun
  t.match(await logOf(world, id), [{ state: 'sending', attempts: [{ attempt: 1, status: 500 }] }])
  held[1]?.writeHead(204).end()
  await quickRun
  t.match(await logOf(world, id), [
    { state: 'delivered', attempts: [{}, { attempt: 2, status: 204 }] },
  ])
})

t.test('an endpoint deleted while it is sent something ends quietly', async (t) => {
  const world = await createWebhookWorld(t)
  const held: ServerResponse[] = []
  const hook = await startHook(t, (response) => held.push(response))
  const { id } = await world.createEndpoint(hook.url)
  await enqueue(world, id, 1)
  const worker = world.worker()
  const running = worker.run()
  await waitFor('the attempt', () => held.length === 1)
  await world.call('DELETE', `/${id}`)
  held[0]?.writeHead(410).end()
  await running
  t.strictSame(await world.notices(), [])
  const { rows } = await world.database.pool.query('select state from webhook_endpoints')
  t.strictSame(rows, [{ state: 'deleted' }])
})

t.test('the log has pages, and an answer is cut and readable', async (t) => {
  const world = await createWebhookWorld(t)
  const hook = await startHook(t, (response) =>
    response.writeHead(200).end(Buffer.concat([Buffer.from('\0é'), Buffer.alloc(9_000, 'x')])),
  )
  const { id } = await world.createEndpoint(hook.url)
  const ids: string[] = []
  for (let count = 0; count < 5; count += 1) {
    ids.unshift((await world.call('POST', `/${id}/test`)).body.messageId)
  }
  await world.deliver()
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const query = cursor === '' ? '?limit=2' : `?limit=2&cursor=${cursor}`
    const { body } = await world.call('GET', `/${id}/deliveries${query}`)
    seen.push(...body.deliveries.map(({ messageId }: { messageId: string }) => messageId))
    cursor = body.nextCursor
  }
  t.strictSame(seen, ids)
  const [{ attempts }] = await logOf(world, id)
  t.equal(attempts[0].answer.length, 8 * 1024 - 1)
  t.match(attempts[0].answer, /^\ufffdé/)
  t.equal((await world.call('GET', `/${id}/deliveries?limit=26`)).statusCode, 400)
})

t.test('an endpoint is tested at most ten times a minute', async (t) => {
  const world = await createWebhookWorld(t)
  const { id } = await world.createEndpoint('https://hooks.example/')
  for (let count = 0; count < 10; count += 1) {
    t.equal((await world.call('POST', `/${id}/test`)).statusCode, 202)
  }
  t.match(await world.call('POST', `/${id}/test`), {
    statusCode: 429,
    body: { code: 'webhook.too_many_tests' },
  })
  await pass(world, '61 seconds')
  t.equal((await world.call('POST', `/${id}/test`)).statusCode, 202)
})

t.test('messages are purged after 30 days, those of deleted endpoints at once', async (t) => {
  const world = await createWebhookWorld(t)
  const hook = await startHook(t)
  const { id } = await world.createEndpoint(hook.url)
  await enqueue(world, id, 4)
  await world.deliver()
  await pass(world, '29 days')
  await purgeWebhooks(world.db, 3)
  t.equal((await logOf(world, id)).length, 4)
  await pass(world, '2 days')
  await enqueue(world, id, 2)
  await purgeWebhooks(world.db, 3)
  t.equal((await logOf(world, id)).length, 2)
  await world.call('DELETE', `/${id}`)
  await failAbandoned(world.db, 1_000)
  await purgeWebhooks(world.db, 3)
  for (const table of ['webhook_endpoints', 'webhook_messages', 'webhook_attempts']) {
    const { rows } = await world.database.pool.query(`select from ${table}`)
    t.equal(rows.length, 0, table)
  }
})

t.test('endpoints of deleted accounts go', async (t) => {
  const world = await createWebhookWorld(t)
  const [user, other] = [randomUUID(), randomUUID()]
  await world.createEndpoint('https://hooks.example/', { as: user })
  await world.createEndpoint('https://hooks.example/', { as: other })
  await world.db.transaction().execute((tx) => deleteEndpointsOf(tx, [user]))
  t.strictSame((await world.call('GET', '', { as: user })).body, { endpoints: [] })
  t.equal((await world.call('GET', '', { as: other })).body.endpoints.length, 1)
})

t.test('metrics say how late deliveries are and how many endpoints fail', async (t) => {
  const world = await createWebhookWorld(t)
  const hook = await startHook(t, status(500))
  const failing = await world.createEndpoint(hook.url)
  await enqueue(world, failing.id, 1)
  await world.deliver()
  const waiting = await world.createEndpoint(hook.url)
  await enqueue(world, waiting.id, 1)
  await pass(world, '90 seconds')
  const state = await readQueueState(world.db)
  t.ok(state.lagSeconds >= 90 && state.lagSeconds < 200, `${state.lagSeconds}`)
  t.strictSame(Object.fromEntries(state.endpoints.map(({ state: name, count }) => [name, count])), {
    active: 1,
    failing: 1,
  })
  const metrics = await world.registry.metrics()
  t.match(metrics, /notification_webhook_attempts_total\{[^}]*outcome="5xx"[^}]*\} 1/)
})
