import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const CHART = fileURLToPath(
  new URL('../../../charts/auction-observability/files', import.meta.url),
)
export interface Query {
  dashboard: string
  panel: string
  expr: string
  legend: string
}

export interface Panel {
  title: string
  type: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: { expr: string; legendFormat: string }[]
  fieldConfig?: { defaults?: { unit?: string } }
}

/** Where the platform is, as Prometheus has it; a name and no pattern also finds a missing label. */
export const NAMESPACE = 'auction'

/** An expression with the variables of the dashboards filled in. */
export const fillIn = (expr: string) =>
  expr
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('"$namespace"', `"${NAMESPACE}"`)
    .replaceAll('"$service"', '".+"')

/** Every query of every panel, with the variables of the dashboards filled in. */
export function readQueries(): Query[] {
  return filesIn('dashboards').flatMap((file) => {
    const { panels } = JSON.parse(readFileSync(`${CHART}/dashboards/${file}`, 'utf8'))
    return panels.flatMap(({ title, targets = [] }: Panel) =>
      targets.map(({ expr, legendFormat }) => ({
        dashboard: file.replace('.json', ''),
        panel: title,
        expr: fillIn(expr),
        legend: legendFormat,
      })),
    )
  })
}

export const filesIn = (folder: string) => readdirSync(`${CHART}/${folder}`).sort()
