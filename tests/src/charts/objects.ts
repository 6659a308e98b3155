export type Labels = Readonly<Record<string, string>>

/** What a chart renders, as far as every kind has it; `specOf` says what a kind has more. */
export interface KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Labels
    readonly annotations?: Labels
  }
  readonly spec?: unknown
}

export interface EnvironmentEntry {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: string; readonly key: string; optional?: boolean }
    readonly fieldRef?: { readonly fieldPath: string }
  }
}

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string | number }
}

export interface Container {
  readonly name: string
  readonly image: string
  readonly command?: readonly string[]
  readonly env?: readonly EnvironmentEntry[]
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[]
  readonly resources?: {
    readonly requests?: Labels
    readonly limits?: Labels
  }
  readonly securityContext?: {
    readonly allowPrivilegeEscalation?: boolean
    readonly readOnlyRootFilesystem?: boolean
    readonly privileged?: boolean
    readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] }
  }
  readonly startupProbe?: Probe
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
}

export interface PodSpec {
  readonly serviceAccountName?: string
  readonly automountServiceAccountToken?: boolean
  readonly hostNetwork?: boolean
  readonly hostPID?: boolean
  readonly hostIPC?: boolean
  readonly securityContext?: {
    readonly runAsNonRoot?: boolean
    readonly runAsUser?: number
    readonly seccompProfile?: { readonly type: string }
  }
  readonly initContainers?: readonly Container[]
  readonly containers: readonly Container[]
  readonly volumes?: readonly {
    readonly name: string
    readonly hostPath?: object
    readonly secret?: { readonly secretName: string; readonly optional?: boolean }
    readonly configMap?: { readonly name: string }
    readonly persistentVolumeClaim?: { readonly claimName: string }
  }[]
}

/** Pods that an object makes: their labels and what is in them. */
export interface Pods {
  readonly owner: string
  readonly kind: string
  readonly labels: Labels
  readonly spec: PodSpec
}

interface TemplateSpec {
  readonly template: { readonly metadata?: { readonly labels?: Labels }; readonly spec: PodSpec }
}

const TEMPLATED = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job']

/** Only what the caller names is looked at, and a test fails where it is not there. */
export function specOf<T>(object: KubeObject): T {
  return (object.spec ?? {}) as T
}

export function titleOf({ kind, metadata }: KubeObject): string {
  return `${kind}/${metadata.name}`
}

export function ofKind(objects: readonly KubeObject[], ...kinds: string[]): KubeObject[] {
  return objects.filter(({ kind }) => kinds.includes(kind))
}

export function podsOf(objects: readonly KubeObject[]): Pods[] {
  return objects.flatMap((object) => {
    const { kind, metadata } = object
    const owner = titleOf(object)
    if (kind === 'Pod') {
      return [{ owner, kind, labels: metadata.labels ?? {}, spec: specOf<PodSpec>(object) }]
    }
    if (kind === 'CronJob') {
      const { template } = specOf<{ jobTemplate: { spec: TemplateSpec } }>(object).jobTemplate.spec
      return [{ owner, kind, labels: template.metadata?.labels ?? {}, spec: template.spec }]
    }
    if (!TEMPLATED.includes(kind)) return []
    const { template } = specOf<TemplateSpec>(object)
    return [{ owner, kind, labels: template.metadata?.labels ?? {}, spec: template.spec }]
  })
}

export function containersOf({ spec }: Pods): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers]
}
