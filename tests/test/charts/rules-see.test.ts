import t from 'tap'
import { type KubeObject, titleOf } from '#src/charts/objects.ts'
import { render } from '#src/charts/render.ts'
import { longNames } from '#src/charts/rules/names.ts'
import { latePolicies, oneSidedWays, unguardedPods } from '#src/charts/rules/network.ts'
import { podFaults, replicaFaults } from '#src/charts/rules/pods.ts'
import { missingOfRoutes, missingSecrets, secretsMade } from '#src/charts/rules/references.ts'

type Rule = (objects: readonly KubeObject[]) => string[]

interface Mistake {
  readonly name: string
  readonly rule: Rule
  /** Object, what is replaced in its JSON, by what; without a replacement the object is gone. */
  readonly change: readonly [string, string?, string?]
  readonly says: RegExp
}

const secretsRule: Rule = (objects) => missingSecrets(objects, secretsMade(objects))
const BID = 'Deployment/auction-bid-api'

const MISTAKES: readonly Mistake[] = [
  {
    name: 'a container that may escalate',
    rule: podFaults,
    change: [BID, '"allowPrivilegeEscalation":false', '"allowPrivilegeEscalation":true'],
    says: /auction-bid-api.*may escalate/,
  },
  {
    name: 'a token that no process needs',
    rule: podFaults,
    change: [BID, '"automountServiceAccountToken":false', '"automountServiceAccountToken":true'],
    says: /wants no token/,
  },
  {
    name: 'an image that changes',
    rule: podFaults,
    change: [BID, 'auction/bid:0.1.0', 'auction/bid:latest'],
    says: /no fixed image/,
  },
  {
    name: 'two probes on one path',
    rule: podFaults,
    change: [BID, '/health/live', '/health/ready'],
    says: /do not ask three paths/,
  },
  {
    name: 'a limit of CPU',
    rule: podFaults,
    change: [BID, '"limits":{', '"limits":{"cpu":"1",'],
    says: /has a limit of CPU/,
  },
  {
    name: 'replicas that KEDA owns',
    rule: replicaFaults,
    change: ['Deployment/auction-auction-worker', '"spec":{', '"spec":{"replicas":2,'],
    says: /auction-auction-worker: has replicas that a scaler owns/,
  },
  {
    name: 'a pod without a policy',
    rule: unguardedPods,
    change: ['NetworkPolicy/auction-bid-api'],
    says: /auction-bid-api: no policy of its own says Ingress/,
  },
  {
    name: 'a policy that comes after its Job',
    rule: latePolicies,
    change: ['NetworkPolicy/auction-bid-migrate-hook', '"helm.sh/hook-weight":"-1"', '"a":"b"'],
    says: /Job\/auction-bid-migrate: its policy comes after it/,
  },
  {
    name: 'a caller that is not let in',
    rule: oneSidedWays,
    change: ['NetworkPolicy/auction-bid-api', '"app.kubernetes.io/component":"server"', '"a":"b"'],
    says: /auction-web-server -> .*auction-bid-api:8080: the other side does not let it in/,
  },
  {
    name: 'a Secret that nothing makes',
    rule: secretsRule,
    change: [BID, '"name":"auction-internal"', '"name":"auction-interal"'],
    says: /nothing makes Secret auction-interal/,
  },
  {
    name: 'a key that the Secret has not',
    rule: secretsRule,
    change: [BID, '"key":"INTERNAL_JWT_SECRET"', '"key":"JWT_SECRET"'],
    says: /Secret auction-internal has no key JWT_SECRET/,
  },
  {
    name: 'a route through a limit that is gone',
    rule: missingOfRoutes,
    change: ['Middleware/auction-rate-read'],
    says: /there is no Middleware\/auction-rate-read/,
  },
  {
    name: 'a name that KEDA cannot lengthen',
    rule: longNames,
    change: [
      'ScaledObject/auction-auction-worker',
      '"auction-auction-worker"',
      `"${'a'.repeat(55)}"`,
    ],
    says: /ScaledObject\/a{55}/,
  },
]

const rendered = await Promise.all(
  ['auction-platform', 'auction-data'].map((chart) => render(chart, 'local')),
)

for (const { name, rule, change, says } of MISTAKES) {
  t.test(`the rules see ${name}`, async (t) => {
    const sound = rendered.flat()
    t.same(rule(sound), [])
    t.match(rule(withMistake(sound, change)).join('\n'), says)
  })
}

function withMistake(
  objects: readonly KubeObject[],
  [title, from, to = '']: Mistake['change'],
): KubeObject[] {
  return objects.flatMap((object) => {
    if (titleOf(object) !== title) return [object]
    if (from === undefined) return []
    const text = JSON.stringify(object)
    if (!text.includes(from)) throw new Error(`${title} does not say ${from}`)
    return [JSON.parse(text.replaceAll(from, to)) as KubeObject]
  })
}
