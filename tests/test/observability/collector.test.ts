import { readFile } from 'node:fs/promises'
import { bidErrors } from '@auction/bid/errors.ts'
import { requestErrors } from '@auction/common/http/error-answers.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import { SLOW_TRACE_MS } from '@auction/common/telemetry/request-observer.ts'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'

interface Policy {
  name: string
  latency?: { threshold_ms: number }
  string_attribute?: { key: string; values: string[] }
}

const file = `${import.meta.dirname}/../../../k8s/otel-collector.yaml`
const documents = parseAllDocuments(await readFile(file, 'utf8')).map((one) => one.toJS())
const { data } = documents.find(({ kind }) => kind === 'ConfigMap')
const { processors } = parse(data['config.yaml'])
const policies: Policy[] = processors.tail_sampling.policies

t.test('the collector keeps what the services send although it was not sampled', async (t) => {
  t.ok(policies.some(({ name }) => name === 'errors'))
  const slow = policies.find(({ latency }) => latency !== undefined)
  t.equal(slow?.latency?.threshold_ms, SLOW_TRACE_MS)
})

t.test('the refusals it keeps are those of ours that exist', async (t) => {
  const refused = policies.find((policy) => policy.string_attribute !== undefined)
  t.equal(refused?.string_attribute?.key, 'app.error_code')
  const ours = [
    ...[bidErrors.waitedTooLong(), bidErrors.queueFull(), serviceUnavailable()],
    requestErrors.internal(),
  ]
  t.same(refused?.string_attribute?.values.toSorted(), ours.map(({ code }) => code).toSorted())
})
