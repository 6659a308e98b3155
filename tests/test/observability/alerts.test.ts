import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { ensurePrometheus } from '@auction/local/install/prometheus.ts'
import t from 'tap'
import { parse } from 'yaml'

interface Rule {
  alert?: string
  labels?: { severity?: string }
}
interface Rules {
  groups: { rules: Rule[] }[]
}
interface Cases {
  tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[]
}

const run = promisify(execFile)
const root = `${import.meta.dirname}/../../..`
const chart = `${root}/charts/auction-observability`
const filesOf = async (folder: string) =>
  (await readdir(folder))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `${folder}/${name}`)
const read = async <T>(path: string) => parse(await readFile(path, 'utf8')) as T

const ruleFiles = await filesOf(`${chart}/files/rules`)
const caseFiles = await filesOf(`${chart}/tests`)
const alerts = (await Promise.all(ruleFiles.map((path) => read<Rules>(path))))
  .flatMap(({ groups }) => groups.flatMap(({ rules }) => rules))
  .filter((rule) => rule.alert !== undefined)
const cases = (await Promise.all(caseFiles.map((path) => read<Cases>(path)))).flatMap(({ tests }) =>
  tests.flatMap(({ alert_rule_test }) => alert_rule_test),
)

t.test('every alert behaves in its cases as they say', async (t) => {
  const { promtool } = ensurePrometheus((line) => t.comment(line))
  await t.resolves(run(promtool, ['check', 'rules', ...ruleFiles]))
  await t.resolves(run(promtool, ['test', 'rules', ...caseFiles]))
})

t.test('every alert has a severity, a case that fires and one that does not', async (t) => {
  t.ok(alerts.length > 30)
  for (const { alert = '', labels } of alerts) {
    t.match(labels?.severity, /^(page|ticket)$/, alert)
    const own = cases.filter(({ alertname }) => alertname === alert)
    t.ok(
      own.some(({ exp_alerts }) => exp_alerts.length > 0),
      `${alert} fires`,
    )
    t.ok(
      own.some(({ exp_alerts }) => exp_alerts.length === 0),
      `${alert} does not always fire`,
    )
  }
})

t.test('every alert has a page to act by, and no page is without its alert', async (t) => {
  const pages = alerts.map(({ alert = '' }) => {
    const words = alert.replaceAll(/([a-z])([A-Z])/g, '$1-$2')
    return `${words.toLowerCase()}.md`
  })
  t.same((await readdir(`${root}/docs/runbooks`)).toSorted(), pages.toSorted())
})
