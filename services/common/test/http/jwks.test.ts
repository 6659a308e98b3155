import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { createJwksCache, type JwksOptions } from '#src/http/jwks.ts'
import type { Teardown } from '#src/testing/database.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import { collectLog, serve } from '#test/helper.ts'

type Answer = (response: ServerResponse) => void

function newKey(kid: string) {
  const { publicKey } = generateKeyPairSync('ed25519')
  return {
    jwk: { ...publicKey.export({ format: 'jwk' }), kid },
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}

const json =
  (body: unknown): Answer =>
  (response) =>
    void response.end(typeof body === 'string' ? body : JSON.stringify(body))

/** An identity service whose answer a test may change, and a cache that asks it. */
async function startKeys(t: Teardown, first: Answer, options: JwksOptions = {}) {
  const state = { answer: first, fetches: 0 }
  const url = await serve(t, (_request, response) => {
    state.fetches += 1
    state.answer(response)
  })
  const { log, lines } = collectLog()
  // Only a test of a fetch that does not end may depend on how long one takes.
  const cache = createJwksCache(`${url}/jwks.json`, log, { fetchTimeoutMs: 60_000, ...options })
  return { state, lines, cache }
}

t.test('keys are fetched once, however many ask at the same time', async (t) => {
  const key = newKey('a')
  const { cache, state } = await startKeys(t, json({ keys: [key.jwk] }))
  const pems = await Promise.all(Array.from({ length: 50 }, () => cache.publicKey('a')))
  t.ok(pems.every((pem) => pem === key.pem))
  t.equal(createPublicKey(key.pem).asymmetricKeyType, 'ed25519')
  await cache.publicKey('a')
  t.equal(state.fetches, 1)
})

t.test('unknown key ids cause one fetch in ten seconds and no more', async (t) => {
  const { cache, state } = await startKeys(t, json({ keys: [newKey('a').jwk] }))
  const { now } = performance
  t.teardown(() => {
    performance.now = now
  })
  const startedAtMs = performance.now()
  performance.now = () => startedAtMs
  await cache.publicKey('a')
  for (const kid of ['b', 'c', '__proto__', 'constructor', ''])
    await t.rejects(cache.publicKey(kid), /unknown signing key/)
  await t.rejects(cache.publicKey(undefined), /names no signing key/)
  await Promise.all(
    Array.from({ length: 100 }, (_, count) => t.rejects(cache.publicKey(`forged-${count}`))),
  )
  performance.now = () => startedAtMs + 9_999
  await t.rejects(cache.publicKey('b'), /unknown signing key/)
  t.equal(state.fetches, 1)
  performance.now = () => startedAtMs + 10_001
  await t.rejects(cache.publicKey('b'), /unknown signing key/)
  t.equal(state.fetches, 2)
})

t.test('a new key is found as soon as a fetch is allowed again', async (t) => {
  const [old, young] = [newKey('old'), newKey('young')]
  const { cache, state } = await startKeys(t, json({ keys: [old.jwk] }), { refetchIntervalMs: 50 })
  await cache.publicKey('old')
  state.answer = json({ keys: [old.jwk, young.jwk] })
  const pem = await waitFor('the new key', () => cache.publicKey('young').catch(() => undefined))
  t.equal(pem, young.pem)
})

t.test('known keys survive an outage, and a retired one stops working after it', async (t) => {
  const [kept, retired] = [newKey('kept'), newKey('retired')]
  const { cache, state, lines } = await startKeys(t, json({ keys: [kept.jwk, retired.jwk] }), {
    refetchIntervalMs: 10,
    refreshIntervalMs: 10,
  })
  await cache.publicKey('kept')
  state.answer = (response) => void response.destroy()
  await waitFor('three vain fetches', async () => {
    t.equal(await cache.publicKey('kept'), kept.pem)
    return state.fetches >= 4
  })
  t.equal(await cache.publicKey('retired'), retired.pem)
  t.match(lines, [{ level: 'warn', msg: 'signing keys could not be fetched' }])

  state.answer = json({ keys: [kept.jwk] })
  const refusal = await waitFor('the retired key to be gone', async () => {
    t.equal(await cache.publicKey('kept'), kept.pem)
    return cache.publicKey('retired').then(
      () => undefined,
      (error: unknown) => error,
    )
  })
  t.match(refusal, { message: 'unknown signing key' })
})

t.test('an unknown key while identity is away is a 503: it may be a new one', async (t) => {
  const [old, young] = [newKey('old'), newKey('young')]
  const { cache, state } = await startKeys(t, json({ keys: [old.jwk] }), { refetchIntervalMs: 50 })
  await cache.publicKey('old')
  await t.rejects(cache.publicKey('young'), /unknown signing key/, 'identity said just now: no')
  state.answer = (response) => void response.destroy()
  const refusal = await waitFor('another answer', () =>
    cache.publicKey('young').then(
      () => undefined,
      (error: Error) => (error.message === 'unknown signing key' ? undefined : error),
    ),
  )
  t.match(refusal, { code: 'service.unavailable', statusCode: 503 })
  const fetches = state.fetches
  await Promise.all(
    Array.from({ length: 50 }, (_, count) =>
      t.rejects(cache.publicKey(`forged-${count}`), { code: 'service.unavailable' }),
    ),
  )
  t.ok(state.fetches <= fetches + 1, 'forged ids ask no more often for it')
  await t.rejects(cache.publicKey(undefined), /names no signing key/, 'which no fetch can mend')
  state.answer = json({ keys: [old.jwk, young.jwk] })
  const pem = await waitFor('the new key', () => cache.publicKey('young').catch(() => undefined))
  t.equal(pem, young.pem)
})

t.test('after a quiet night the first call already refuses a retired key', async (t) => {
  const [kept, retired] = [newKey('kept'), newKey('retired')]
  const { cache, state } = await startKeys(t, json({ keys: [kept.jwk, retired.jwk] }), {
    refetchIntervalMs: 1,
    refreshIntervalMs: 1,
  })
  await cache.publicKey('retired')
  state.answer = json({ keys: [kept.jwk] })
  const quietUntilMs = performance.now() + 5
  await waitFor('the night to pass', () => performance.now() > quietUntilMs)
  await t.rejects(cache.publicKey('retired'), /unknown signing key/)
  t.equal(await cache.publicKey('kept'), kept.pem)
})

t.test('without any key the answer is 503, and each caller tries again', async (t) => {
  const key = newKey('a')
  const { cache, state } = await startKeys(t, (response) => void response.writeHead(500).end())
  const unavailable = { code: 'service.unavailable', statusCode: 503 }
  await t.rejects(cache.publicKey('a'), unavailable)
  await t.rejects(cache.publicKey('a'), unavailable)
  t.equal(state.fetches, 2)
  state.answer = json({ keys: [key.jwk] })
  t.equal(await cache.publicKey('a'), key.pem)
})

t.test('an answer that is no set of keys changes nothing and does no harm', async (t) => {
  const key = newKey('a')
  const { cache, state, lines } = await startKeys(t, json({ keys: [key.jwk] }), {
    refetchIntervalMs: 0,
    fetchTimeoutMs: 200,
  })
  await waitFor('the first keys', () => cache.publicKey('a').catch(() => undefined))
  const { d: _none, ...rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export(
    {
      format: 'jwk',
    },
  )
  const evil = newKey('evil').jwk
  const endless: Answer = (response) => {
    const more = () => {
      while (!response.destroyed && response.write(' '.repeat(16_384)));
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  }
  const answers: Record<string, Answer> = {
    'no JSON': json('<html>'),
    null: json('null'),
    'a list': json([]),
    'no list of keys': json({ keys: 'all' }),
    'no keys': json({ keys: [] }),
    'keys of no kind': json({ keys: [null, 5, 'a', {}, []] }),
    'another kind of key': json({ keys: [{ ...rsa, kid: 'evil' }] }),
    'a secret': json({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'evil' }] }),
    'a broken key': json({ keys: [{ ...evil, x: 'AAAA' }] }),
    'an id that is no text': json({ keys: [{ ...evil, kid: 5 }] }),
    'too long': json({ keys: [evil], padding: 'x'.repeat(64 * 1024) }),
    'never ending': endless,
    silent: () => undefined,
    elsewhere: (response) => void response.writeHead(302, { location: '/evil' }).end(),
    'not found': (response) => void response.writeHead(404).end(JSON.stringify({ keys: [evil] })),
  }
  for (const [title, answer] of Object.entries(answers)) {
    state.answer = answer
    lines.length = 0
    await t.rejects(cache.publicKey('evil'), { code: 'service.unavailable' }, title)
    t.match(lines, [{ level: 'warn' }], title)
    t.equal(await cache.publicKey('a'), key.pem, title)
  }
})

t.test('an unreadable key does not cost the others', async (t) => {
  const key = newKey('a')
  const broken = { ...newKey('b').jwk, x: 'AAAA' }
  const { cache } = await startKeys(t, json({ keys: [null, broken, key.jwk] }))
  t.equal(await cache.publicKey('a'), key.pem)
  await t.rejects(cache.publicKey('b'), /unknown signing key/)
})
