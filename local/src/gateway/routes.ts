import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'

/** What a row asks of the caller; the meaning of each word stands in routes.yaml. */
export type RouteAuth = 'public' | 'optional' | 'bearer'

/** How many requests one client address may send. */
export interface RateClass {
  readonly average: number
  readonly burst: number
  readonly period: string
}

/** One row of the public surface. */
export interface Route {
  readonly name: string
  readonly service: string
  readonly match: { readonly kind: 'path' | 'prefix'; readonly path: string }
  /** Absent: every method. */
  readonly methods?: readonly string[]
  readonly auth: RouteAuth
  readonly rate: string
}

/** The public surface as charts/auction-platform/routes.yaml writes it down. */
export interface Routes {
  readonly identityHeaders: readonly string[]
  readonly strippedHeaders: readonly string[]
  /** Names of the cookie of a browser's session. */
  readonly sessionCookies: readonly string[]
  /** Services that are given cookies. */
  readonly cookieServices: readonly string[]
  readonly rateClasses: Readonly<Record<string, RateClass>>
  readonly routes: readonly Route[]
}

const ROUTES_FILE = new URL('../../../charts/auction-platform/routes.yaml', import.meta.url)
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const AUTH_MODES: readonly string[] = ['public', 'optional', 'bearer'] satisfies RouteAuth[]
const HEADER_NAME = /^[A-Z][A-Za-z0-9]*(-[A-Z][A-Za-z0-9]*)*$/
// Backticks, quotes and braces would end a Traefik rule or start a template in it.
const SAFE_PATH = /^\/[A-Za-z0-9._~/-]*$/
const SAFE_NAME = /^[a-z][a-z0-9-]*$/
// Nothing that means something in a regular expression.
const COOKIE_NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/
const PERIOD = /^[1-9][0-9]*(ms|s|m|h)$/

/** A routes.yaml that cannot be trusted to mean what it says. */
export class RoutesError extends Error {
  override readonly name = 'RoutesError'
  readonly code = 'gateway.routes.invalid'
}

/** Reads the route table that the charts and this gateway share. */
export async function readRoutes(file: URL | string = ROUTES_FILE): Promise<Routes> {
  return parseRoutes(await readFile(file, 'utf8'))
}

/** Parses a route table and refuses anything that a router could be built wrongly from. */
export function parseRoutes(text: string): Routes {
  const table = record(parse(text), 'routes.yaml')
  onlyKeys(
    table,
    [
      ...['identityHeaders', 'strippedHeaders', 'sessionCookies', 'cookieServices'],
      ...['rateClasses', 'routes'],
    ],
    'routes.yaml',
  )
  const identityHeaders = headerNames(table, 'identityHeaders')
  const strippedHeaders = headerNames(table, 'strippedHeaders')
  const sessionCookies = names(table, 'sessionCookies', COOKIE_NAME)
  const cookieServices = names(table, 'cookieServices', SAFE_NAME)
  const rateClasses = Object.fromEntries(
    Object.entries(record(table.rateClasses, 'rateClasses')).map(([name, value]) => [
      name,
      parseRateClass(name, value),
    ]),
  )
  const routes = list(table.routes, 'routes').map((row, index) => parseRoute(row, index))
  for (const route of routes) {
    if (!Object.hasOwn(rateClasses, route.rate)) {
      throw new RoutesError(`route ${route.name}: unknown rate class ${route.rate}`)
    }
  }
  refuseAmbiguousTable(routes)
  return { identityHeaders, strippedHeaders, sessionCookies, cookieServices, rateClasses, routes }
}

function parseRateClass(name: string, value: unknown): RateClass {
  const where = `rate class ${name}`
  const { average, burst, period, ...rest } = record(value, where)
  onlyKeys(rest, [], where)
  if (!isPositiveInteger(average)) throw new RoutesError(`${where}: average must be at least 1`)
  if (!isPositiveInteger(burst)) throw new RoutesError(`${where}: burst must be at least 1`)
  if (typeof period !== 'string' || !PERIOD.test(period)) {
    throw new RoutesError(`${where}: period must be a duration such as 1s`)
  }
  return { average, burst, period }
}

function parseRoute(value: unknown, index: number): Route {
  const row = record(value, `route ${index + 1}`)
  const name = row.name
  if (typeof name !== 'string' || !SAFE_NAME.test(name)) {
    throw new RoutesError(`route ${index + 1}: name must be lower-case words joined by dashes`)
  }
  const where = `route ${name}`
  onlyKeys(row, ['name', 'service', 'path', 'prefix', 'methods', 'auth', 'rate'], where)
  const { service, auth, rate } = row
  if (typeof service !== 'string') throw new RoutesError(`${where}: service is missing`)
  if (typeof rate !== 'string') throw new RoutesError(`${where}: rate is missing`)
  if (!isAuth(auth)) {
    throw new RoutesError(`${where}: auth must be one of ${AUTH_MODES.join(', ')}`)
  }
  const match = parseMatch(row, where)
  if (row.methods === undefined) return { name, service, match, auth, rate }
  const methods = list(row.methods, `${where}: methods`).map(String)
  const unknown = methods.find((method) => !METHODS.has(method))
  if (unknown !== undefined) throw new RoutesError(`${where}: unknown method ${unknown}`)
  if (methods.length === 0) throw new RoutesError(`${where}: methods must not be empty`)
  return { name, service, match, methods, auth, rate }
}

function parseMatch(row: Record<string, unknown>, where: string): Route['match'] {
  const { path, prefix } = row
  if ((path === undefined) === (prefix === undefined)) {
    throw new RoutesError(`${where}: give either path or prefix`)
  }
  const value = path ?? prefix
  if (typeof value !== 'string' || !SAFE_PATH.test(value) || value.includes('//')) {
    throw new RoutesError(`${where}: ${String(value)} is not a plain path`)
  }
  if (value !== '/' && value.endsWith('/')) {
    throw new RoutesError(`${where}: ${value} must not end with a slash`)
  }
  return { kind: path === undefined ? 'prefix' : 'path', path: value }
}

/**
 * Rows are tried from the top. So a name may occur once, the prefix that takes everything must be
 * the last row, and every other prefix needs a row for the methods not listed: without it
 * they would fall through to the web pages and be answered as if they were one.
 */
function refuseAmbiguousTable(routes: readonly Route[]): void {
  const names = new Set<string>()
  for (const [index, { name, match }] of routes.entries()) {
    if (names.has(name)) throw new RoutesError(`route ${name}: the name is taken`)
    names.add(name)
    if (match.kind !== 'prefix') continue
    if (match.path === '/') {
      if (index !== routes.length - 1)
        throw new RoutesError(`route ${name}: / must be the last row`)
      continue
    }
    const sameService = routes.filter((other) => other.match.path === match.path)
    const rest = sameService.at(-1)
    if (rest?.methods !== undefined) {
      throw new RoutesError(
        `route ${rest.name}: the last row of ${match.path} must take every method`,
      )
    }
    const covered = routes
      .slice(0, index)
      .find((other) => other.methods === undefined && covers(other, match.path))
    if (covered !== undefined) {
      throw new RoutesError(`route ${name}: never reached, ${covered.name} takes it first`)
    }
  }
}

function covers({ match }: Route, path: string): boolean {
  if (match.kind === 'path') return false
  return match.path === path || path.startsWith(`${match.path}/`)
}

const headerNames = (table: Record<string, unknown>, key: string) => names(table, key, HEADER_NAME)

function names(table: Record<string, unknown>, key: string, form: RegExp): string[] {
  const found = list(table[key], key).map(String)
  const wrong = found.find((name) => !form.test(name))
  if (wrong !== undefined) throw new RoutesError(`${key}: ${wrong} is not in canonical form`)
  if (found.length === 0) throw new RoutesError(`${key} must not be empty`)
  return found
}

function record(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RoutesError(`${where} must be a mapping`)
  }
  return Object.fromEntries(Object.entries(value))
}

function list(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) throw new RoutesError(`${where} must be a list`)
  return value
}

function onlyKeys(value: Record<string, unknown>, keys: readonly string[], where: string): void {
  const unknown = Object.keys(value).find((key) => !keys.includes(key))
  if (unknown !== undefined) throw new RoutesError(`${where}: unknown key ${unknown}`)
}

function isAuth(value: unknown): value is RouteAuth {
  return typeof value === 'string' && AUTH_MODES.includes(value)
}

function isPositiveInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1
}
