import { execFile } from 'node:child_process'
import { access, readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ensureHelm } from '@auction/local/install/helm.ts'
import { PROGRAMS_DIR } from '@auction/local/platform.ts'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from './objects.ts'

const execute = promisify(execFile)

export const CHARTS_DIR = fileURLToPath(new URL('../../../charts', import.meta.url))
const EVERYTHING_DIR = fileURLToPath(new URL('../../data/charts', import.meta.url))
/** The oldest that the charts promise to work with. */
export const KUBE_VERSION = '1.30.0'
const HELM_TIMEOUT_MS = 300_000

export const NAMESPACE = 'auction'
export const PROFILES = ['local', 'production', 'everything'] as const
export type Profile = (typeof PROFILES)[number]

/** The charts that are installed, and the names that the values of each assume of the others. */
const RELEASES: Readonly<Record<string, string>> = {
  'auction-platform': 'auction',
  'auction-data': 'auction-data',
  'auction-observability': 'auction-observability',
}

export interface RenderOptions {
  readonly release?: string
  /** `--set` expressions, after the profile. */
  readonly set?: readonly string[]
  /** Where the charts are; another folder for those of another version. */
  readonly chartsDir?: string
}

/** The charts to install that are in this tree. */
export async function installedCharts(): Promise<string[]> {
  const charts: string[] = []
  for (const chart of Object.keys(RELEASES)) {
    if (await exists(`${CHARTS_DIR}/${chart}/Chart.yaml`)) charts.push(chart)
  }
  return charts
}

/** Every chart there is, the library and the services' own included. */
export async function allCharts(): Promise<string[]> {
  const entries = await readdir(CHARTS_DIR)
  const isChart = await Promise.all(
    entries.map((name) => exists(`${CHARTS_DIR}/${name}/Chart.yaml`)),
  )
  return entries.filter((_name, index) => isChart[index]).toSorted()
}

/** The file of values of a profile; a chart without it uses its defaults there. */
export async function valuesFile(chart: string, profile: Profile): Promise<string | undefined> {
  const file =
    profile === 'everything'
      ? `${EVERYTHING_DIR}/${chart}-everything.yaml`
      : `${CHARTS_DIR}/${chart}/values-${profile}.yaml`
  return (await exists(file)) ? file : undefined
}

export async function render(
  chart: string,
  profile: Profile,
  { release = RELEASES[chart] ?? chart, set = [], chartsDir = CHARTS_DIR }: RenderOptions = {},
): Promise<KubeObject[]> {
  const file = await valuesFile(chart, profile)
  const values = file === undefined ? [] : ['--values', file]
  const stdout = await helm([
    ...['template', release, `${chartsDir}/${chart}`, '--namespace', NAMESPACE],
    ...['--kube-version', KUBE_VERSION, ...values, ...set.flatMap((one) => ['--set', one])],
  ])
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null)
}

let program: Promise<string> | undefined

/** Runs Helm and answers what it printed; what it complains about is in the error. */
export async function helm(args: readonly string[]): Promise<string> {
  const named = process.env.TEST_HELM ?? ''
  program ??= named !== '' ? Promise.resolve(named) : ensureHelm(PROGRAMS_DIR, console.error)
  const { stdout } = await execute(await program, [...args], {
    timeout: HELM_TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  })
  return stdout
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
