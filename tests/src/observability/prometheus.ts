import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '@auction/common/testing/ports.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { ensurePrometheus } from '@auction/local/install/prometheus.ts'
import type { Platform } from '@auction/local/platform.ts'
import { stringify } from 'yaml'
import { CHART, filesIn, NAMESPACE } from './dashboards.ts'

export interface Series {
  metric: Record<string, string>
  /** Seconds and value; one of an instant query, all of a range query. */
  values: [number, number][]
}

export interface RuleState {
  name: string
  query: string
  health: string
  lastError?: string
}

export interface Prometheus {
  query(expr: string): Promise<Series[]>
  range(expr: string, seconds: number): Promise<Series[]>
  rules(): Promise<RuleState[]>
  metricNames(): Promise<ReadonlySet<string>>
  stop(): Promise<void>
}

/**
 * Everything is read with the labels that the operator's monitors give it: the services' and the
 * broker's by PodMonitors, the gateway's by its own chart's ServiceMonitor. That one gives every
 * series a label `service`, so it must honour the labels that Traefik itself writes.
 */
function scrapeConfigs({ metrics }: Pick<Platform, 'metrics'>): object[] {
  const reads = (name: string, labels: Record<string, string>) => [
    { targets: [new URL(metrics.get(name) ?? '').host], labels: { container: name, ...labels } },
  ]
  const processes = [...metrics.keys()].filter((name) => name !== 'traefik' && name !== 'rabbitmq')
  const job = 'auction/auction-data-rabbitmq'
  const broker = { job, namespace: NAMESPACE, pod: 'auction-data-rabbitmq-0' }
  const gateway = { job: 'traefik', namespace: 'traefik', pod: 'traefik-0', service: 'traefik' }
  return [
    ...processes.map((name) => ({
      job_name: name,
      honor_labels: true,
      static_configs: reads(name, {
        job: name.split('-')[0] ?? name,
        namespace: NAMESPACE,
        pod: `${name}-0`,
      }),
    })),
    { job_name: 'traefik', honor_labels: true, static_configs: reads('traefik', gateway) },
    { job_name: 'rabbitmq', static_configs: reads('rabbitmq', broker) },
    {
      job_name: 'rabbitmq-queues',
      metrics_path: '/metrics/detailed',
      params: { family: ['queue_coarse_metrics', 'queue_consumer_count'], vhost: ['/'] },
      static_configs: reads('rabbitmq', broker),
    },
  ]
}

/** A real Prometheus that reads a running platform every second and has the chart's rules. */
export async function startPrometheus(
  platform: Pick<Platform, 'metrics'>,
  folder: string,
  log: (line: string) => void,
): Promise<Prometheus> {
  const { prometheus } = ensurePrometheus(log)
  const [port = 0] = await freePorts(1)
  const file = join(folder, 'prometheus.yaml')
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: filesIn('rules').map((name) => join(CHART, 'rules', name)),
    scrape_configs: scrapeConfigs(platform),
  }
  writeFileSync(file, stringify(config))
  const child = spawn(
    prometheus,
    [
      ...[`--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'prometheus')}`],
      ...[`--web.listen-address=127.0.0.1:${port}`, '--log.level=error'],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const url = `http://127.0.0.1:${port}`
  await waitFor('Prometheus', async () => {
    if (child.exitCode !== null) throw new Error(`Prometheus ended with ${child.exitCode}`)
    return (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok
  })
  return createClient(url, child)
}

function createClient(url: string, child: ChildProcess): Prometheus {
  const get = async (path: string, parameters: Record<string, string> = {}) => {
    const answer = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`)
    const { status, error, data } = (await answer.json()) as Record<string, unknown>
    if (status !== 'success') throw new Error(`${parameters.query ?? path}: ${String(error)}`)
    return data
  }
  const number = ([atSeconds, text]: [number, string]): [number, number] => [
    atSeconds,
    Number(text),
  ]
  return {
    async query(expr) {
      const { result } = (await get('query', { query: expr })) as {
        result: { metric: Record<string, string>; value: [number, string] }[]
      }
      return result.map(({ metric, value }) => ({ metric, values: [number(value)] }))
    },
    async range(expr, seconds) {
      const end = Date.now() / 1000
      const times = { start: String(end - seconds), end: String(end), step: '1' }
      const { result } = (await get('query_range', { query: expr, ...times })) as {
        result: { metric: Record<string, string>; values: [number, string][] }[]
      }
      return result.map(({ metric, values }) => ({ metric, values: values.map(number) }))
    },
    async rules() {
      const { groups } = (await get('rules')) as { groups: { rules: RuleState[] }[] }
      return groups.flatMap(({ rules }) => rules)
    },
    async metricNames() {
      return new Set((await get('label/__name__/values')) as string[])
    },
    async stop() {
      if (child.exitCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}
