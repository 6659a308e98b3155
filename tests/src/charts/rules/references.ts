import {
  containersOf,
  type KubeObject,
  ofKind,
  podsOf,
  specOf,
  titleOf,
} from '#src/charts/objects.ts'

/** Names of Secrets and the keys in each; `*` for what we cannot know. */
export type Secrets = ReadonlyMap<string, ReadonlySet<string>>

/** Every Secret that exists once these objects do. */
export function secretsMade(objects: readonly KubeObject[]): Secrets {
  const made = new Map<string, Set<string>>()
  for (const { name, fixed, generated } of podsOf(objects).flatMap(wantedSecrets)) {
    made.set(name, new Set([...Object.keys(fixed), ...Object.keys(generated)]))
  }
  for (const { metadata } of ofKind(objects, 'Cluster')) {
    made.set(`${metadata.name}-app`, new Set(['username', 'password']))
  }
  for (const { apiVersion, metadata } of ofKind(objects, 'User')) {
    if (!apiVersion.startsWith('rabbitmq.com/')) continue
    made.set(`${metadata.name}-user-credentials`, new Set(['username', 'password']))
  }
  for (const certificate of ofKind(objects, 'Certificate')) {
    const { secretName } = specOf<{ secretName: string }>(certificate)
    made.set(secretName, new Set(['tls.crt', 'tls.key']))
  }
  return made
}

interface Wanted {
  readonly name: string
  readonly fixed: object
  readonly generated: object
}

/** What the Job that makes Secrets is asked to make. */
function wantedSecrets(pods: Parameters<typeof containersOf>[0]): Wanted[] {
  const entries = containersOf(pods).flatMap(({ env }) => env ?? [])
  const secrets = entries.find(({ name }) => name === 'SECRETS')?.value
  return secrets === undefined ? [] : (JSON.parse(secrets) as Wanted[])
}

/** References to Secrets, or keys in them, that nothing makes. */
export function missingSecrets(objects: readonly KubeObject[], made: Secrets): string[] {
  const check = (owner: string, name: string, key?: string) => {
    const keys = made.get(name)
    if (keys === undefined) return [`${owner}: nothing makes Secret ${name}`]
    return key === undefined || keys.has(key) ? [] : [`${owner}: Secret ${name} has no key ${key}`]
  }
  const fromPods = podsOf(objects).flatMap((pods) => [
    ...containersOf(pods).flatMap(({ env }) =>
      (env ?? []).flatMap(({ valueFrom }) => {
        const reference = valueFrom?.secretKeyRef
        if (reference === undefined || reference.optional === true) return []
        return check(pods.owner, reference.name, reference.key)
      }),
    ),
    ...(pods.spec.volumes ?? []).flatMap(({ secret }) =>
      secret === undefined || secret.optional === true ? [] : check(pods.owner, secret.secretName),
    ),
  ])
  const fromScalers = ofKind(objects, 'TriggerAuthentication').flatMap((object) => {
    type Spec = { secretTargetRef?: readonly { name: string; key: string }[] }
    const references = specOf<Spec>(object).secretTargetRef ?? []
    return references.flatMap(({ name, key }) => check(titleOf(object), name, key))
  })
  const fromRoutes = ofKind(objects, 'IngressRoute').flatMap((object) => {
    const name = specOf<{ tls?: { secretName?: string } }>(object).tls?.secretName
    return name === undefined ? [] : check(titleOf(object), name)
  })
  return [...fromPods, ...fromScalers, ...fromRoutes]
}

export interface RouteSpec {
  readonly match: string
  readonly priority: number
  readonly middlewares?: readonly { readonly name: string }[]
  readonly services: readonly {
    readonly name: string
    readonly kind?: string
    readonly port?: number | string
    readonly serversTransport?: string
  }[]
}

export interface IngressRouteSpec {
  readonly entryPoints: readonly string[]
  readonly tls?: { readonly options?: { readonly name: string } }
  readonly routes: readonly RouteSpec[]
}

/** What a route names of Traefik's own kinds and is not among these titles. */
export function missingOfRoute(
  titles: ReadonlySet<string>,
  { tls }: IngressRouteSpec,
  { middlewares = [], services }: RouteSpec,
): string[] {
  const wanted = [
    ...middlewares.map(({ name }) => `Middleware/${name}`),
    ...services.flatMap(({ serversTransport: name }) =>
      name === undefined ? [] : [`ServersTransport/${name}`],
    ),
    ...(tls?.options === undefined ? [] : [`TLSOption/${tls.options.name}`]),
  ]
  return wanted.filter((name) => !titles.has(name))
}

/** What an IngressRoute names and the release does not have. */
export function missingOfRoutes(objects: readonly KubeObject[]): string[] {
  const names = new Set(objects.map(titleOf))
  const ports = new Set(
    ofKind(objects, 'Service').flatMap((service) =>
      specOf<{ ports: readonly { port: number }[] }>(service).ports.map(
        ({ port }) => `${service.metadata.name}:${port}`,
      ),
    ),
  )
  return ofKind(objects, 'IngressRoute').flatMap((object) => {
    const spec = specOf<IngressRouteSpec>(object)
    const { routes } = spec
    const backends = routes.flatMap(({ services }) =>
      services
        .filter(({ kind }) => kind !== 'TraefikService')
        .map(({ name, port }) => `${name}:${port}`),
    )
    return [
      ...new Set(routes.flatMap((route) => missingOfRoute(names, spec, route))),
      ...backends.filter((backend) => !ports.has(backend)),
    ].map((missing) => `${titleOf(object)}: there is no ${missing}`)
  })
}
