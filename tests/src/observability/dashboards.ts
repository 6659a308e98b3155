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

interface Panel {
  title: string
  type: string
  targets?: { expr: string; legendFormat: string }[]
}

/** Every query of every panel, with the variables of the dashboards filled in. */
export function readQueries(): Query[] {
  return filesIn('dashboards').flatMap((file) => {
    const { panels } = JSON.parse(readFileSync(`${CHART}/dashboards/${file}`, 'utf8'))
    return panels.flatMap(({ title, targets = [] }: Panel) =>
      targets.map(({ expr, legendFormat }) => ({
        dashboard: file.replace('.json', ''),
        panel: title,
        expr: expr.replaceAll('$__rate_interval', '1m').replace(/"\$(namespace|service)"/g, '".*"'),
        legend: legendFormat,
      })),
    )
  })
}

export const filesIn = (folder: string) => readdirSync(`${CHART}/${folder}`).sort()
