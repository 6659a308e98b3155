import type { Cluster } from './commands.ts'

const IMAGE = 'docker.io/library/node:24-slim'

/** A container of Node that keeps the restricted standard. */
export function nodeContainer(name: string, command: readonly string[]) {
  return {
    name,
    image: IMAGE,
    imagePullPolicy: 'IfNotPresent',
    command,
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  }
}

export const POD_SECURITY = {
  runAsNonRoot: true,
  runAsUser: 10001,
  seccompProfile: { type: 'RuntimeDefault' },
}

/** Runs a pod without any label of ours to its end and answers what it printed. */
export async function runStranger(
  { kubectl, apply }: Cluster,
  name: string,
  command: readonly string[],
): Promise<string> {
  await kubectl('delete', 'pod', name, '--ignore-not-found', '--wait')
  await apply(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        securityContext: POD_SECURITY,
        containers: [nodeContainer(name, command)],
      },
    }),
  )
  const ended = '--for=jsonpath={.status.phase}=Succeeded'
  await kubectl('wait', `pod/${name}`, ended, '--timeout=90s')
  return kubectl('logs', name)
}
