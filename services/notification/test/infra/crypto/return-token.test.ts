import { randomBytes, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { addressDigest } from '#src/infra/crypto/address-digest.ts'
import { readReturn, signReturn } from '#src/infra/crypto/return-token.ts'

const key = randomBytes(32)
const sentAt = new Date('2026-11-29T09:30:00Z')
const sign = (to = 'ann@example.test', mailId = randomUUID()) =>
  signReturn(key, { mailId, to, sentAt })

t.test('the word of a mail says which address and when, also after servers rewrote it', (t) => {
  const token = sign()
  t.match(token, /^[a-z2-7]{52}$/)
  for (const text of [
    token,
    `bounces+${token}@example.test`,
    `<BOUNCES+${token.toUpperCase()}@EXAMPLE.TEST>`,
    `SRS0=xY9z=TT=example.test=bounces+${token}@relay.example`,
    `${'b'.repeat(52)} ${token}`,
  ]) {
    t.match(
      readReturn(key, text),
      {
        addressDigest: addressDigest('Ann@example.test'),
        sentAt: new Date('2026-11-29T09:00:00Z'),
      },
      text,
    )
  }
  t.end()
})

t.test('all that is reported of one mail has one tag, and two mails have two', (t) => {
  const id = randomUUID()
  const tagOf = (token: string) => readReturn(key, token)?.mailTag.toString('hex')
  t.equal(tagOf(sign('a@x.test', id)), tagOf(sign('b@x.test', id)))
  t.not(tagOf(sign()), tagOf(sign()))
  t.end()
})

t.test('no other word is one, however little differs', (t) => {
  const token = sign()
  // The last letter has four bits that mean nothing.
  for (let at = 0; at < token.length - 1; at += 1) {
    const other = token[at] === 'a' ? 'b' : 'a'
    t.equal(readReturn(key, token.slice(0, at) + other + token.slice(at + 1)), undefined, `${at}`)
  }
  t.equal(readReturn(randomBytes(32), token), undefined, 'another key')
  t.equal(readReturn(key, `a${token}`), undefined)
  t.equal(readReturn(key, token.slice(1)), undefined)
  fc.assert(fc.property(fc.string(), (text) => readReturn(key, text) === undefined))
  t.end()
})
