import { readBounded } from '@auction/common/http/read-bounded.ts'
import type { FastifyRequest } from 'fastify'
import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import { LoginNeededError, UpstreamError } from './service-client.ts'
import { Instant } from './shapes.ts'

const TIMEOUT_MS = 15_000
const BODY_BYTES_MAX = 256 * 1024

const OrNull = Type.Union([Type.String(), Type.Null()])

const Account = Type.Object({
  id: Type.String(),
  name: Type.String(),
  email: Type.String(),
  twoFactorEnabled: Type.Boolean(),
})

const Sessions = Type.Object({
  sessions: Type.Array(
    Type.Object({
      id: Type.String(),
      device: OrNull,
      address: OrNull,
      createdAt: Instant,
      lastSeenAt: Instant,
      current: Type.Boolean(),
    }),
  ),
})

const Passkeys = Type.Object({
  passkeys: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      createdAt: Instant,
      lastUsedAt: Type.Union([Instant, Type.Null()]),
    }),
  ),
})

const DeletionTerms = Type.Object({ days: Type.Integer() })

const RecoveryCodes = Type.Object({ left: Type.Integer() })

const Profile = Type.Object({
  name: Type.String(),
  country: OrNull,
  city: OrNull,
  description: OrNull,
  isBusiness: Type.Boolean(),
  photoUrl: OrNull,
  phone: Type.Optional(OrNull),
})

export type AccountView = Static<typeof Account>
export type SessionView = Static<typeof Sessions>['sessions'][number]
export type PasskeyView = Static<typeof Passkeys>['passkeys'][number]
export type ProfileView = Static<typeof Profile>

export interface IdentityAnswer {
  status: number
  body: Record<string, unknown>
  /** Lines for the browser, as identity wrote them. */
  setCookies: string[]
  /** Of the check that the gateway makes as well. */
  authorization?: string
}

/** A body that is handed on as the browser sent it. */
export interface Upload {
  type: string
  content: Buffer
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** The session of the caller was proved too long ago for what was asked. */
export class ProofNeededError extends Error {
  override readonly name = 'ProofNeededError'
}

/** A browser, in whose name identity is asked several things one after the other. */
export interface Caller {
  /**
   * Answers what identity answered, refusals too. Throws `LoginNeededError` when the session has ended,
   * `ProofNeededError` when it must be proved again, and `UpstreamError` when there is no usable answer.
   */
  ask(method: Method, path: string, body?: object | Upload): Promise<IdentityAnswer>
  /** By the cookie, where a fresh proof is wanted. Undefined when there is no such thing, or not for the caller. */
  read<S extends TSchema>(path: string, schema: S): Promise<Static<S> | undefined>
  /**
   * The token that the gateway would be given for the cookie as it is now: that of the request was made before the
   * proof, and other services than identity look into it. Throws `LoginNeededError` when the session has ended.
   */
  authorization(): Promise<string>
}

export interface Identity {
  /** Does for the browser what its form asks for. Identity itself judges cookie and sender. */
  act(
    request: FastifyRequest,
    method: 'POST' | 'DELETE',
    path: string,
    body?: object,
  ): Promise<IdentityAnswer>
  /**
   * For several steps: a cookie that one of them brings is given to the browser at once, also when a later step
   * fails, and counts for the next step.
   */
  callerOf(request: FastifyRequest, give: (setCookie: string) => void): Caller
  readAccount(request: FastifyRequest): Promise<AccountView>
  readSessions(request: FastifyRequest): Promise<SessionView[]>
  readPasskeys(request: FastifyRequest): Promise<PasskeyView[]>
  readRecoveryCodesLeft(request: FastifyRequest): Promise<number>
  /** How many days an account can be kept that its owner closes; 0 is for good. */
  readDeletionDays(request: FastifyRequest): Promise<number>
  /** The own one, with what only its owner sees. */
  readProfile(request: FastifyRequest, userId: string): Promise<ProfileView>
}

/** Identity, called in the name of the browser that sent a request. */
export function createIdentity(identityUrl: string): Identity {
  async function send(
    method: Method,
    path: string,
    headers: Record<string, string>,
    body?: object | Upload,
  ): Promise<IdentityAnswer> {
    const url = new URL(path, identityUrl)
    try {
      const response = await fetch(url, {
        method,
        ...bodyOf(headers, body),
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      const text = await readBounded(response, BODY_BYTES_MAX)
      const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
      const authorization = response.headers.get('authorization')
      return {
        ...(authorization === null ? {} : { authorization }),
        status: response.status,
        body: isJson && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : {},
        setCookies: response.headers.getSetCookie(),
      }
    } catch (error) {
      throw new UpstreamError(`${url.pathname} could not be asked`, { cause: error })
    }
  }

  async function read<S extends TSchema>(
    request: FastifyRequest,
    path: string,
    schema: S,
  ): Promise<Static<S>> {
    const { authorization = '' } = request.headers
    const { status, body } = await send('GET', path, { authorization })
    if (status === 401) throw new LoginNeededError(`${path} needs a session`)
    if (status !== 200) throw new UpstreamError(`${path} answered ${status}`)
    if (!Value.Check(schema, body)) throw new UpstreamError(`${path} answered another shape`)
    return body
  }

  return {
    act: (request, method, path, body) => send(method, path, senderOf(request), body),
    callerOf(request, give) {
      let { cookie } = request.headers
      const sender = () => {
        const { cookie: _, ...rest } = senderOf(request)
        return cookie === undefined ? rest : { ...rest, cookie }
      }
      const caller: Caller = {
        async ask(method, path, body) {
          const answer = await send(method, path, sender(), body)
          for (const line of answer.setCookies) {
            give(line)
            cookie = withCookie(cookie, line)
          }
          const { code } = answer.body
          if (code === 'identity.unauthenticated') throw new LoginNeededError(`${path} needs one`)
          if (code === 'identity.proof_required') throw new ProofNeededError(path)
          if (answer.status >= 300 && typeof code !== 'string') {
            throw new UpstreamError(`${path} answered ${answer.status}`)
          }
          return answer
        },
        async read(path, schema) {
          const { status, body } = await caller.ask('GET', path)
          if (status === 403 || status === 404) return undefined
          if (status !== 200) throw new UpstreamError(`${path} answered ${status}`)
          if (!Value.Check(schema, body)) throw new UpstreamError(`${path} answered another shape`)
          return body
        },
        async authorization() {
          const path = '/identity/validate'
          const { status, authorization } = await send('GET', path, {
            ...sender(),
            'x-forwarded-method': request.method,
          })
          if (status === 401) throw new LoginNeededError(`${path} needs a session`)
          if (authorization === undefined) throw new UpstreamError(`${path} gave no token`)
          return authorization
        },
      }
      return caller
    },
    readAccount: (request) => read(request, '/identity/me', Account),
    readSessions: async (request) => (await read(request, '/identity/sessions', Sessions)).sessions,
    readPasskeys: async (request) => (await read(request, '/identity/passkeys', Passkeys)).passkeys,
    readRecoveryCodesLeft: async (request) =>
      (await read(request, '/identity/2fa/recovery-codes', RecoveryCodes)).left,
    async readDeletionDays(request) {
      const path = '/identity/deletion'
      const { status, body } = await send('GET', path, senderOf(request))
      // An identity of the version before, in an update, deletes after a minute.
      if (status === 404) return 0
      if (status !== 200) throw new UpstreamError(`${path} answered ${status}`)
      if (!Value.Check(DeletionTerms, body))
        throw new UpstreamError(`${path} answered another shape`)
      return body.days
    },
    readProfile: (request, userId) =>
      read(request, `/api/v1/user-profiles/${encodeURIComponent(userId)}`, Profile),
  }
}

function bodyOf(
  headers: Record<string, string>,
  body: object | Upload | undefined,
): { headers: Record<string, string>; body?: string | Uint8Array<ArrayBuffer> } {
  const accepting = { accept: 'application/json', ...headers }
  if (body === undefined) return { headers: accepting }
  if ('content' in body && Buffer.isBuffer(body.content)) {
    const { type, content } = body as Upload
    return { headers: { ...accepting, 'content-type': type }, body: new Uint8Array(content) }
  }
  return {
    headers: { ...accepting, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }
}

/** A Cookie header after the browser took a Set-Cookie line. */
function withCookie(header: string | undefined, line: string): string | undefined {
  const [pair = ''] = line.split(';')
  const [name = ''] = pair.split('=')
  const others = (header ?? '')
    .split(';')
    // Not trim(): a name that begins with another space is another name for the browser.
    .map((one) => one.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((one) => one !== '' && !one.startsWith(`${name}=`))
  const isRemoved = pair === `${name}=`
  const all = isRemoved ? others : [...others, pair]
  return all.length === 0 ? undefined : all.join('; ')
}

/** What identity judges a browser by: its cookies, its page, its name and its address. */
function senderOf({ headers, socket }: FastifyRequest): Record<string, string> {
  const names = [
    'cookie',
    'user-agent',
    'accept-language',
    'sec-fetch-site',
    'origin',
    'traceparent',
  ]
  const own = names.flatMap((name) => {
    const value = headers[name]
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  const peers = [headers['x-forwarded-for'], socket.remoteAddress].flat()
  return {
    ...Object.fromEntries(own),
    'x-forwarded-for': peers.filter((peer) => peer !== undefined).join(', '),
  }
}
