import { spawnSync } from 'node:child_process'
import { ensurePrometheus } from '@auction/local/install/prometheus.ts'
import t from 'tap'
import { readQueries } from '#src/observability/dashboards.ts'

t.test('every query of every dashboard is one that Prometheus can read', (t) => {
  const { promtool } = ensurePrometheus((line) => t.comment(line))
  const queries = readQueries()
  t.ok(queries.length > 60)
  // promtool reads expressions only as part of rules.
  const rules = queries.map(({ expr }, index) => ({ record: `query:${index}`, expr }))
  const text = JSON.stringify({ groups: [{ name: 'dashboards', rules }] })
  const folder = t.testdir({ 'queries.yaml': text })
  const run = spawnSync(promtool, ['check', 'rules', `${folder}/queries.yaml`])
  t.equal(run.status, 0, `${run.stdout}${run.stderr}`)
  t.end()
})
