import { type KubeObject, ofKind, specOf, titleOf } from '#src/charts/objects.ts'
import { type IngressRouteSpec, missingOfRoute } from './references.ts'

/**
 * What the gateway serves before and after an upgrade, and not in the middle of it, as `match on entry points: step`. Helm goes
 * through the objects one by one in the order in which it prints them: it makes those that are new, changes those that it
 * knows, and at last deletes those that are gone. Traefik does not serve a route that names what is not there.
 */
export function gapsOfUpgrade(
  before: readonly KubeObject[],
  after: readonly KubeObject[],
): string[] {
  const old = before.filter(isOfRelease)
  const current = after.filter(isOfRelease)
  const live = new Map(old.map((object) => [titleOf(object), object]))
  const kept = new Set(current.map(titleOf))
  const servedAfter = servedBy(current)
  const always = [...servedBy(old)].filter((route) => servedAfter.has(route))
  const gaps: string[] = []
  const look = (step: string) => {
    const served = servedBy([...live.values()])
    for (const route of always) if (!served.has(route)) gaps.push(`${route}: ${step}`)
  }
  for (const object of current) {
    live.set(titleOf(object), object)
    look(`${titleOf(object)} applied`)
  }
  for (const object of old) {
    if (kept.has(titleOf(object))) continue
    live.delete(titleOf(object))
    look(`${titleOf(object)} deleted`)
  }
  return gaps
}

/** Hooks run before or after all that. */
const isOfRelease = ({ metadata }: KubeObject) =>
  metadata.annotations?.['helm.sh/hook'] === undefined

/** The routes of these objects that name nothing which is not among them. */
function servedBy(objects: readonly KubeObject[]): Set<string> {
  const names = new Set(objects.map(titleOf))
  return new Set(
    ofKind(objects, 'IngressRoute').flatMap((object) => {
      const spec = specOf<IngressRouteSpec>(object)
      return spec.routes
        .filter((route) => missingOfRoute(names, spec, route).length === 0)
        .map(({ match }) => `${match} on ${spec.entryPoints.join(' and ')}`)
    }),
  )
}
