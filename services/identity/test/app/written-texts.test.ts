import {
  escapeBodies,
  freeStringsOf,
  kindNames,
  kindsByPlace,
  largestTexts,
  namesOf,
  unreadColumns,
} from '@auction/common/testing/written-texts.ts'
import t from 'tap'
import { TEXTS } from '#src/domain/texts.ts'
import { bearer } from '#test/authenticator-app.ts'
import { startIdentity } from '#test/helper.ts'
import { person } from '#test/operators.ts'
import { createAuthenticator } from '#test/software-authenticator.ts'

type Identity = Awaited<ReturnType<typeof startIdentity>>
interface Answer {
  statusCode: number
  body: string
}
type Sender = (identity: Identity, text: string) => Promise<Answer>

let count = 0
const address = () => {
  count += 1
  return `user${count}@example.org`
}
const newUser = async (identity: Identity) => {
  const { id } = (await identity.register({ email: address() })).json()
  const { token } = (await identity.login({ email: `user${count}@example.org` })).json()
  return { id: String(id), as: bearer(identity, token), token: String(token) }
}
const profile =
  (field: string): Sender =>
  async (identity, text) => {
    const { id, token } = await newUser(identity)
    return identity.app.inject({
      method: 'PUT',
      url: `/api/v1/user-profiles/${id}`,
      headers: { authorization: `Bearer ${token}` },
      payload: { [field]: text },
    })
  }
const addPasskey = async (identity: Identity, name: string) => {
  const user = await newUser(identity)
  const options = (await user.as.post('passkeys/register/options')).json()
  const credential = createAuthenticator().create(options)
  return { ...user, answer: await user.as.post('passkeys/register/verify', { name, credential }) }
}
const operate = async (identity: Identity, verb: string, reason: string) => {
  const operator = await person(identity, address(), '{user,admin}')
  const { id } = await newUser(identity)
  if (verb === 'reinstate') await operator.call('POST', `users/${id}/suspend`, { reason: 'spam' })
  const { status, body } = await operator.call('POST', `users/${id}/${verb}`, { reason })
  return { statusCode: status, body: JSON.stringify(body) }
}

/** One request for each place where people write a text. */
const SENDERS: Record<string, Sender> = {
  'POST /identity/register body.name': (identity, name) =>
    identity.register({ name, email: address() }),
  'PUT /api/v1/user-profiles/{id} body.name': profile('name'),
  'PUT /api/v1/user-profiles/{id} body.city': profile('city'),
  'PUT /api/v1/user-profiles/{id} body.description': profile('description'),
  'POST /identity/passkeys/register/verify body.name': async (identity, name) =>
    (await addPasskey(identity, name)).answer,
  'PATCH /identity/passkeys/{id} body.name': async (identity, name) => {
    const { answer, token } = await addPasskey(identity, 'my phone')
    return identity.app.inject({
      method: 'PATCH',
      url: `/identity/passkeys/${answer.json().id}`,
      headers: { authorization: `Bearer ${token}` },
      payload: { name },
    })
  },
  'POST /identity/users/{id}/suspend body.reason': (identity, reason) =>
    operate(identity, 'suspend', reason),
  'POST /identity/users/{id}/reinstate body.reason': (identity, reason) =>
    operate(identity, 'reinstate', reason),
}

/** Strings that no person reads, each with a reader of its own. */
const OTHERS = new Set([
  'email',
  'password',
  'newPassword',
  'currentPassword',
  'code',
  'token',
  'refreshToken',
  'jwt',
  'phone',
  'country',
  'version',
  'v',
  'idempotency-key',
  'locale',
])

const INVISIBLE = '\u3164\u2800\u200b'
const OPTIONAL = new Set<string>([TEXTS.city.name, TEXTS.description.name])
const open = { throttles: { triesPerAddress: 10_000 } }

t.test('every string that people write is read as one, and no other is', async (t) => {
  const { app } = await startIdentity(t)
  const strings = await freeStringsOf(app)
  const texts = strings.filter(({ kind }) => kind !== undefined)
  t.strictSame(texts.map(({ place }) => place).sort(), Object.keys(SENDERS).sort())
  const others = strings.filter(({ kind }) => kind === undefined)
  t.strictSame(
    others.filter(({ place }) => !OTHERS.has(place.split('.').at(-1) ?? '')),
    [],
  )
  t.strictSame(kindNames(strings), namesOf(TEXTS))
})

t.test(
  'every text is composed and trimmed, and refused when there is nothing to see',
  async (t) => {
    const identity = await startIdentity(t, open)
    const kinds = kindsByPlace(await freeStringsOf(identity.app))
    for (const [place, send] of Object.entries(SENDERS)) {
      const kind = kinds.get(place) ?? ''
      const written = await send(identity, `\u00a0${'Zoë й 한 が'.normalize('NFD')}\u200b`)
      t.ok(written.statusCode < 300, `${place}: ${written.body}`)
      const invisible = await send(identity, INVISIBLE)
      t.equal(invisible.statusCode < 300, OPTIONAL.has(kind), `${place}: nothing to see`)
      t.notMatch(invisible.body, /\u3164/, `${place}: nothing of it is shown`)
      for (const wrong of ['a\0b', 'a\x1bb', 'a\u202eb', 'a\u2066b', 'a\u200bb', 'a\ud800b']) {
        t.equal((await send(identity, wrong)).statusCode, 400, `${place}: ${JSON.stringify(wrong)}`)
      }
    }
    t.strictSame(await unreadColumns(identity.pool), [])
  },
)

t.test('every text may have as many characters as its kind says', async (t) => {
  const identity = await startIdentity(t, open)
  const byName = new Map(Object.values(TEXTS).map((kind) => [kind.name as string, kind]))
  for (const { place, kind } of await freeStringsOf(identity.app)) {
    const [text, send] = [byName.get(kind ?? ''), SENDERS[place]]
    if (text === undefined || send === undefined) continue
    for (const character of ['é'.normalize('NFD'), '京', '🥄', '👩‍🚀']) {
      if (Buffer.byteLength(character) * text.charactersMax > text.bytesMax) continue
      // Signs alone are no reason.
      const of = (length: number) => `a${character.repeat(length - 1)}`
      const answer = await send(identity, of(text.charactersMax))
      t.ok(answer.statusCode < 300, `${place}: ${character} ${answer.body.slice(0, 200)}`)
      const refused = await send(identity, of(text.charactersMax + 1))
      t.equal(refused.statusCode, 400, `${place}: one more ${character}`)
    }
  }
})

t.test(
  'the largest text of every kind arrives, also when its characters are escaped',
  async (t) => {
    const identity = await startIdentity(t, open)
    escapeBodies(identity.app)
    for (const { place, text } of await largestTexts(identity.app, TEXTS)) {
      const send = SENDERS[place]
      if (send === undefined) continue
      const answer = await send(identity, text)
      t.ok(answer.statusCode < 300, `${place}: ${answer.body.slice(0, 200)}`)
    }
  },
)
