import { globSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { specOf } from '#src/charts/objects.ts'
import {
  CHARTS_DIR,
  helm,
  installedCharts,
  PROFILES,
  render,
  valuesFile,
} from '#src/charts/render.ts'

/** Chart, one value, and what the refusal names: the chart it is of and the key. */
const REFUSED: readonly (readonly [string, string, ...string[]])[] = [
  ['auction-platform', 'gatewy.host=a', 'gatewy'],
  ['auction-platform', 'global.postgress.host=a', 'global', 'postgress'],
  ['auction-platform', 'global.image.tags=1', 'global.image', 'tags'],
  ['auction-platform', 'gateway.tls.hsts.second=1', 'gateway.tls.hsts', 'second'],
  ['auction-platform', 'bid.replicas=2', 'bid:', 'replicas'],
  ['auction-platform', 'bid.workloads.batch.replicas=2', 'bid:', 'workloads', 'batch'],
  ['auction-platform', 'bid.workloads.api.replica=2', 'workloads.api', 'replica'],
  ['auction-platform', 'web.workloads.server.autoscaling.min=2', 'autoscaling', 'min'],
  ['auction-platform', 'global.image.tag=latest', 'global.image.tag'],
  ['auction-platform', 'identity.image.tag=latest', 'identity:', 'image.tag'],
  ['auction-platform', 'tests.image=node:latest', 'tests.image'],
  ['auction-platform', 'bid.image.digest=sha256:abc', 'bid:', 'image.digest'],
  ['auction-platform', 'global.keda.enabled=maybe', 'global.keda.enabled'],
  ['auction-platform', 'global.postgres.port=none', 'global.postgres.port'],
  ['auction-platform', 'global.postgres.sslmode=prefer', 'global.postgres.sslmode'],
  ['auction-platform', 'global.logLevel=loud', 'global.logLevel'],
  ['auction-platform', 'global.otlp.sampleRatio=2', 'global.otlp.sampleRatio'],
  ['auction-platform', 'auction.workloads.api.replicas=many', 'workloads.api.replicas'],
  ['auction-platform', 'gateway.rateFactor=0', 'gateway.rateFactor'],
  ['auction-platform', 'global.rabbitmq.url=amqp://me:pw@broker/auction', 'global.rabbitmq.url'],
  ['auction-platform', 'global.rabbitmq.url=amqp://broker', 'global.rabbitmq.url'],
  ['auction-platform', 'global.rabbitmq.url=amqp://broker/auction', 'global.rabbitmq.url'],
  [
    ...(['auction-platform', 'global.rabbitmq.managementUrl=http://me:pw@broker:15672/a'] as const),
    'global.rabbitmq.managementUrl',
  ],
  // Peers that are none are everyone.
  ['auction-platform', 'global.networkPolicy.outside={}', 'global.networkPolicy.outside'],
  ['auction-platform', 'global.publicUrl=https://example.com/shop', 'global.publicUrl'],
  // Under http the cookie of a session has neither the prefix nor Secure.
  ['auction-platform', 'gateway.tls.enabled=true', 'gateway.tls.enabled', 'global.publicUrl'],
  ['auction-platform', 'global.otlp.endpoint=collector:4318', 'global.otlp.endpoint'],
  ['auction-platform', 'gateway.host=Auction_1`)', 'gateway.host'],
  ['auction-platform', 'global.trustedProxies={proxy.example.com}', 'global.trustedProxies.0'],
  ['auction-platform', 'auction.images.s3.bucket=Pictures', 'auction:', 'images.s3.bucket'],
  ['auction-platform', 'auction.images.s3.accessKey=a', 'auction:', 'images.s3', 'accessKey'],
  ['auction-platform', 'auction.images.s3.endpoint=minio:9000', 'auction:', 'images.s3.endpoint'],
  ['auction-data', 'modes=operators', 'modes'],
  ['auction-data', 'mode=docker', 'mode'],
  ['auction-data', 'rabbitmq.replicas=2', 'rabbitmq.replicas'],
  ['auction-data', 'rabbitmq.storage.sizes=1Gi', 'rabbitmq.storage', 'sizes'],
  ['auction-data', 'postgres.image=postgres:latest', 'postgres.image'],
  ['auction-data', 'postgres.storage.size=much', 'postgres.storage.size'],
  ['auction-data', 'postgres.parameters.log_parameter_max_length=-1', 'log_parameter_max_length'],
  ['auction-data', 'postgres.parameters.log_parameter_max_length=null', 'log_parameter_max_length'],
  [
    ...(['auction-data', 'postgres.parameters.log_parameter_max_length_on_error=64'] as const),
    'log_parameter_max_length_on_error',
  ],
  ['auction-data', 'postgres.parameters.log_error_verbosity=default', 'log_error_verbosity'],
  ['auction-data', 'rabbitmq.users.admin.permissions.read=.*', 'rabbitmq.users', 'admin'],
  ['auction-data', 'rabbitmq.users.crm.permissions.read=.*', 'users.crm', 'all three'],
  ['auction-data', 'databases={Identity}', 'databases.0'],
  ['auction-data', 'mailSink.image=axllent/mailpit:latest', 'mailSink.image'],
  ['auction-data', 'mailSink.port=25', 'mailSink', 'port'],
]

for (const [chart, value, ...named] of REFUSED) {
  t.test(`${chart} refuses ${value} and names it`, async (t) => {
    const error = await render(chart, 'local', { set: [value] }).catch((error: Error) => error)
    t.ok(error instanceof Error)
    // Versions of Helm write the way to a key with dots or with slashes.
    const said = String(error).replace(/^.*specifications of the schema/s, '')
    const way = said.replaceAll('/', '.')
    for (const name of named) t.ok(way.includes(name), `${name} in: ${said}`)
  })
}

for (const chart of await installedCharts()) {
  for (const profile of PROFILES) {
    t.test(`helm lint has nothing against ${chart} in profile ${profile}`, async () => {
      const file = await valuesFile(chart, profile)
      const values = file === undefined ? [] : ['--values', file]
      await helm(['lint', '--strict', `${CHARTS_DIR}/${chart}`, ...values])
    })
  }
}

t.test('one small node runs one pod of each process', async (t) => {
  const deployments = (await render('auction-platform', 'local')).filter(
    ({ kind }) => kind === 'Deployment',
  )
  t.ok(deployments.length > 0)
  // Where an autoscaler counts the pods, the Deployment names no number.
  const many = deployments.filter(
    (object) => (specOf<{ replicas?: number }>(object).replicas ?? 1) !== 1,
  )
  t.strictSame(
    many.map(({ metadata }) => metadata.name),
    [],
  )
})

t.test('helm lint has nothing against any chart alone', async (t) => {
  const charts = globSync('*/Chart.yaml', { cwd: CHARTS_DIR }).map((file) => dirname(file))
  t.ok(charts.length >= 7)
  for (const chart of charts) await helm(['lint', '--strict', `${CHARTS_DIR}/${chart}`])
})

t.test('a part of a service user is given without the rest of its rights', async (t) => {
  const rendered = await helm([
    'template',
    'data',
    `${CHARTS_DIR}/auction-data`,
    '--set=mode=operators',
    '--set=rabbitmq.users.bid.tags={monitoring}',
    '--set=rabbitmq.users.bid.permissions.read=^of_mine$',
  ])
  t.match(rendered, /\^of_mine\$/)
  t.match(rendered, 'bid\\.moves', 'the right to write is that of services.yaml')
})
