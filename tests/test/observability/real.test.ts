import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { readQueries } from '#src/observability/dashboards.ts'
import { metricsIn } from '#src/observability/expressions.ts'
import { type Prometheus, startPrometheus } from '#src/observability/prometheus.ts'
import { startTraffic } from '#src/observability/traffic.ts'
import { createPlatform } from '../helper.ts'

t.setTimeout(240_000)

/** What only a cluster has. Its names are those of KEDA 2.21 and kube-state-metrics 2. */
const ONLY_IN_A_CLUSTER = /^(keda|kube)_/
const PATIENCE_MS = 90_000

const isOfCluster = (expr: string) => metricsIn(expr).some((name) => ONLY_IN_A_CLUSTER.test(name))

/** The queries that have answered no number yet. */
async function unanswered(prometheus: Prometheus, exprs: readonly string[]): Promise<string[]> {
  const answers = await Promise.all(exprs.map((expr) => prometheus.query(expr)))
  return exprs.filter(
    (_expr, index) =>
      !answers[index]?.some(({ values }) => values.some(([, value]) => !Number.isNaN(value))),
  )
}

t.test('a real Prometheus reads a platform under load', async (t) => {
  const { platform, client } = await createPlatform(t)
  const prometheus = await startPrometheus(platform, t.testdir(), (line) => t.comment(line))
  t.teardown(() => prometheus.stop())
  const traffic = await startTraffic(client)

  await t.test('every query of every panel answers a number', async (t) => {
    const exprs = readQueries()
      .map(({ expr }) => expr)
      .filter((expr) => !isOfCluster(expr))
    t.ok(exprs.length > 60)
    const deadlineMs = performance.now() + PATIENCE_MS
    let left = await unanswered(prometheus, exprs)
    while (left.length > 0 && performance.now() < deadlineMs) {
      await wait(500)
      left = await unanswered(prometheus, left)
    }
    t.same(left, [])
  })

  await t.test('every rule is evaluated, and every metric it names is there', async (t) => {
    const rules = await prometheus.rules()
    t.ok(rules.length > 40)
    const names = await prometheus.metricNames()
    for (const { name, query, health, lastError } of rules) {
      t.equal(health, 'ok', `${name} ${lastError ?? ''}`)
      for (const metric of metricsIn(query)) {
        if (ONLY_IN_A_CLUSTER.test(metric)) continue
        t.ok(names.has(metric), `${name} reads ${metric}`)
      }
    }
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
