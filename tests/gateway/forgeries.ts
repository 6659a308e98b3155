import { type Claim, type Lie, tellLie } from './lies.ts'
import { createRandom, type Random } from './random.ts'

/** A route that shows who the platform takes the caller for. */
export interface Target {
  readonly name: string
  readonly service: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: unknown
  /** The token of another user than the one to be impersonated. */
  readonly token?: string
  /** No caller may pass without a token. */
  readonly isGuarded: boolean
}

/** One request as it goes over the wire. */
export interface Forgery {
  readonly target: Target
  readonly how: string
  /** Latin-1, so that a character is a byte. */
  readonly bytes: string
  /** The request line is what a browser would write, so the answer is that of the target. */
  readonly isOrdinaryLine: boolean
  /** A second request is in the body of the first, or behind it. */
  readonly hidesRequest: boolean
}

export interface ForgeryOptions {
  readonly seed: number
  readonly host: string
  readonly targets: readonly Target[]
  readonly claims: readonly Claim[]
}

/** Requests without end, no two of them alike, the same for the same options. */
export function* forge(options: ForgeryOptions): Generator<Forgery, never> {
  const random = createRandom(options.seed)
  const seen = new Set<string>()
  for (;;) {
    const forgery = forgeOne(options, random)
    if (seen.has(forgery.bytes)) continue
    seen.add(forgery.bytes)
    yield forgery
  }
}

const CLAIM_COUNTS = [1, 1, 1, 2, 3]
const HIDING = 0.08

function forgeOne({ targets, claims, host }: ForgeryOptions, random: Random): Forgery {
  const target = random.pick(targets)
  const count = random.pick(CLAIM_COUNTS)
  const lies = Array.from({ length: count }, () => tellLie(random.pick(claims), random))
  const line = requestLine(target, host, random)
  const own = [`Host: ${host}`]
  if (target.token !== undefined) own.push(`Authorization: Bearer ${target.token}`)
  // Half of them hope that the first one counts, half that the last one does.
  const lines = random.chance(0.5)
    ? [...own, ...lies.flatMap((lie) => lie.lines)]
    : [own[0] ?? '', ...lies.flatMap((lie) => lie.lines), ...own.slice(1)]
  if (!lines.some((one) => one.startsWith('Connection:'))) lines.push('Connection: close')
  const hidesRequest = random.chance(HIDING)
  const { headers, body, how } = hidesRequest
    ? hideRequest(random.pick(targets), random.pick(claims), host, random)
    : plainBody(target, lies)
  return {
    target,
    how: [...lies.map((lie) => lie.how), line.how, how].filter(Boolean).join(', '),
    bytes: `${line.text}\r\n${[...lines, ...headers].join('\r\n')}\r\n\r\n${body}`,
    isOrdinaryLine: line.how === '' && !hidesRequest,
    hidesRequest,
  }
}

type Twist = (path: string, host: string) => string

// Only what a browser would never write: the answer may then be that of another page.
const TWISTS: Readonly<Record<string, Twist>> = {
  'an absolute address': (path, host) => `http://${host}${path}`,
  'the address of another': (path) => `http://identity.invalid${path}`,
  'two slashes in front': (path) => `/${path}`,
  'two slashes inside': (path) => path.replace(/(?<=.)\//, '//'),
  'a dot segment': (path) => `/.${path}`,
  'up out of a public prefix': (path) => `/identity/..${path}`,
  'up with encoded dots': (path) => `/identity/%2e%2e${path}`,
  'up with half encoded dots': (path) => `/identity/.%2E${path}`,
  'up with an encoded slash': (path) => `/identity/..%2f${path.slice(1)}`,
  'up with an encoded backslash': (path) => `/identity/..%5c${path.slice(1)}`,
  'up with a backslash': (path) => `/identity/..\\${path.slice(1)}`,
  'up with a parameter': (path) => `/identity/..;${path}`,
  'up with twice encoded dots': (path) => `/identity/%252e%252e${path}`,
  'a parameter': (path) => `${path};user=1`,
  'a slash at the end': (path) => `${path}/`,
  'an encoded slash': (path) => path.replace(/(?<=.)\//, '%2F'),
  'an encoded null': (path) => `${path}%00`,
  'an encoded letter': (path) => path.replace(/i/, '%69'),
  'an encoded question mark': (path) => `/identity%3f/..${path}`,
  'an encoded hash': (path) => `/identity%23/..${path}`,
  'capital letters': (path) => path.toUpperCase(),
  'no slash in front': (path) => path.slice(1),
}

const TWISTED = 0.25

function requestLine(target: Target, host: string, random: Random): { text: string; how: string } {
  const how: string[] = []
  let path = target.path
  if (random.chance(TWISTED)) {
    const name = random.pick(Object.keys(TWISTS))
    how.push(name)
    path = TWISTS[name]?.(path, host) ?? path
  }
  let method: string = target.method
  if (random.chance(0.04)) {
    method = random.pick([method.toLowerCase(), `${method[0]}${method.slice(1).toLowerCase()}`])
    how.push('an oddly written method')
  }
  let version = 'HTTP/1.1'
  if (random.chance(0.08)) {
    version = 'HTTP/1.0'
    how.push(version)
  }
  return { text: `${method} ${path} ${version}`, how: how.join(', ') }
}

interface Framed {
  readonly headers: readonly string[]
  readonly body: string
  readonly how: string
}

function plainBody({ method, body }: Target, lies: readonly Lie[]): Framed {
  const text = body === undefined ? '' : JSON.stringify(body)
  const type = body === undefined ? [] : ['Content-Type: application/json']
  const trailers = lies.flatMap((lie) => lie.trailers ?? [])
  if (trailers.length > 0) {
    const chunk = text === '' ? '' : `${text.length.toString(16)}\r\n${text}\r\n`
    return {
      headers: [...type, 'Transfer-Encoding: chunked'],
      body: `${chunk}0\r\n${trailers.map((line) => `${line}\r\n`).join('')}\r\n`,
      how: '',
    }
  }
  const headers = method === 'GET' ? [] : [...type, `Content-Length: ${text.length}`]
  return { headers, body: method === 'GET' ? '' : text, how: '' }
}

const ENCODINGS = [
  'Transfer-Encoding: chunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding:\tchunked',
  'Transfer-Encoding: \vchunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
  'Transfer_Encoding: chunked',
  'X: x\nTransfer-Encoding: chunked',
]

/** Two lengths for one body: a server that believes the other one finds a request of ours behind it. */
function hideRequest(target: Target, claim: Claim, host: string, random: Random): Framed {
  const { name, value } = claim
  const hidden =
    `${target.method} ${target.path} HTTP/1.1\r\nHost: ${host}\r\n` +
    `${name}: ${value}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
  const body = `0\r\n\r\n${hidden}`
  const length = random.pick([body.length, body.length, 0, 5])
  return {
    headers: [random.pick(ENCODINGS), `Content-Length: ${length}`],
    body,
    how: 'a hidden request',
  }
}
