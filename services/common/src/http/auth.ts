import { hash } from 'node:crypto'
import fastifyJwt from '@fastify/jwt'
import type { FastifyContextConfig, FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { UUID } from '../ids.ts'
import { type ErrorFactory, ServiceError } from './errors.ts'
import type { JwksCache } from './jwks.ts'

/** Who may call a route. Every route declares one in `config.auth`, or the boot stops. */
export type AuthMode = 'public' | 'optional' | 'bearer' | 'service'

/**
 * Which logged-in users a `bearer` route serves; every such route declares it, or the boot stops.
 * `own` = it touches only the caller's own things, `owner` = it names a thing and its handler lets
 * only the owner pass, `role` = the caller has one of `config.roles`, checked before the handler
 * runs, `any` = every user. It stands in the OpenAPI document, and tests/gateway tries every route.
 */
export type Access = 'own' | 'owner' | 'role' | 'any'

/** The proven caller of a request. */
export interface Caller {
  readonly id: string
  readonly email: string
  readonly name: string
  readonly roles: readonly string[]
  readonly sessionId: string
  /** When the person last proved who they are; undefined when the token does not say. */
  readonly provenAt: Date | undefined
}

/** Claims of an access token as identity signs them (R-SES-1). */
export interface AccessClaims {
  sub: string
  sid: string
  email: string
  name: string
  roles: string[]
  auth_time?: number
  iss: string
  aud: string
  exp: number
}

declare module 'fastify' {
  interface FastifyContextConfig {
    auth?: AuthMode
    access?: Access
    /** For `access: 'role'`: one of these is enough. */
    roles?: readonly string[]
    /** The answer to a caller without such a role; absent: that of AuthOptions. */
    forbidden?: ErrorFactory
  }
  interface FastifyRequest {
    /** Set for `bearer` routes always, for `optional` ones when a valid token came along. */
    caller: Caller | null
    /** The service whose token opened a `service` route; read on any other route it throws. */
    readonly callingService: string
    [PROVEN]: Caller | string | null
  }
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: Partial<AccessClaims>
    /** `request.user`: the caller of a `bearer` route; read on any other route it throws. */
    user: Caller
  }
}

// What the token proved: the caller of a bearer route, the service that calls a service route.
const PROVEN = Symbol('proven')

export const ACCESS_AUDIENCE = 'api'
const TOKEN_LENGTH_MAX = 4_096
const VERIFIED_TOKENS_MAX = 20_000

export interface AuthOptions {
  issuer: string
  jwks: JwksCache
  /** Name of this service: the audience that a service token must carry. */
  service: string
  internalSecret: string
  unauthenticated: ErrorFactory
  /** For `role` routes that name no error of their own. */
  forbidden?: ErrorFactory
  /**
   * The roles that `role` routes compare. Absent: those of the token, which may be ten minutes old.
   * It may throw what the caller is to be answered instead.
   */
  rolesOf?: (request: FastifyRequest) => Promise<readonly string[]>
  /**
   * Runs before the token of a `bearer` or `optional` route is read. Identity puts a token there for
   * the cookie of a browser; it may throw what the caller is to be answered instead.
   */
  beforeToken?: (request: FastifyRequest) => Promise<void>
}

interface InternalVerifier {
  internalJwtVerify(): Promise<{ sub: unknown }>
}

interface Verified {
  caller: Caller
  keyId: string | undefined
  expiresAtMs: number
}

/**
 * Takes the caller from the bearer token alone, verified against identity's keys; a verified
 * token is remembered until it expires or its key is retired, because EdDSA costs more than the
 * database does (R-SES-6). Identity headers are never believed: one that differs from the
 * token is a 401.
 */
export const authPlugin = fastifyPlugin<AuthOptions>(
  async (app, options) => {
    app.addHook('onRoute', (route) => enforceRoles(route, options))
    const verified = new Map<string, Verified>()
    await app.register(fastifyJwt, {
      // `request.user` is ours, see below.
      decoratorName: 'accessClaims',
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
      decoratorName: 'serviceClaims',
      verify: serviceTokenRules(options.service),
    })
    app.decorateRequest('caller', null)
    app.decorateRequest(PROVEN, null)
    declareProven(app, 'user', 'bearer')
    declareProven(app, 'callingService', 'service')

    const verify = async (request: FastifyRequest): Promise<Caller> => {
      const token = bearerToken(request)
      if (token === undefined) throw options.unauthenticated()
      const digest = hash('sha256', token, 'base64')
      const known = verified.get(digest)
      if (known !== undefined && (await isStillGood(known, options.jwks))) return known.caller
      const entry = await verifyWithKeys(request, token, options)
      if (verified.size >= VERIFIED_TOKENS_MAX) forgetOldest(verified)
      verified.set(digest, entry)
      return entry.caller
    }

    app.addHook('onRequest', async (request: FastifyRequest) => {
      const mode = request.routeOptions.config.auth
      if (mode === 'service') {
        request[PROVEN] = await verifyService(request, options)
        return
      }
      if (mode === 'bearer' || mode === 'optional') await options.beforeToken?.(request)
      if (mode === 'bearer') {
        request.caller = await verify(request)
        request[PROVEN] = request.caller
      } else if (mode === 'optional' && request.headers.authorization !== undefined) {
        request.caller = await verify(request)
      }
      refuseForgedIdentity(request, options.unauthenticated)
    })
  },
  { name: 'auth' },
)

/**
 * Declares a property of the request that routes of one mode always have. Read on another route it
 * is a mistake in the code: it throws, and the test of that route finds it.
 */
function declareProven(app: FastifyInstance, name: 'user' | 'callingService', mode: AuthMode) {
  app.decorateRequest(name, {
    getter(this: FastifyRequest) {
      const { config, method, url } = this.routeOptions
      if (config.auth === mode) return this[PROVEN] as never
      throw new Error(`${String(method)} ${url} reads request.${name} but is no ${mode} route`)
    },
  })
}

/** Refuses a route that says too little of who may call it; `name` stands in the error. */
export function assertAccess(
  name: string,
  config: FastifyContextConfig,
  options: Pick<AuthOptions, 'forbidden'>,
): void {
  if (config.auth === 'bearer' && config.access === undefined)
    throw new Error(`route ${name} declares no access`)
  if (config.access !== 'role') return
  if (config.auth !== 'bearer') throw new Error(`route ${name} asks for a role but not for a token`)
  if (config.roles === undefined || config.roles.length === 0)
    throw new Error(`route ${name} names no roles`)
  if (config.forbidden === undefined && options.forbidden === undefined)
    throw new Error(`route ${name} has no error for callers without its roles`)
}

/**
 * Lets only callers with one of the route's roles reach the handler. The check runs after the body
 * is validated, so that a malformed request is answered 400 to every caller alike.
 */
function enforceRoles(route: RouteOptions, options: AuthOptions): void {
  const { access, roles = [], forbidden = options.forbidden } = route.config ?? {}
  if (access !== 'role' || forbidden === undefined) return
  const check = async (request: FastifyRequest) => {
    const held = (await options.rolesOf?.(request)) ?? request.user.roles
    if (!roles.some((role) => held.includes(role))) throw forbidden()
  }
  route.preHandler = [check, ...[route.preHandler ?? []].flat()]
}

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
      provenAt: Number.isFinite(claims.auth_time)
        ? new Date(Number(claims.auth_time) * 1000)
        : undefined,
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

/** The name of the service that calls. */
async function verifyService(request: FastifyRequest, options: AuthOptions): Promise<string> {
  try {
    const { sub } = await (request as unknown as InternalVerifier).internalJwtVerify()
    return String(sub)
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
