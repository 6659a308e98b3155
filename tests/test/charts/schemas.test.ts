import { readFile } from 'node:fs/promises'
import { SERVICE_NAMES } from '@auction/local/service-list.ts'
import { Ajv, type ValidateFunction } from 'ajv'
import t from 'tap'
import { type KubeObject, titleOf } from '#src/charts/objects.ts'
import { installedCharts, PROFILES, render } from '#src/charts/render.ts'
import {
  extractSchema,
  kindOf,
  type OpenApi,
  type Schema,
  schemaFile,
} from '#src/charts/schemas.ts'

const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false })
const known = new Map<string, ValidateFunction>()

async function validatorOf(object: KubeObject): Promise<ValidateFunction> {
  const file = schemaFile(kindOf(object))
  const validate = known.get(file) ?? ajv.compile(JSON.parse(await readFile(file, 'utf8')))
  known.set(file, validate)
  return validate
}

async function faultsOf(object: KubeObject): Promise<string[]> {
  const validate = await validatorOf(object)
  if (validate(object)) return []
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) =>
      `${titleOf(object)} ${instancePath}: ${message} ${JSON.stringify(params)}`,
  )
}

for (const profile of PROFILES) {
  for (const chart of await installedCharts()) {
    t.test(`${chart} in profile ${profile} writes what the API server knows`, async (t) => {
      for (const object of await render(chart, profile)) t.same(await faultsOf(object), [])
    })
  }
}

// What the profile of the platform says of one chart; a chart alone has no profile.
const OF_PROFILE: Readonly<Record<string, readonly string[]>> = {
  notification: [
    'smtp.host=auction-data-mail-sink',
    'smtp.port=1025',
    'smtp.tls=none',
    'smtp.from=auction@localhost',
    'smtp.egress[0].podSelector.matchLabels.auction-platform/mail=sink',
  ],
}
const SCRAPED = ['global.monitoring.enabled=true', 'global.keda.enabled=true']

for (const chart of SERVICE_NAMES) {
  t.test(`${chart} alone is as closed as it is in the platform`, async (t) => {
    const platform = await render('auction-platform', 'local', { set: SCRAPED })
    for (const set of [[], SCRAPED]) {
      const own = OF_PROFILE[chart] ?? []
      const alone = await render(chart, 'local', { release: 'auction', set: [...set, ...own] })
      t.ok(alone.length > 3)
      for (const object of alone) t.same(await faultsOf(object), [])
      if (set.length === 0) continue
      const policies = alone.filter(({ kind }) => kind === 'NetworkPolicy')
      t.not(policies.length, 0)
      for (const policy of policies) {
        const same = platform.find((object) => titleOf(object) === titleOf(policy))
        t.same(policy.spec, same?.spec, titleOf(policy))
      }
    }
  })
}

type Spec = { [key: string]: Spec & unknown[] }
const MISTAKES: readonly (readonly [string, (spec: Spec) => void])[] = [
  ['Deployment', (spec) => Object.assign(spec.template?.spec ?? {}, { serviceAcountName: 'a' })],
  ['Deployment', (spec) => Object.assign(spec, { replicas: 'two' })],
  ['NetworkPolicy', (spec) => Object.assign(spec, { ingress: null })],
  ['IngressRoute', (spec) => Object.assign(spec.routes?.[0] ?? {}, { middleware: [] })],
  ['ScaledObject', (spec) => Object.assign(spec, { minReplicas: 1 })],
  ['PodMonitor', (spec) => Object.assign(spec.podMetricsEndpoints?.[0] ?? {}, { intervall: '1s' })],
  ['Cluster', (spec) => Object.assign(spec.storage ?? {}, { sizes: '1Gi' })],
  ['RabbitmqCluster', (spec) => Object.assign(spec.persistence ?? {}, { storage: ['1Gi'] })],
]

t.test('mistakes that a server drops without a word are seen', async (t) => {
  const charts = await installedCharts()
  const all = (await Promise.all(charts.map((chart) => render(chart, 'production')))).flat()
  for (const [kind, spoil] of MISTAKES) {
    const object = structuredClone(all.find((one) => one.kind === kind)) as KubeObject
    t.same(await faultsOf(object), [], kind)
    spoil(object.spec as Spec)
    t.not((await faultsOf(object)).length, 0, `${kind}: ${spoil}`)
  }
})

t.test('a schema keeps what checks and leaves out what describes', async (t) => {
  const part = { $ref: '#/components/schemas/part' }
  const kind: Schema = {
    type: 'object',
    description: 'A thing',
    'x-kubernetes-group-version-kind': [{ group: 'a.b', version: 'v1', kind: 'Thing' }],
    properties: {
      spec: { allOf: [part], default: {} },
      port: { 'x-kubernetes-int-or-string': true },
      word: { type: 'string', pattern: '^(?i)(a|b)?$' },
      free: { type: 'object', properties: {}, 'x-kubernetes-preserve-unknown-fields': true },
      status: { type: 'object' },
    },
  }
  const schemas = { kind, part: { type: 'object', properties: { self: part } }, other: {} }
  const openApi: OpenApi = { components: { schemas } }
  const wanted = { group: 'a.b', version: 'v1', kind: 'Thing' }
  t.same(extractSchema(openApi, wanted), {
    type: 'object',
    additionalProperties: false,
    properties: {
      spec: { allOf: [{ $ref: '#/definitions/part' }] },
      port: { type: ['integer', 'string'] },
      word: { type: 'string', pattern: '^(?i:(a|b)?)$' },
      free: { type: 'object', properties: {} },
    },
    definitions: {
      part: {
        type: 'object',
        additionalProperties: false,
        properties: { self: { $ref: '#/definitions/part' } },
      },
    },
  })
  t.throws(() => extractSchema(openApi, { ...wanted, version: 'v2' }), /no Thing of a.b/)
})
