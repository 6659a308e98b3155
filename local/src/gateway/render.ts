import { type Route, type Routes, RoutesError } from './routes.ts'

/** Where each service listens, e.g. `{ identity: ['http://127.0.0.1:4001'] }`; requests take turns with replicas. */
export type Upstreams = Readonly<Record<string, readonly string[]>>

/** One router of Traefik's file provider. */
export interface Router {
  readonly rule: string
  readonly priority: number
  readonly middlewares: readonly string[]
  readonly service: string
}

/** What Traefik's file provider reads. */
export interface DynamicConfig {
  readonly http: {
    readonly routers: Readonly<Record<string, Router>>
    readonly middlewares: Readonly<Record<string, object>>
    readonly services: Readonly<Record<string, object>>
    readonly serversTransports: Readonly<Record<string, object>>
  }
}

export interface StaticOptions {
  /** Every loopback address that the gateway listens on, e.g. `127.0.0.1:9191`. */
  readonly addresses: readonly string[]
  readonly dynamicFile: string
  /** Where Prometheus reads, e.g. `127.0.0.1:9192`; absent: nowhere. */
  readonly metricsAddress?: string
  /** Absent: no access log is written. */
  readonly accessLogFile?: string
}

/** Gives the errors of Traefik itself the error body; k8s/traefik-plugin is its source. */
export const PLUGIN = { name: 'errorBody', module: 'auction.example/errorbody' }

/** Answers 200 as soon as Traefik has read its routers; it is no part of the public surface. */
export const PING_PATH = '/.gateway/ping'

const PRIORITY_STEP = 10
const PING_PRIORITY = 1_000_000
// The services accept 16 KiB. The gateway adds its own headers, and Go adds 4 KiB to this number.
const HEADER_BYTES_MAX = 8 * 1024

/** Builds Traefik's routers, middlewares and services from the shared route table. */
export function renderGateway(table: Routes, upstreams: Upstreams): DynamicConfig {
  const routers: Record<string, Router> = {
    'gateway-ping': {
      rule: `Path(\`${PING_PATH}\`)`,
      priority: PING_PRIORITY,
      middlewares: [],
      service: 'ping@internal',
    },
    // What no row takes.
    'no-route': {
      rule: 'PathPrefix(`/`)',
      priority: 1,
      middlewares: ['strip-identity', 'no-route'],
      service: 'noop@internal',
    },
  }
  for (const [index, route] of table.routes.entries()) {
    if (!Object.hasOwn(upstreams, route.service)) {
      throw new RoutesError(`route ${route.name}: unknown service ${route.service}`)
    }
    const priority = (table.routes.length - index) * PRIORITY_STEP
    Object.assign(routers, renderRouters(route, priority, table))
  }
  return {
    http: {
      routers,
      middlewares: renderMiddlewares(table, upstreams),
      services: Object.fromEntries(
        Object.entries(upstreams).map(([service, urls]) => [
          service,
          {
            loadBalancer: {
              serversTransport: 'services',
              servers: urls.map((url) => ({ url: originOf(url) })),
            },
          },
        ]),
      ),
      serversTransports: {
        services: {
          maxIdleConnsPerHost: 256,
          // Shorter than the 75 s after which a service closes an idle connection itself, so no
          // POST is ever sent into a connection that is just being closed.
          forwardingTimeouts: { dialTimeout: '2s', idleConnTimeout: '60s' },
        },
      },
    },
  }
}

function renderRouters(
  route: Route,
  priority: number,
  { sessionCookies, cookieServices }: Routes,
): Record<string, Router> {
  // By address before the user is known, by user after; the answer is compressed last.
  const known = ['strip-identity', 'error-body', `rate-${route.rate}`]
  const last = cookieServices.includes(route.service) ? ['compress'] : ['strip-cookies', 'compress']
  const open = [...known, ...last]
  const guarded = [...known, 'authenticate', `user-rate-${route.rate}`, ...last]
  const cookie = `HeaderRegexp(\`Cookie\`, \`(^|; *)(${sessionCookies.join('|')})=\`)`
  const rule = ruleOf(route)
  const service = route.service
  switch (route.auth) {
    case 'public':
      return { [route.name]: { rule, priority, middlewares: open, service } }
    case 'bearer':
      return {
        [route.name]: { rule, priority, middlewares: guarded, service },
        [`${route.name}-browser`]: {
          rule: `${rule} && ${cookie}`,
          priority: priority + 1,
          middlewares: guarded.map((name) =>
            name === 'authenticate' ? 'authenticate-browser' : name,
          ),
          service,
        },
      }
    case 'optional':
      return {
        [route.name]: { rule, priority, middlewares: open, service },
        // Those whose session ended are all visitors, whom no limit by user may count as one.
        [`${route.name}-browser`]: {
          rule: `${rule} && ${cookie}`,
          priority: priority + 1,
          middlewares: [...known, 'recognise', ...last],
          service,
        },
        [`${route.name}-signed-in`]: {
          rule: `${rule} && HeaderRegexp(\`Authorization\`, \`.+\`)`,
          priority: priority + 2,
          middlewares: guarded,
          service,
        },
      }
  }
}

function ruleOf({ match, methods }: Route): string {
  const path = pathRule(match)
  if (methods === undefined) return path
  return `${path} && (${methods.map((method) => `Method(\`${method}\`)`).join(' || ')})`
}

/** PathPrefix alone would also take a longer word: /api/v1/items-for-sale. */
function pathRule({ kind, path }: Route['match']): string {
  if (kind === 'path') return `Path(\`${path}\`)`
  if (path === '/') return 'PathPrefix(`/`)'
  return `(Path(\`${path}\`) || PathPrefix(\`${path}/\`))`
}

function renderMiddlewares(table: Routes, upstreams: Upstreams): Record<string, object> {
  const [identity] = upstreams.identity ?? []
  if (identity === undefined) throw new RoutesError('the gateway needs the address of identity')
  const rateLimits = Object.entries(table.rateClasses).flatMap(([name, limit]) => {
    // By the address of the connection. One IPv6 customer owns a /64, so that counts as one.
    const byAddress = { ipStrategy: { depth: 0, ipv6Subnet: 64 } }
    const byUser = { requestHeaderName: 'X-User-Id' }
    return [
      [`rate-${name}`, { rateLimit: { ...limit, sourceCriterion: byAddress } }],
      [`user-rate-${name}`, { rateLimit: { ...limit, sourceCriterion: byUser } }],
    ]
  })
  const askIdentity = (path: string, answered: readonly string[]) => ({
    forwardAuth: {
      address: `${originOf(identity)}${path}`,
      trustForwardHeader: false,
      authRequestHeaders: [
        ...['Authorization', 'Cookie', 'Origin', 'Sec-Fetch-Site'],
        // The trace goes along, so that a request and the check of its caller are one trace.
        ...['Traceparent', 'X-Correlation-Id'],
      ],
      authResponseHeaders: answered,
      maxResponseBodySize: 16 * 1024,
    },
  })
  const withToken = [...table.identityHeaders, 'Authorization']
  const stripped = [...table.identityHeaders, ...table.strippedHeaders]
  return {
    'strip-identity': {
      headers: { customRequestHeaders: Object.fromEntries(stripped.map((name) => [name, ''])) },
    },
    // No content security policy here: only the pages know theirs.
    'secure-answers': {
      headers: {
        contentTypeNosniff: true,
        frameDeny: true,
        referrerPolicy: 'same-origin',
        // What identity answers ForwardAuth with is for services alone.
        customResponseHeaders: { Authorization: '' },
      },
    },
    // Before the limits and everything after them, whose errors these are.
    'error-body': { plugin: { [PLUGIN.name]: { retryAfterSeconds: 1 } } },
    'no-route': { plugin: { [PLUGIN.name]: { status: 404 } } },
    ...Object.fromEntries(rateLimits),
    // Streams of events must not wait for a full block.
    compress: {
      compress: { minResponseBodyBytes: 1024, excludedContentTypes: ['text/event-stream'] },
    },
    'strip-cookies': { headers: { customRequestHeaders: { Cookie: '' } } },
    // The token of a program stays as it is; that of a cookie is identity's answer.
    authenticate: askIdentity('/identity/validate', table.identityHeaders),
    'authenticate-browser': askIdentity('/identity/validate', withToken),
    // For routes that visitors may call as well: a session that ended makes one of them.
    recognise: askIdentity('/identity/validate/optional', withToken),
  }
}

function originOf(url: string): string {
  const { protocol, origin } = new URL(url)
  if (protocol !== 'http:') throw new RoutesError(`${url} is not an http address`)
  return origin
}

/** Builds Traefik's own settings: everything ambiguous in a request is refused at the door. */
export function renderStatic(options: StaticOptions): object {
  const { addresses, dynamicFile, metricsAddress, accessLogFile } = options
  const entryPoints = addresses.map((address, index) => [
    index === 0 ? 'web' : `web-${index + 1}`,
    renderEntryPoint(address),
  ])
  return {
    global: { checkNewVersion: false, sendAnonymousUsage: false },
    log: { level: 'ERROR', noColor: true },
    ping: { manualRouting: true },
    experimental: {
      // Otherwise it starts without the plugin, and serves no route that names it.
      abortOnPluginFailure: true,
      localPlugins: { [PLUGIN.name]: { moduleName: PLUGIN.module } },
    },
    // The one file does not change while it runs, so nothing need be waited for.
    providers: { providersThrottleDuration: '10ms', file: { filename: dynamicFile, watch: false } },
    entryPoints: Object.fromEntries([
      ...entryPoints,
      ...(metricsAddress === undefined ? [] : [['metrics', { address: metricsAddress }]]),
    ]),
    // As k8s/traefik-values.yaml says it for a cluster.
    ...(metricsAddress === undefined
      ? {}
      : {
          metrics: {
            prometheus: {
              entryPoint: 'metrics',
              addRoutersLabels: true,
              addServicesLabels: true,
              buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
            },
          },
        }),
    ...(accessLogFile === undefined
      ? {}
      : { accessLog: { filePath: accessLogFile, format: 'json' } }),
  }
}

function renderEntryPoint(address: string): object {
  return {
    address,
    forwardedHeaders: { insecure: false },
    transport: {
      // Uploads over a slow line need a minute; the services end other requests sooner.
      respondingTimeouts: { readTimeout: '60s', idleTimeout: '75s', writeTimeout: '0s' },
      lifeCycle: { graceTimeOut: '5s' },
    },
    http: {
      // Also on every router by name, as in the cluster. Here it covers one that forgets.
      middlewares: ['secure-answers@file', 'strip-identity@file'],
      aliasHeadersStrategy: 'reject',
      sanitizePath: true,
      maxHeaderBytes: HEADER_BYTES_MAX,
      encodedCharacters: {
        allowEncodedSlash: false,
        allowEncodedBackSlash: false,
        allowEncodedNullCharacter: false,
        allowEncodedSemicolon: false,
        allowEncodedPercent: false,
        allowEncodedQuestionMark: false,
        allowEncodedHash: false,
      },
    },
  }
}
