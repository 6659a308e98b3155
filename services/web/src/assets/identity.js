// Talks to the identity API as the person who is logged in in this tab. Tokens live in the tab's
// session storage: they end with it, and no other site can make this browser send them.
const STORE = 'identity'

/** A refusal, with the stable code to decide by and the message to show. */
export class Refusal extends Error {
  constructor({ code = 'unknown', message = 'Something went wrong. Try again.', details }) {
    super(message)
    this.code = code
    this.details = details
  }
}

export function isLoggedIn() {
  return sessionStorage.getItem(STORE) !== null
}

export function remember({ token, refreshToken }) {
  const known = JSON.parse(sessionStorage.getItem(STORE) ?? '{}')
  sessionStorage.setItem(
    STORE,
    JSON.stringify({ ...known, token, ...(refreshToken && { refreshToken }) }),
  )
}

export function forget() {
  sessionStorage.removeItem(STORE)
}

/** Sends a request without a session. */
export function ask(method, path, body) {
  return send(method, path, body)
}

/** Sends a request as the person logged in; an access token that ran out is renewed once. */
export async function askAsUser(method, path, body) {
  try {
    return await send(method, path, body, stored().token)
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'identity.unauthenticated') throw error
    await renew()
    return send(method, path, body, stored().token)
  }
}

function stored() {
  return JSON.parse(sessionStorage.getItem(STORE) ?? '{}')
}

let renewing

/** Requests that fail together share one renewal: a refresh token works once. */
function renew() {
  renewing ??= ask('POST', '/identity/token/refresh', {
    refreshToken: stored().refreshToken ?? '-',
  })
    .then(remember)
    .catch((error) => {
      if (error instanceof Refusal && error.code !== 'unreachable') forget()
      throw error
    })
    .finally(() => {
      renewing = undefined
    })
  return renewing
}

async function send(method, path, body, token) {
  const headers = {}
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (token !== undefined) headers.authorization = `Bearer ${token}`
  const response = await fetch(path, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Refusal({ code: 'unreachable', message: 'The server cannot be reached. Try again.' })
  })
  const text = await response.text()
  const answer = response.headers.get('content-type')?.startsWith('application/json')
    ? JSON.parse(text)
    : {}
  if (!response.ok) throw new Refusal(answer)
  return { status: response.status, ...answer }
}
