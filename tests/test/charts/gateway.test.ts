import { renderGateway } from '@auction/local/gateway/render.ts'
import { readRoutes } from '@auction/local/gateway/routes.ts'
import { SERVICE_NAMES } from '@auction/local/service-list.ts'
import t from 'tap'
import { type KubeObject, ofKind, specOf } from '#src/charts/objects.ts'
import { type Profile, render } from '#src/charts/render.ts'
import type { IngressRouteSpec } from '#src/charts/rules/references.ts'

const PREFIX = /^auction-/

// The local gateway has the plugin that gives its own errors the error body.
const WITH_PLUGIN = 'gateway.errorBodies=true'

// The local gateway sets these on its entry point; in the cluster every router names them.
const EVERYWHERE = ['strip-identity', 'secure-answers']

const upstreams = Object.fromEntries(
  SERVICE_NAMES.map((name, index) => [name, [`http://127.0.0.1:${4001 + index}`]]),
)
const local = renderGateway(await readRoutes(), upstreams).http

for (const profile of ['local', 'production'] satisfies Profile[]) {
  t.test(`the cluster's gateway in profile ${profile} routes like the local one`, async (t) => {
    const objects = await render('auction-platform', profile, { set: [WITH_PLUGIN] })
    const expected = Object.values(local.routers)
      .filter(({ service }) => service !== 'ping@internal')
      .map(({ rule, priority, middlewares, service }) => {
        const after = middlewares.filter((name) => !EVERYWHERE.includes(name))
        return { rule, priority, middlewares: [...EVERYWHERE, ...after], service }
      })
    const byPriority = (a: { priority: number }, b: { priority: number }) => b.priority - a.priority
    t.ok(expected.length > 20)
    t.same(routersOf(objects).toSorted(byPriority), expected.toSorted(byPriority))
  })
}

t.test('its middlewares say what the local ones say', async (t) => {
  const objects = await render('auction-platform', 'local', {
    set: ['gateway.rateFactor=1', WITH_PLUGIN],
  })
  const cluster = Object.fromEntries(
    ofKind(objects, 'Middleware').map((object) => [
      object.metadata.name.replace(PREFIX, ''),
      specOf<Record<string, { address?: string }>>(object),
    ]),
  )
  const identity = 'http://auction-identity.auction.svc:8080'
  const expected = Object.fromEntries(
    Object.entries(local.middlewares).map(([name, middleware]) => {
      const { forwardAuth } = middleware as { forwardAuth?: { address: string } }
      if (forwardAuth === undefined) return [name, middleware]
      const address = forwardAuth.address.replace(/^http:\/\/[^/]+/, identity)
      return [name, { forwardAuth: { ...forwardAuth, address } }]
    }),
  )
  t.equal(cluster.authenticate?.forwardAuth?.address, `${identity}/identity/validate`)
  t.same(cluster, expected)
  const transports = ofKind(objects, 'ServersTransport').map((object) => specOf(object))
  t.same(transports, Object.values(local.serversTransports))
})

/** The rules of the cluster in the words of the local gateway: no host, no release. */
function routersOf(objects: readonly KubeObject[]) {
  const [publicRoute] = ofKind(objects, 'IngressRoute').filter(({ metadata }) =>
    /^auction-public-[0-9a-f]{10}$/.test(metadata.name),
  )
  if (publicRoute === undefined) throw new Error('there is no public IngressRoute')
  const { routes } = specOf<IngressRouteSpec>(publicRoute)
  return routes.map(({ match, priority, middlewares = [], services }) => ({
    rule: match.replace(/^Host\(`[^`]+`\) && /, ''),
    priority,
    middlewares: middlewares.map(({ name }) => name.replace(PREFIX, '')),
    service: services[0]?.name.replace(PREFIX, ''),
  }))
}
