import {
  type KubeObject,
  type Labels,
  ofKind,
  podsOf,
  specOf,
  titleOf,
} from '#src/charts/objects.ts'
import { NAMESPACE } from '#src/charts/render.ts'
import { type Selector, selects } from './selectors.ts'

/** Pods as the network sees them. */
export interface Endpoint {
  readonly owner: string
  readonly labels: Labels
  readonly ports: readonly { readonly name?: string; readonly containerPort: number }[]
}

interface Peer {
  readonly podSelector?: Selector
  readonly namespaceSelector?: Selector
  readonly ipBlock?: object
}

interface Rule {
  readonly ports?: readonly { readonly port?: number | string }[]
  readonly from?: readonly Peer[]
  readonly to?: readonly Peer[]
}

interface PolicySpec {
  readonly podSelector: Selector
  readonly policyTypes: readonly string[]
  readonly ingress?: readonly Rule[]
  readonly egress?: readonly Rule[]
}

const OWN_NAMESPACE = { 'kubernetes.io/metadata.name': NAMESPACE }

/** Pods of the charts, and those that operators make of their objects. */
export function endpointsOf(objects: readonly KubeObject[]): Endpoint[] {
  const own = podsOf(objects).map(({ owner, labels, spec }) => ({
    owner,
    labels,
    ports: spec.containers.flatMap(({ ports }) => ports ?? []),
  }))
  const databases = ofKind(objects, 'Cluster').map((cluster) => ({
    owner: titleOf(cluster),
    labels: specOf<{ inheritedMetadata: { labels: Labels } }>(cluster).inheritedMetadata.labels,
    ports: [{ containerPort: 5432 }, { containerPort: 8000 }, { containerPort: 9187 }],
  }))
  const brokers = ofKind(objects, 'RabbitmqCluster').map((cluster) => ({
    owner: titleOf(cluster),
    labels: specOf<{
      override: { statefulSet: { spec: { template: { metadata: { labels: Labels } } } } }
    }>(cluster).override.statefulSet.spec.template.metadata.labels,
    ports: [{ containerPort: 5672 }, { containerPort: 15672 }, { containerPort: 15692 }],
  }))
  return [...own, ...databases, ...brokers]
}

/** Pods that no policy of their own limits in both directions. */
export function unguardedPods(objects: readonly KubeObject[]): string[] {
  const policies = policiesOf(objects).filter(
    ({ podSelector }) => Object.keys(podSelector).length > 0,
  )
  return endpointsOf(objects).flatMap(({ owner, labels }) => {
    const own = policies.filter(({ podSelector }) => selects(podSelector, labels))
    const missing = ['Ingress', 'Egress'].filter(
      (type) => !own.some(({ policyTypes }) => policyTypes.includes(type)),
    )
    return missing.map((type) => `${owner}: no policy of its own says ${type}`)
  })
}

/**
 * Jobs that run before an upgrade touches the release, whose policy is not there by then. The default deny of the
 * version before would hold a Job of a new service back.
 */
export function latePolicies(objects: readonly KubeObject[]): string[] {
  const policies = ofKind(objects, 'NetworkPolicy')
  return ofKind(objects, 'Job').flatMap((job) => {
    const events = hookOf(job, '').split(',')
    if (!events.includes('pre-upgrade')) return []
    const { labels } = specOf<{ template: { metadata: { labels: Labels } } }>(job).template.metadata
    const isInTime = (policy: KubeObject) =>
      events.every((event) => hookOf(policy, '').split(',').includes(event)) &&
      Number(hookOf(policy, '-weight')) < Number(hookOf(job, '-weight'))
    const own = policies.filter((policy) => {
      const { podSelector } = specOf<PolicySpec>(policy)
      return Object.keys(podSelector).length > 0 && selects(podSelector, labels)
    })
    return own.some(isInTime) ? [] : [`${titleOf(job)}: its policy comes after it`]
  })
}

const hookOf = ({ metadata }: KubeObject, part: string) =>
  metadata.annotations?.[`helm.sh/hook${part}`] ?? ''

/** Ways between two pods that only one side opens, so that nothing passes. */
export function oneSidedWays(objects: readonly KubeObject[]): string[] {
  const endpoints = endpointsOf(objects)
  const policies = policiesOf(objects)
  return endpoints.flatMap((from) =>
    endpoints.flatMap((to) =>
      to.ports.flatMap((port) => {
        const way = `${from.owner} -> ${to.owner}:${port.containerPort}`
        const out = sideOf(policies, 'egress', from, to, port)
        const into = sideOf(policies, 'ingress', to, from, port)
        if (out.isNamed && !into.isOpen) return [`${way}: the other side does not let it in`]
        if (into.isNamed && !out.isOpen) return [`${way}: it is not let out`]
        return []
      }),
    ),
  )
}

/** Whether a connection passes both sides. */
export function canReach(
  objects: readonly KubeObject[],
  from: Endpoint,
  to: Endpoint,
  containerPort: number,
): boolean {
  const policies = policiesOf(objects)
  const port = to.ports.find((one) => one.containerPort === containerPort) ?? { containerPort }
  return (
    sideOf(policies, 'egress', from, to, port).isOpen &&
    sideOf(policies, 'ingress', to, from, port).isOpen
  )
}

function policiesOf(objects: readonly KubeObject[]): PolicySpec[] {
  return ofKind(objects, 'NetworkPolicy').map((policy) => specOf<PolicySpec>(policy))
}

/** isNamed: a rule says so of these very pods; isOpen: a rule lets it pass, named or not. */
function sideOf(
  policies: readonly PolicySpec[],
  direction: 'ingress' | 'egress',
  self: Endpoint,
  other: Endpoint,
  port: Endpoint['ports'][number],
): { isNamed: boolean; isOpen: boolean } {
  const type = direction === 'ingress' ? 'Ingress' : 'Egress'
  const own = policies.filter(
    ({ podSelector, policyTypes }) =>
      policyTypes.includes(type) && selects(podSelector, self.labels),
  )
  const rules = own
    .flatMap((policy) => policy[direction] ?? [])
    .filter((rule) => takesPort(rule, port))
  const peers = rules.map(({ from, to }) => (direction === 'ingress' ? from : to))
  const isNamed = peers.some((list) => list?.some((peer) => isPeer(peer, other)))
  return { isNamed, isOpen: own.length === 0 || isNamed || peers.includes(undefined) }
}

function takesPort({ ports }: Rule, { name, containerPort }: Endpoint['ports'][number]): boolean {
  if (ports === undefined) return true
  return ports.some(({ port }) => port === containerPort || (port !== undefined && port === name))
}

function isPeer({ podSelector, namespaceSelector, ipBlock }: Peer, { labels }: Endpoint): boolean {
  if (ipBlock !== undefined) return false
  if (namespaceSelector !== undefined && !selects(namespaceSelector, OWN_NAMESPACE)) return false
  return podSelector === undefined || selects(podSelector, labels)
}
