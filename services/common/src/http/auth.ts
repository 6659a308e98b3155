import { hash } from 'node:crypto'
import fastifyJwt from '@fastify/jwt'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { type ErrorFactory, ServiceError } from './errors.ts'
import type { JwksCache } from './jwks.ts'

/** Who may call a route. Every route declares one in `config.auth`, or the boot stops. */
export type AuthMode = 'public' | 'optional' | 'bearer' | 'service'

/**
 * Who of those that are logged in a `bearer` route lets pass: `own` = it knows only the caller's own
 * things, `owner` = it names a thing and only its owner passes, `role` = a role is asked for, `any` =
 * everybody. It stands in the OpenAPI document, and tests/gateway tries every route by it.
 */
export type Access = 'own' | 'owner' | 'role' | 'any'

/** The proven caller of a request. */
export interface Caller {
  readonly id: string
  readonly email: string
  readonly name: string
  readonly roles: readonly string[]
  readonly sessionId: string
}

/** Claims of an access token as identity signs them (blueprint section 4). */
export interface AccessClaims {
  sub: string
  sid: string
  email: string
  name: string
  roles: string[]
  iss: string
  aud: string
  exp: number
}

declare module 'fastify' {
  interface FastifyContextConfig {
    auth?: AuthMode
    access?: Access
  }
  interface FastifyRequest {
    /** Set for `bearer` routes always, for `optional` ones when a valid token came along. */
    caller: Caller | null
  }
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: Partial<AccessClaims>
    user: AccessClaims
  }
}

export const ACCESS_AUDIENCE = 'api'
const TOKEN_LENGTH_MAX = 4_096
const VERIFIED_TOKENS_MAX = 20_000
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export interface AuthOptions {
  issuer: string
  jwks: JwksCache
  /** Name of this service: the audience that a service token must carry. */
  service: string
  internalSecret: string
  unauthenticated: ErrorFactory
}

interface Verified {
  caller: Caller
  keyId: string | undefined
  expiresAtMs: number
}

/**
 * Takes the caller from the bearer token alone, verified against identity's keys; a verified
 * token is remembered until it expires or its key is retired, because EdDSA costs more than the
 * database does (performance.md). Identity headers are never believed: one that differs from the
 * token is a 401.
 */
export const authPlugin = fastifyPlugin<AuthOptions>(
  async (app, options) => {
    const verified = new Map<string, Verified>()
    await app.register(fastifyJwt, {
      secret: async (_request: FastifyRequest, token: unknown) =>
        options.jwks.publicKey(keyIdOf(token)),
      decode: { complete: true },
      verify: {
        algorithms: ['EdDSA'],
        allowedIss: options.issuer,
        allowedAud: ACCESS_AUDIENCE,
        // A claim that is absent is not compared at all, so each one must be asked for as well.
        requiredClaims: ['exp', 'iss', 'aud', 'sub', 'sid'],
      },
    })
    await app.register(fastifyJwt, {
      secret: options.internalSecret,
      namespace: 'internal',
      verify: serviceTokenRules(options.service),
    })
    app.decorateRequest('caller', null)

    const verify = async (request: FastifyRequest): Promise<void> => {
      const token = bearerToken(request)
      if (token === undefined) throw options.unauthenticated()
      const digest = hash('sha256', token, 'base64')
      const known = verified.get(digest)
      if (known !== undefined && (await isStillGood(known, options.jwks))) {
        request.caller = known.caller
        return
      }
      const entry = await verifyWithKeys(request, token, options)
      if (verified.size >= VERIFIED_TOKENS_MAX) forgetOldest(verified)
      verified.set(digest, entry)
      request.caller = entry.caller
    }

    app.addHook('onRequest', async (request: FastifyRequest, _reply: FastifyReply) => {
      const mode = request.routeOptions.config.auth
      if (mode === 'service') return verifyService(request, options)
      if (mode === 'bearer') await verify(request)
      else if (mode === 'optional' && request.headers.authorization !== undefined)
        await verify(request)
      refuseForgedIdentity(request, options.unauthenticated)
    })
  },
  { name: 'auth' },
)

/** Neither expired nor signed with a key that was retired since; the key costs no signature check. */
async function isStillGood({ keyId, expiresAtMs }: Verified, jwks: JwksCache): Promise<boolean> {
  if (expiresAtMs <= Date.now()) return false
  try {
    await jwks.publicKey(keyId)
    return true
  } catch {
    return false
  }
}

async function verifyWithKeys(
  request: FastifyRequest,
  token: string,
  options: AuthOptions,
): Promise<Verified> {
  try {
    const claims = await request.jwtVerify<AccessClaims>()
    if (!UUID.test(claims.sub) || typeof claims.sid !== 'string') throw options.unauthenticated()
    const caller: Caller = Object.freeze({
      id: claims.sub,
      email: String(claims.email ?? ''),
      name: String(claims.name ?? ''),
      roles: Object.freeze(Array.isArray(claims.roles) ? claims.roles.map(String) : []),
      sessionId: claims.sid,
    })
    return {
      caller,
      keyId: keyIdOf(request.server.jwt.decode(token)),
      expiresAtMs: claims.exp * 1000,
    }
  } catch (error) {
    // The keys could not be fetched: that is our failure, and 401 would make clients drop a
    // perfectly good session.
    if (error instanceof ServiceError && error.statusCode === 503) throw error
    throw options.unauthenticated()
  }
}

async function verifyService(request: FastifyRequest, options: AuthOptions): Promise<void> {
  try {
    await (request as unknown as { internalJwtVerify(): Promise<unknown> }).internalJwtVerify()
  } catch {
    throw options.unauthenticated()
  }
}

/**
 * An identity header from outside never counts. One that contradicts the token is an attack or a
 * broken gateway, and is refused rather than ignored; Node joins repeated headers with a comma,
 * so a repeated one differs too.
 */
function refuseForgedIdentity(request: FastifyRequest, unauthenticated: ErrorFactory): void {
  const claimed = request.headers['x-user-id']
  if (claimed !== undefined && request.caller !== null && claimed !== request.caller.id) {
    throw unauthenticated()
  }
}

const bearerToken = (request: FastifyRequest) => bearerOf(request.headers.authorization)

/** What a token of another service must be, over HTTP and over gRPC alike. */
export const serviceTokenRules = (service: string) => ({
  algorithms: ['HS256' as const],
  allowedAud: `internal:${service}`,
  requiredClaims: ['exp', 'aud', 'sub'],
})

/** The token of an Authorization header; undefined when it holds none. */
export function bearerOf(header: string | undefined): string | undefined {
  if (header === undefined || header.length > TOKEN_LENGTH_MAX) return undefined
  return /^Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/.exec(header)?.[1]
}

function keyIdOf(token: unknown): string | undefined {
  if (typeof token !== 'object' || token === null || !('header' in token)) return undefined
  const { header } = token
  if (typeof header !== 'object' || header === null || !('kid' in header)) return undefined
  return typeof header.kid === 'string' ? header.kid : undefined
}

function forgetOldest(verified: Map<string, Verified>): void {
  // A Map iterates in insertion order, so the first tenth is the oldest.
  let count = VERIFIED_TOKENS_MAX / 10
  for (const key of verified.keys()) {
    if (count-- <= 0) break
    verified.delete(key)
  }
}
