import { createPublicKey, randomUUID, verify } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import t, { type Test } from 'tap'
import webPush from 'web-push'
import { sendPushes } from '#src/app/push/send-pushes.ts'
import { createSendingMetrics } from '#src/app/sending-metrics.ts'
import { readNetworks } from '#src/domain/outgoing-address.ts'
import { createGuardedClient } from '#src/infra/http/guarded-client.ts'
import { abandonPushes } from '#src/infra/postgres/push/push-deliveries.ts'
import { createBrowser } from '#test/browser.ts'
import { created, deleted, outbid, placed } from '#test/events.ts'
import { createWorld, HOLD_MS, log, type Person } from '#test/helper.ts'
import { startReceiver } from '#test/receiver.ts'

const LOCAL = '127.0.0.2'
const SUBSCRIPTIONS = '/api/v1/push-subscriptions'

interface Received {
  path: string
  headers: Record<string, string>
  body: Buffer
}

/** Notices of a user, a push service on this machine, and a sender. */
async function createPushWorld(t: Test, answer: (response: ServerResponse) => void = created201) {
  const vapid = { ...webPush.generateVAPIDKeys(), subject: 'mailto:operators@auction.example' }
  const rules = { ownHost: 'auction.example', allowedNetworks: readNetworks(`${LOCAL}/32`) }
  const world = await createWorld(t, { pushKey: vapid.publicKey, rules })
  const received: Received[] = []
  const { port } = await startReceiver(
    t,
    async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const headers = request.headers as Record<string, string>
      received.push({ path: request.url ?? '', headers, body: Buffer.concat(chunks) })
      answer(response)
    },
    { isPlain: true },
  )
  const origin = `http://${LOCAL}:${port}`
  const call = async (
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    as: Person,
    body?: object,
  ) => {
    const response = await world.app.inject({
      method,
      url: path,
      headers: as.headers,
      ...(body === undefined ? {} : { payload: body }),
    })
    return {
      statusCode: response.statusCode,
      body: response.body === '' ? undefined : response.json(),
    }
  }
  const dependencies = {
    db: world.db,
    client: createGuardedClient(rules),
    vapid,
    metrics: createSendingMetrics(createRegistry('notification')),
    log,
  }
  return {
    ...world,
    vapid,
    received,
    origin,
    call,
    subscribe: (as: Person, browser = createBrowser(), endpoint = `${origin}/${randomUUID()}`) =>
      call('POST', SUBSCRIPTIONS, as, { endpoint, expirationTime: null, keys: browser.keys }),
    /** Outbids a person, up to the delivery. */
    async outbid(person: Person, item = randomUUID(), sequence = 3) {
      await world.consume([
        created(item, randomUUID(), 'Brass lamp'),
        outbid(item, sequence, person.id),
      ])
      await world.letTimePass(HOLD_MS)
      await world.dispatch()
      return item
    },
    send: (changes: Partial<typeof dependencies> | { vapid: undefined } = {}) =>
      sendPushes({ ...dependencies, ...changes }),
    async pushes(userId: string) {
      return (await world.deliveries(userId)).filter(({ channel }) => channel === 'push')
    },
  }
}

const created201 = (response: ServerResponse) => response.writeHead(201).end()

t.test(
  'users without a browser have no push message, also when another user has one',
  async (t) => {
    const world = await createPushWorld(t)
    const [ann, ben] = [world.person(), world.person()]
    await world.subscribe(ben)
    const item = await world.outbid(ann)
    t.strictSame(await world.pushes(ann.id), [])
    await world.subscribe(ann)
    await world.outbid(ann, item, 7)
    t.match(await world.pushes(ann.id), [{ sequence: 7, state: 'queued' }])
  },
)

t.test('a notice is shown in each browser, which alone can read it', async (t) => {
  const world = await createPushWorld(t)
  const ann = world.person()
  const [desk, phone] = [createBrowser(), createBrowser()]
  await world.subscribe(ann, desk, `${world.origin}/desk`)
  await world.subscribe(ann, phone, `${world.origin}/phone`)
  const item = await world.outbid(ann)
  await world.send()
  t.equal(world.received.length, 2)
  for (const { path, headers, body } of world.received) {
    const [own, other] = path === '/desk' ? [desk, phone] : [phone, desk]
    t.match(own.read(body), { title: /Brass lamp/, path: `/lots/${item}`, tag: item })
    t.throws(() => other.read(body))
    t.match(headers, {
      'content-encoding': 'aes128gcm',
      topic: item.replaceAll('-', ''),
      urgency: 'high',
      ttl: /^8[56]\d{3}$/,
    })
  }
  t.match(await world.pushes(ann.id), [{ state: 'sent' }])
  t.match((await world.call('GET', SUBSCRIPTIONS, ann)).body.subscriptions, [
    { lastSuccessAt: String },
    { lastSuccessAt: String },
  ])
})

t.test('a message is signed with the key that browsers subscribe with', async (t) => {
  const world = await createPushWorld(t)
  const ann = world.person()
  t.same((await world.call('GET', '/api/v1/notifications/push-key', ann)).body, {
    publicKey: world.vapid.publicKey,
  })
  await world.subscribe(ann)
  await world.outbid(ann)
  await world.send()
  const { authorization = '' } = world.received[0]?.headers ?? {}
  const [, token = '', key] = /^vapid t=([^,]+), k=(.+)$/.exec(authorization) ?? []
  t.equal(key, world.vapid.publicKey)
  const [head = '', claims = '', signature = ''] = token.split('.')
  const point = Buffer.from(world.vapid.publicKey, 'base64url')
  const publicKey = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  })
  const signed = Buffer.from(`${head}.${claims}`)
  const options = { key: publicKey, dsaEncoding: 'ieee-p1363' as const }
  t.ok(verify('sha256', signed, options, Buffer.from(signature, 'base64url')))
  t.match(JSON.parse(Buffer.from(claims, 'base64url').toString()), {
    aud: world.origin,
    sub: 'mailto:operators@auction.example',
  })
})

t.test(
  'a browser that has left is deleted, and a delivery without browsers is dropped',
  async (t) => {
    for (const status of [404, 410]) {
      const world = await createPushWorld(t, (response) => response.writeHead(status).end())
      const ann = world.person()
      await world.subscribe(ann)
      await world.outbid(ann)
      await world.send()
      t.same((await world.call('GET', SUBSCRIPTIONS, ann)).body, { subscriptions: [] })
      t.match(await world.pushes(ann.id), [{ state: 'dropped', reason: 'no_subscription' }])
    }
  },
)

t.test('a push service that asks to wait is asked again later', async (t) => {
  const world = await createPushWorld(t, (response) =>
    response.writeHead(429, { 'retry-after': '120' }).end(),
  )
  const ann = world.person()
  await world.subscribe(ann)
  await world.outbid(ann)
  await world.send()
  await world.send()
  t.equal(world.received.length, 1, 'not before')
  t.match(await world.pushes(ann.id), [{ state: 'queued' }])
  await world.letTimePass(121_000)
  await world.send()
  t.equal(world.received.length, 2)
})

t.test('a message that may have arrived is not sent again', async (t) => {
  const world = await createPushWorld(t, (response) => response.destroy())
  const ann = world.person()
  await world.subscribe(ann)
  await world.outbid(ann)
  await world.send()
  await world.letTimePass(600_000)
  await world.send()
  t.equal(world.received.length, 1)
  t.match(await world.pushes(ann.id), [{ state: 'unknown' }])
})

t.test('what a process that ended was sending is of unknown outcome', async (t) => {
  const world = await createPushWorld(t)
  const ann = world.person()
  await world.subscribe(ann)
  await world.outbid(ann)
  await world.database.pool.query(`update deliveries set state = 'sending' where channel = 'push'`)
  t.equal(await abandonPushes(world.db, 60), 0)
  await world.letTimePass(61_000)
  t.equal(await abandonPushes(world.db, 60), 1)
  await world.send()
  t.match(await world.pushes(ann.id), [{ state: 'unknown' }])
})

t.test('a user who leads again by then gets no message', async (t) => {
  const world = await createPushWorld(t)
  const ann = world.person()
  await world.subscribe(ann)
  const item = await world.outbid(ann)
  await world.consume([placed(item, 4, ann.id)])
  await world.send()
  t.equal(world.received.length, 0)
  t.match(await world.pushes(ann.id), [{ state: 'dropped', reason: 'leads_again' }])
})

t.test('an address that is not public is neither subscribed nor called', async (t) => {
  const world = await createPushWorld(t)
  const ann = world.person()
  const { keys } = createBrowser()
  for (const endpoint of [
    'https://127.0.0.1:8443/x',
    'https://[::1]/x',
    'https://auction.example/x',
  ]) {
    t.match(await world.call('POST', SUBSCRIPTIONS, ann, { endpoint, keys }), {
      statusCode: 422,
      body: { code: 'push.endpoint_refused' },
    })
  }
  await world.subscribe(ann)
  await world.database.pool.query(
    `update push_subscriptions set endpoint = replace(endpoint, '127.0.0.2', '127.0.0.1')`,
  )
  await world.outbid(ann)
  await world.send()
  t.equal(world.received.length, 0)
  t.match(await world.pushes(ann.id), [{ state: 'failed', reason: 'address_refused' }])
})

t.test('keys to which nothing can be encrypted are refused', async (t) => {
  const world = await createPushWorld(t)
  const ann = world.person()
  const { keys } = createBrowser()
  for (const wrong of [
    { ...keys, p256dh: 'A'.repeat(87) },
    { ...keys, auth: 'x' },
    { auth: keys.auth },
  ]) {
    const body = { endpoint: `${world.origin}/x`, keys: wrong }
    t.equal((await world.call('POST', SUBSCRIPTIONS, ann, body)).statusCode, 400)
  }
})

t.test('a browser subscribes once, and belongs to whom used it last', async (t) => {
  const world = await createPushWorld(t)
  const [ann, ben] = [world.person(), world.person()]
  const [browser, endpoint] = [createBrowser(), `${world.origin}/shared`]
  const first = await world.subscribe(ann, browser, endpoint)
  const again = await world.subscribe(ann, browser, endpoint)
  t.equal(again.body.id, first.body.id)
  await world.subscribe(ben, browser, endpoint)
  t.same((await world.call('GET', SUBSCRIPTIONS, ann)).body, { subscriptions: [] })
  t.equal((await world.call('GET', SUBSCRIPTIONS, ben)).body.subscriptions.length, 1)
  const path = `${SUBSCRIPTIONS}/${first.body.id}`
  t.equal((await world.call('DELETE', path, ann)).statusCode, 404)
  t.equal((await world.call('DELETE', path, ben)).statusCode, 204)
})

t.test('a user has at most twenty browsers, also with requests at once', async (t) => {
  const world = await createPushWorld(t)
  const ann = world.person()
  const answers = await Promise.all(Array.from({ length: 23 }, () => world.subscribe(ann)))
  t.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 20)
  t.equal(answers.filter(({ body }) => body.code === 'push.too_many').length, 3)
})

t.test('the browsers of a deleted account are gone', async (t) => {
  const world = await createPushWorld(t)
  const ann = world.person()
  await world.subscribe(ann)
  await world.consume([deleted(ann.id)])
  const { rows } = await world.database.pool.query('select from push_subscriptions')
  t.equal(rows.length, 0)
  t.equal((await world.subscribe(ann)).statusCode, 401)
})

t.test('without keys push is off, and what is due is dropped', async (t) => {
  const world = await createPushWorld(t)
  const ann = world.person()
  await world.subscribe(ann)
  await world.outbid(ann)
  await world.send({ vapid: undefined })
  t.equal(world.received.length, 0)
  t.match(await world.pushes(ann.id), [{ state: 'dropped', reason: 'no_subscription' }])
  const off = await createWorld(t)
  const key = await off.app.inject({ method: 'GET', url: '/api/v1/notifications/push-key' })
  t.match(key.json(), { code: 'push.off' })
})
