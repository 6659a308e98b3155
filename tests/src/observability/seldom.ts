import { randomUUID } from 'node:crypto'
import { generate } from 'otplib'
import type { ApiClient } from '#src/api-client.ts'
import { insist, join, PASSWORD, type Person } from '#src/people.ts'

/** More than an account has, so that its limit is reached. */
const GUESSES = 12
const CROWD = 100
const CROWDS_MAX = 20

/** Once each of what happens seldom and has a panel: second factors, fresh proofs, guesses, 429. */
export async function causeSeldomThings(client: ApiClient): Promise<void> {
  const unique = randomUUID().slice(0, 8)
  const careful = await join(client, 'Cai', `cai-${unique}`)
  await turnOnSecondFactor(client, careful)
  const owner = await join(client, 'Ora', `ora-${unique}`)
  await proveAgain(client, owner)
  for (let guess = 0; guess < GUESSES; guess += 1) {
    const body = { email: owner.email, password: `guess ${guess} of a stranger` }
    await insist(client, 'POST', '/identity/login', { body, accept: [401, 429] })
  }
  await crowd(client)
}

async function turnOnSecondFactor(client: ApiClient, { token }: Person): Promise<void> {
  const { body } = await insist(client, 'POST', '/identity/2fa/enable', { token, accept: [200] })
  const code = await generate({ secret: String(body.secret) })
  await insist(client, 'POST', '/identity/2fa/verify', { token, body: { code }, accept: [200] })
}

async function proveAgain(client: ApiClient, { token }: Person): Promise<void> {
  const body = { password: PASSWORD }
  await insist(client, 'POST', '/identity/reauthenticate', { token, body, accept: [200] })
  const unknown = Buffer.alloc(64).toString('base64url')
  const response = { clientDataJSON: unknown, authenticatorData: unknown, signature: unknown }
  const credential = { id: unknown, rawId: unknown, type: 'public-key', response }
  await insist(client, 'POST', '/identity/passkeys/login/verify', {
    body: { credential: { ...credential, clientExtensionResults: {} } },
    accept: [401],
  })
}

/** Too many at once for one address: the gateway answers some of them itself. */
async function crowd(client: ApiClient): Promise<void> {
  for (let attempt = 0; attempt < CROWDS_MAX; attempt += 1) {
    const answers = await Promise.all(
      Array.from({ length: CROWD }, () => client.request('GET', '/identity/nothing-here')),
    )
    if (answers.some(({ statusCode }) => statusCode === 429)) return
  }
  throw new Error('the gateway throttled no client')
}
