import {
  type Container,
  containersOf,
  type KubeObject,
  ofKind,
  type Pods,
  podsOf,
  specOf,
  titleOf,
} from '#src/charts/objects.ts'

/** Sentences about pods that are not as careful as the restricted pod security standard, and more. */
export function podFaults(objects: readonly KubeObject[]): string[] {
  return podsOf(objects).flatMap((pods) => [
    ...specFaults(pods),
    ...containersOf(pods).flatMap((container) =>
      containerFaults(container).map((fault) => `${pods.owner} ${container.name}: ${fault}`),
    ),
    ...(pods.kind === 'Deployment' ? probeFaults(pods) : []),
  ])
}

function specFaults({ owner, spec }: Pods): string[] {
  const { securityContext } = spec
  // The one account with a token belongs to the Job that makes Secrets.
  const hasToken = /^Job\/.*-secrets$/.test(owner)
  const account = `wants ${hasToken ? 'its' : 'no'} token of a service account`
  return faults(owner, [
    [securityContext?.runAsNonRoot === true, 'may run as root'],
    [securityContext?.runAsUser !== 0, 'runs as root'],
    [securityContext?.seccompProfile?.type === 'RuntimeDefault', 'has no seccomp profile'],
    [spec.automountServiceAccountToken === hasToken, account],
    [!spec.hostNetwork && !spec.hostPID && !spec.hostIPC, 'shares a namespace of the host'],
    [!spec.volumes?.some(({ hostPath }) => hostPath !== undefined), 'mounts a folder of the host'],
  ])
}

function containerFaults({ image, securityContext, resources }: Container): string[] {
  const context = securityContext ?? {}
  const drops = context.capabilities?.drop ?? []
  return faults('', [
    [context.allowPrivilegeEscalation === false, 'may escalate privileges'],
    [context.privileged !== true, 'is privileged'],
    [context.readOnlyRootFilesystem === true, 'may write into its image'],
    [drops.length === 1 && drops[0] === 'ALL', 'keeps capabilities'],
    [(context.capabilities?.add ?? []).length === 0, 'adds capabilities'],
    [resources?.requests?.cpu !== undefined, 'asks for no CPU'],
    [resources?.requests?.memory !== undefined, 'asks for no memory'],
    [resources?.limits?.memory !== undefined, 'has no limit of memory'],
    // A limit of CPU makes the last seconds of a lot wait while the node is idle.
    [resources?.limits?.cpu === undefined, 'has a limit of CPU'],
    [/:(?!latest$)[^:/]+$|@sha256:[0-9a-f]{64}$/.test(image), `has no fixed image: ${image}`],
  ])
}

function probeFaults(pods: Pods): string[] {
  const [container] = pods.spec.containers
  const probes = [container?.startupProbe, container?.livenessProbe, container?.readinessProbe]
  const paths = new Set(probes.map((probe) => probe?.httpGet?.path))
  const isWhole = paths.size === 3 && !paths.has(undefined)
  return isWhole ? [] : [`${pods.owner}: its three probes do not ask three paths`]
}

/** Sentences about Deployments whose number has two owners or none that guards it. */
export function replicaFaults(objects: readonly KubeObject[]): string[] {
  const scalers = ofKind(objects, 'HorizontalPodAutoscaler', 'ScaledObject').map((object) => {
    const spec = specOf<{
      scaleTargetRef: { name: string }
      minReplicas?: number
      minReplicaCount?: number
    }>(object)
    return { target: spec.scaleTargetRef.name, minimum: spec.minReplicas ?? spec.minReplicaCount }
  })
  const guarded = ofKind(objects, 'PodDisruptionBudget').map(({ metadata }) => metadata.name)
  return ofKind(objects, 'Deployment').flatMap((deployment) => {
    const { replicas } = specOf<{ replicas?: number }>(deployment)
    const owners = scalers.filter(({ target }) => target === deployment.metadata.name)
    const minimum = owners[0]?.minimum ?? replicas ?? 1
    const isGuarded = guarded.includes(deployment.metadata.name)
    return faults(titleOf(deployment), [
      [owners.length <= 1, 'two scalers change its replicas'],
      [owners.length === 0 || replicas === undefined, 'has replicas that a scaler owns'],
      [owners.length === 1 || replicas !== undefined, 'nothing says how many replicas it has'],
      [minimum <= 1 || isGuarded, 'a drain may stop all of its replicas'],
      [minimum > 1 || !isGuarded, 'its budget would stop every drain'],
    ])
  })
}

/** The sentences whose condition does not hold, after the name of what they are about. */
export function faults(subject: string, claims: readonly [boolean, string][]): string[] {
  const before = subject === '' ? '' : `${subject}: `
  return claims.filter(([holds]) => !holds).map(([, sentence]) => `${before}${sentence}`)
}
