import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { readQueries } from '#src/observability/dashboards.ts'
import { metricsIn } from '#src/observability/expressions.ts'
import { type Prometheus, startPrometheus } from '#src/observability/prometheus.ts'
import { startTraffic } from '#src/observability/traffic.ts'
import { createPlatform } from '../helper.ts'

const PATIENCE_MS = 240_000

/** What only a cluster has, and whose source says that it is called so. */
const KEDA = 'KEDA: pkg/metricscollector/prommetrics.go'
const HPA = 'kube-state-metrics: internal/store/horizontalpodautoscaler.go'
const DEPLOYMENT = 'kube-state-metrics: internal/store/deployment.go'
const ONLY_IN_A_CLUSTER = new Map([
  ['keda_scaled_object_errors_total', KEDA],
  ['keda_scaler_metrics_value', KEDA],
  ['kube_horizontalpodautoscaler_spec_max_replicas', HPA],
  ['kube_horizontalpodautoscaler_status_current_replicas', HPA],
  ['kube_horizontalpodautoscaler_status_desired_replicas', HPA],
  ['kube_deployment_spec_replicas', DEPLOYMENT],
  ['kube_deployment_status_replicas_available', DEPLOYMENT],
])
/** Our metrics; the other metrics of a process are Node's. */
const OURS =
  /^(auction|bid|consumer|dead_letter|grpc|http|identity|live|notification|outbox|postgres)_/

const panels = readQueries()
// A panel that draws 0 where nothing happened would hide a name that nothing has.
const bare = (expr: string) => expr.replace(/ or on\(\) vector\(0\)$/, '')
const isOfCluster = (expr: string) => metricsIn(expr).some((name) => ONLY_IN_A_CLUSTER.has(name))
const familyOf = (name: string) => name.replace(/_(bucket|sum|count)$/, '')

/** The queries that have answered no number yet. */
async function unanswered(prometheus: Prometheus, exprs: readonly string[]): Promise<string[]> {
  const answers = await Promise.all(exprs.map((expr) => prometheus.query(expr)))
  return exprs.filter(
    (_expr, index) =>
      !answers[index]?.some(({ values }) => values.some(([, value]) => !Number.isNaN(value))),
  )
}

t.test('a real Prometheus reads a platform under load', async (t) => {
  const { platform, client } = await createPlatform(t, { hasOwnBroker: true })
  const prometheus = await startPrometheus(platform, t.testdir(), (line) => t.comment(line))
  t.teardown(() => prometheus.stop())
  const traffic = await startTraffic(client, platform)

  await t.test('every query of every panel answers a number', async (t) => {
    const exprs = panels.map(({ expr }) => bare(expr)).filter((expr) => !isOfCluster(expr))
    t.ok(exprs.length > 60)
    let left: readonly string[] = exprs
    const answered = waitFor(
      'a number for every query',
      async () => {
        left = await unanswered(prometheus, left)
        return left.length === 0
      },
      PATIENCE_MS,
      500,
    )
    await answered.catch(() => undefined)
    t.same(left, [])
  })

  const rules = await prometheus.rules()
  const names = await prometheus.metricNames()
  const read = new Set([...rules.map(({ query }) => query), ...panels.map(({ expr }) => expr)])
  const known = new Set([...read].flatMap(metricsIn))

  await t.test('every rule is evaluated, and every metric it names is there', async (t) => {
    t.ok(rules.length > 40)
    for (const { name, query, health, lastError } of rules) {
      t.equal(health, 'ok', `${name} ${lastError ?? ''}`)
      for (const metric of metricsIn(query)) {
        if (ONLY_IN_A_CLUSTER.has(metric)) continue
        t.ok(names.has(metric), `${name} reads ${metric}`)
      }
    }
  })

  await t.test('every metric of ours has a panel or a rule', async (t) => {
    const families = new Set([...known].map(familyOf))
    t.same(
      [...names].filter((name) => OURS.test(name) && !families.has(familyOf(name))),
      [],
    )
  })

  await t.test('what is said to need a cluster is read, and is not here', async (t) => {
    for (const [name] of ONLY_IN_A_CLUSTER) t.ok(known.has(name) && !names.has(name), name)
  })

  await traffic.stop()
})

t.test('the names of metrics are found in an expression', async (t) => {
  t.same(metricsIn('sum by (le) (rate(a_bucket{b="c_total"}[5m])) / on(x) group_left(y) a_count'), [
    'a_bucket',
    'a_count',
  ])
  t.same(metricsIn('max({__name__=~"x_(a|b)_y"}) > 0'), ['x_a_y', 'x_b_y'])
  t.same(metricsIn('absent(up) or vector(0) unless time() offset 5m > 1e3'), ['up'])
})
