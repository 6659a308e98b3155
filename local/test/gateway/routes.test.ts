import t from 'tap'
import { renderGateway, renderStatic } from '#src/gateway/render.ts'
import { parseRoutes, readRoutes } from '#src/gateway/routes.ts'
import { UPSTREAMS } from '#src/service-list.ts'

const SERVICES = UPSTREAMS.map(({ service }) => service)
const ADDRESSES = Object.fromEntries(
  SERVICES.map((service, index) => [service, [`http://127.0.0.1:${4001 + index}`]]),
)

const ROW = '{ name: items, service: auction, prefix: /api/v1/items, auth: public, rate: read }'

function table(...rows: string[]): string {
  return [
    'identityHeaders: [X-User-Id]',
    'strippedHeaders: [Forwarded]',
    'sessionCookies: [session]',
    'cookieServices: [identity]',
    'rateClasses: { read: { average: 5, burst: 10, period: 1s } }',
    'routes:',
    ...rows.map((row) => `  - ${row}`),
  ].join('\n')
}

t.test('the route table of the charts becomes routers for every service', async (t) => {
  const { http } = renderGateway(await readRoutes(), ADDRESSES)
  t.same(
    new Set(Object.values(http.routers).map(({ service }) => service)),
    new Set([...SERVICES, 'ping@internal', 'noop@internal']),
  )
})

t.test('every router strips identity headers before it does anything else', async (t) => {
  const { http } = renderGateway(await readRoutes(), ADDRESSES)
  for (const [name, router] of Object.entries(http.routers)) {
    if (router.service === 'ping@internal') continue
    t.equal(router.middlewares[0], 'strip-identity', name)
  }
  t.match(http.middlewares['strip-identity'], {
    headers: { customRequestHeaders: { 'X-User-Id': '', 'X-User-Roles': '', Forwarded: '' } },
  })
})

t.test('addresses are limited before identity is asked, and users after', async (t) => {
  const { http } = renderGateway(await readRoutes(), ADDRESSES)
  t.same(http.routers['lots-write']?.middlewares, [
    'strip-identity',
    'error-body',
    'rate-write',
    'authenticate',
    'user-rate-write',
    'strip-cookies',
    'compress',
  ])
  t.match(http.middlewares['user-rate-write'], {
    rateLimit: { average: 200, sourceCriterion: { requestHeaderName: 'X-User-Id' } },
  })
})

t.test(
  'identity is shown what names a caller, and from where a page sent it, and nothing else',
  async (t) => {
    const { http } = renderGateway(await readRoutes(), ADDRESSES)
    const answered = ['X-User-Id', 'X-User-Email', 'X-User-Roles']
    for (const [name, path, token] of [
      ['authenticate', '/identity/validate', []],
      ['authenticate-browser', '/identity/validate', ['Authorization']],
      ['recognise', '/identity/validate/optional', ['Authorization']],
    ] as const) {
      t.match(http.middlewares[name], {
        forwardAuth: {
          address: `http://127.0.0.1:4001${path}`,
          trustForwardHeader: false,
          authRequestHeaders: [
            ...['Authorization', 'Cookie', 'Origin', 'Sec-Fetch-Site'],
            ...['Traceparent', 'X-Correlation-Id'],
          ],
          authResponseHeaders: [...answered, ...token],
        },
      })
    }
  },
)

t.test('no service but identity and web is given a cookie, on any row', async (t) => {
  const { http } = renderGateway(await readRoutes(), ADDRESSES)
  for (const [name, { service, middlewares }] of Object.entries(http.routers)) {
    if (service.endsWith('@internal')) continue
    const isStripped = middlewares.includes('strip-cookies')
    t.equal(isStripped, !['identity', 'web'].includes(service), name)
    const asks = middlewares.findIndex((each) => /^(authenticate|recognise)/.test(each))
    if (isStripped) t.ok(middlewares.indexOf('strip-cookies') > asks, `${name}: identity sees it`)
  }
  t.same(http.middlewares['strip-cookies'], { headers: { customRequestHeaders: { Cookie: '' } } })
})

t.test('an earlier row outranks a later one, and no two routers share a rank', async (t) => {
  const routes = await readRoutes()
  const { http } = renderGateway(routes, ADDRESSES)
  const ranks = routes.routes.map(({ name }) => http.routers[name]?.priority ?? 0)
  t.same(
    ranks,
    ranks.toSorted((left, right) => right - left),
  )
  const all = Object.values(http.routers).map(({ priority }) => priority)
  t.equal(new Set(all).size, all.length)
})

t.test(
  'an optional row asks identity only about a request with a token or a session',
  async (t) => {
    const { http } = renderGateway(await readRoutes(), ADDRESSES)
    const open = http.routers['lots-read']
    const guarded = http.routers['lots-read-signed-in']
    t.notOk(open?.middlewares.includes('authenticate'))
    t.ok(guarded?.middlewares.includes('authenticate'))
    t.match(guarded?.rule, 'HeaderRegexp(`Authorization`, `.+`)')
    const browser = http.routers['lots-read-browser']
    t.ok(browser?.middlewares.includes('recognise'))
    t.match(browser?.rule, 'HeaderRegexp(`Cookie`, `(^|; *)(__Host-session|session)=`)')
    t.ok((guarded?.priority ?? 0) > (browser?.priority ?? 0), 'a token wins')
    t.ok((browser?.priority ?? 0) > (open?.priority ?? 0))
  },
)

t.test('a connection to a service ends before the service would close it', async (t) => {
  const { http } = renderGateway(await readRoutes(), ADDRESSES)
  t.match(http.serversTransports.services, { forwardingTimeouts: { idleConnTimeout: '60s' } })
})

t.test('the entry point refuses what two programs could read differently', (t) => {
  const settings = renderStatic({ addresses: ['127.0.0.1:9191'], dynamicFile: '/x.yaml' })
  t.match(settings, {
    entryPoints: {
      web: {
        forwardedHeaders: { insecure: false },
        http: {
          aliasHeadersStrategy: 'reject',
          sanitizePath: true,
          middlewares: ['secure-answers@file', 'strip-identity@file'],
          encodedCharacters: { allowEncodedSlash: false, allowEncodedPercent: false },
        },
      },
    },
  })
  t.notMatch(JSON.stringify(settings), /accessLog|"api"/, 'no access log and no dashboard unasked')
  t.end()
})

t.test('an access log is JSON when a setting asks for one', (t) => {
  const addresses = ['127.0.0.1:9191']
  const settings = renderStatic({ addresses, dynamicFile: '/x.yaml', accessLogFile: '/a.log' })
  t.match(settings, { accessLog: { filePath: '/a.log', format: 'json' } })
  t.end()
})

t.test('an unknown service is refused by name', (t) => {
  const routes = parseRoutes(table(ROW.replace('auction', 'orders')))
  t.throws(() => renderGateway(routes, ADDRESSES), {
    code: 'gateway.routes.invalid',
    message: 'route items: unknown service orders',
  })
  t.end()
})

const MISTAKES: [mistake: string, text: string, message: string][] = [
  [
    'an unknown key of a row',
    table(ROW.replace('auth:', 'authentication: x, auth:')),
    'route items: unknown key authentication',
  ],
  ['an unknown key of the table', `${table(ROW)}\nextra: 1`, 'routes.yaml: unknown key extra'],
  [
    'an unknown rate class',
    table(ROW.replace('read', 'slow')),
    'route items: unknown rate class slow',
  ],
  [
    'a rate class named like a property of every object',
    table(ROW.replace('read', 'constructor')),
    'route items: unknown rate class constructor',
  ],
  [
    'an unknown auth mode',
    table(ROW.replace('public', 'none')),
    'route items: auth must be one of public, optional, bearer',
  ],
  [
    'a missing auth mode',
    table(ROW.replace('auth: public, ', '')),
    'route items: auth must be one of public, optional, bearer',
  ],
  [
    'an unknown method',
    table(ROW.replace('auth:', 'methods: [FETCH], auth:'), ROW),
    'route items: unknown method FETCH',
  ],
  [
    'both a path and a prefix',
    table(ROW.replace('auth:', 'path: /x, auth:')),
    'route items: give either path or prefix',
  ],
  [
    'a path that would end the rule',
    table(ROW.replace('/api/v1/items', '"/a`) || PathPrefix(`/"')),
    'is not a plain path',
  ],
  ['a slash at the end', table(ROW.replace('/items', '/items/')), 'must not end with a slash'],
  ['a name used twice', table(ROW, ROW), 'the name is taken'],
  [
    'a prefix whose other methods reach the pages',
    table(ROW.replace('auth:', 'methods: [GET], auth:')),
    'must take every method',
  ],
  [
    'a row that is never reached',
    table(ROW, ROW.replace('name: items', 'name: more').replace('v1/items', 'v1/items/deep')),
    'route more: never reached, items takes it first',
  ],
  [
    'pages before the interfaces',
    table(ROW.replace('/api/v1/items', '/'), ROW.replace('name: items', 'name: more')),
    '/ must be the last row',
  ],
  [
    'a header name that would not be found',
    table(ROW).replace('X-User-Id', 'x-user-id'),
    'not in canonical form',
  ],
  [
    'a rate class that limits nothing',
    table(ROW).replace('average: 5', 'average: 0'),
    'average must be at least 1',
  ],
  [
    'a cookie whose name means something in a rule',
    table(ROW).replace('[session]', '[s.*]'),
    'sessionCookies: s.* is not in canonical form',
  ],
  ['an empty file', '', 'must be a mapping'],
]

t.test('a table that could be read two ways is refused', (t) => {
  for (const [mistake, text, message] of MISTAKES) {
    t.throws(() => parseRoutes(text), { message }, mistake)
  }
  t.end()
})
