import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { generate } from 'otplib'
import type { ApiClient } from '#src/api-client.ts'
import { insist, join, logIn, PASSWORD, type Person } from '#src/people.ts'

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const decode = (text = '') =>
  JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>

/** Everything that looks like a token of the victim and must open nothing, by name. */
export async function badTokens(client: ApiClient, victim: Person): Promise<Map<string, string>> {
  const [header, payload, signature = ''] = victim.token.split('.')
  const head = decode(header)
  const claims = decode(payload)
  const { privateKey } = generateKeyPairSync('ed25519')
  const byStranger = (changes: object) => {
    const text = `${header}.${encode({ ...claims, ...changes })}`
    return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`
  }
  const ended = await logIn(client, victim.email)
  await insist(client, 'POST', '/identity/logout', { token: ended, accept: [200, 204] })
  const login = await insist(client, 'POST', '/identity/login', {
    body: { email: victim.email, password: PASSWORD },
    accept: [200],
  })
  return new Map([
    ['garbage', 'garbage'],
    ['of no algorithm, unsigned', `${encode({ ...head, alg: 'none' })}.${payload}.`],
    ['of no algorithm, signed', `${encode({ ...head, alg: 'none' })}.${payload}.${signature}`],
    ['of another algorithm', `${encode({ ...head, alg: 'HS256' })}.${payload}.${signature}`],
    ['of an unknown key', `${encode({ ...head, kid: 'another' })}.${payload}.${signature}`],
    ['with other claims', `${header}.${encode({ ...claims, roles: ['admin'] })}.${signature}`],
    ['of a stranger’s key', byStranger({})],
    ['of a stranger’s key, expired', byStranger({ exp: 1 })],
    ['of a stranger’s key, for another audience', byStranger({ aud: 'internal:bid' })],
    ['of a session that ended', ended],
    ['to refresh with', String(login.body.refreshToken)],
    ['of a login that waits for its second factor', await pendingToken(client)],
  ])
}

/** The token of a user who gave the password and not yet the code. */
async function pendingToken(client: ApiClient): Promise<string> {
  const person = await join(client, 'careful', `careful-${randomUUID().slice(0, 8)}`)
  const { token, email } = person
  const { body } = await insist(client, 'POST', '/identity/2fa/enable', { token, accept: [200] })
  const code = await generate({ secret: String(body.secret) })
  await insist(client, 'POST', '/identity/2fa/verify', { token, body: { code }, accept: [200] })
  const login = await insist(client, 'POST', '/identity/login', {
    body: { email, password: PASSWORD },
    accept: [202],
  })
  return String(login.body.pendingToken ?? login.body.token)
}
