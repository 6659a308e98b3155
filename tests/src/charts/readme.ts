import { readFile } from 'node:fs/promises'
import { isMap, isScalar, type Node, type Pair, parse, parseDocument, type YAMLMap } from 'yaml'
import { CHARTS_DIR } from './render.ts'

/** Below this line of a chart's README everything is written by `npm run chart-docs`. */
const BEGIN = '<!-- Written by `npm run chart-docs -w tests` from Chart.yaml and values.yaml. -->'

interface ChartFile {
  name: string
  version: string
  appVersion?: string
  kubeVersion?: string
  type: string
  dependencies?: { name: string; version: string; repository: string }[]
}

interface Row {
  key: string
  type: string
  value: string
  description: string
}

export const readmeFile = (chart: string) => `${CHARTS_DIR}/${chart}/README.md`

/** The README as it should be: what a person wrote, then tables in the manner of helm-docs. */
export async function renderReadme(chart: string): Promise<string> {
  const read = (name: string) => readFile(`${CHARTS_DIR}/${chart}/${name}`, 'utf8')
  const [written = ''] = (await read('README.md')).split(BEGIN)
  const about: ChartFile = parse(await read('Chart.yaml'))
  const values = await read('values.yaml').catch(() => undefined)
  const parts = [written.trimEnd(), BEGIN, facts(about)]
  if (about.dependencies !== undefined) parts.push(requirements(about.dependencies))
  if (values !== undefined) parts.push(`## Values\n\n${table(rowsOf(values))}`)
  return `${parts.join('\n\n')}\n`
}

function facts({ type, version, appVersion, kubeVersion }: ChartFile): string {
  const lines = [`Type: ${type}`, `Version: ${version}`]
  if (appVersion !== undefined) lines.push(`AppVersion: ${appVersion}`)
  if (kubeVersion !== undefined) lines.push(`Kubernetes: ${kubeVersion}`)
  return lines.join(' · ')
}

function requirements(dependencies: NonNullable<ChartFile['dependencies']>): string {
  const rows = dependencies.map(({ name, version, repository }) => line(repository, name, version))
  return ['## Requirements', '', line('Repository', 'Name', 'Version'), rule(3), ...rows].join('\n')
}

/** Every value that can be set, with the comment that stands above it. */
export function rowsOf(text: string): Row[] {
  const { contents } = parseDocument(text)
  return isMap(contents) ? rowsOfMap(contents, '', undefined) : []
}

function rowsOfMap(map: YAMLMap, path: string, inherited: string | undefined): Row[] {
  // A comment above the first key of a map is read as the map's own.
  const first = map.commentBefore ?? undefined
  return map.items.flatMap((item, index) => {
    const pair = item as Pair<Node, Node | null>
    const name = String(isScalar(pair.key) ? pair.key.value : pair.key)
    const key = `${path}${name.includes('.') ? `"${name}"` : name}`
    const comment = pair.key.commentBefore ?? (index === 0 ? (first ?? inherited) : undefined)
    const description = descriptionOf(comment ?? '')
    const { value } = pair
    // Flow maps are one value: {configMap: "", key: ca.crt}.
    if (isMap(value) && value.items.length > 0 && value.flow !== true) {
      return rowsOfMap(value, `${key}.`, value.commentBefore ?? undefined)
    }
    return [{ key, description, ...shown(value) }]
  })
}

/** What follows `--` in the last comment, its lines joined. */
function descriptionOf(comment: string): string {
  const lines = comment.split('\n').map((one) => one.trim())
  const at = lines.findLastIndex((one) => one.startsWith('-- '))
  if (at === -1) return ''
  return lines.slice(at).join(' ').slice(3)
}

function shown(node: Node | null): Pick<Row, 'type' | 'value'> {
  const value = node?.toJSON() as unknown
  if (Array.isArray(value)) return { type: 'list', value: JSON.stringify(value) }
  if (value === null || value === undefined) return { type: 'string', value: 'null' }
  if (typeof value === 'object') return { type: 'object', value: JSON.stringify(value) }
  const type = typeof value === 'boolean' ? 'bool' : typeof value === 'number' ? 'number' : 'string'
  return { type, value: JSON.stringify(value) }
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ key, type, value, description }) =>
    line(key, type, `\`${value}\``, description),
  )
  return [line('Key', 'Type', 'Default', 'Description'), rule(4), ...lines].join('\n')
}

const line = (...cells: string[]) =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
const rule = (columns: number) => `|${' --- |'.repeat(columns)}`
