/// <reference lib="dom" />
// What is handed to the page runs there.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Browser, Page } from 'puppeteer-core'
import { openPage } from '../browser/browser.ts'
import { CHART, filesIn, fillIn, type Panel } from './dashboards.ts'
import type { Prometheus } from './prometheus.ts'

/** One panel with its data, as the page draws it. */
interface Drawing {
  title: string
  type: string
  unit: string
  grid: { x: number; y: number; w: number; h: number }
  lines: { name: string; values: [number, number][] }[]
}

const ROW_HEIGHT = 34
const WIDTH = 1_200

/**
 * Draws every dashboard from what Prometheus has of the last seconds, in Grafana's layout, into one
 * PNG each. Answers their paths.
 */
export async function drawDashboards(
  browser: Browser,
  prometheus: Prometheus,
  { folder, seconds }: { folder: string; seconds: number },
): Promise<string[]> {
  const paths: string[] = []
  for (const file of filesIn('dashboards')) {
    const { title, panels } = JSON.parse(readFileSync(`${CHART}/dashboards/${file}`, 'utf8')) as {
      title: string
      panels: Panel[]
    }
    const drawings = await Promise.all(panels.map((panel) => measure(prometheus, panel, seconds)))
    const page = await openPage(browser)
    await draw(page, title, drawings)
    const path = join(folder, file.replace('.json', '.png'))
    await page.screenshot({ path, fullPage: true })
    await page.close()
    paths.push(path)
  }
  return paths
}

async function measure(prometheus: Prometheus, panel: Panel, seconds: number): Promise<Drawing> {
  const { title, type, targets = [], gridPos, fieldConfig } = panel
  const lines = await Promise.all(
    targets.map(async ({ expr, legendFormat }) =>
      (await prometheus.range(fillIn(expr), seconds)).map(({ metric, values }) => ({
        // Without a label it is the 0 of `or on() vector(0)`.
        name:
          legendFormat
            .replaceAll(/\{\{(\w+)\}\}/g, (_whole, label) => metric[label] ?? '')
            .trim() || 'none yet',
        values,
      })),
    ),
  )
  return {
    title,
    type,
    grid: gridPos,
    lines: lines.flat(),
    unit: fieldConfig?.defaults?.unit ?? 'short',
  }
}

async function draw(page: Page, title: string, drawings: Drawing[]): Promise<void> {
  const require = createRequire(import.meta.url)
  const folder = join(require.resolve('uplot/package.json'), '../dist')
  const rows = Math.max(...drawings.map(({ grid }) => grid.y + grid.h))
  await page.setViewport({ width: WIDTH, height: (rows + 2) * ROW_HEIGHT })
  await page.setContent(`<!doctype html><meta charset="utf-8"><style>
    body { margin: 0; font: 13px sans-serif; background: #f4f5f5; color: #222 }
    h1 { font-size: 18px; margin: 8px 12px } #board { position: relative }
    .panel { position: absolute; background: #fff; border: 1px solid #ddd; border-radius: 3px;
      box-sizing: border-box; padding: 4px 8px; overflow: hidden }
    .panel h2 { font-size: 13px; margin: 0 0 2px } .row { background: none; border: none }
    .row h2 { font-size: 15px } .stat { font-size: 30px; color: #14505c }
    .none { color: #999; padding: 20px } .legend { font-size: 11px; line-height: 15px }
    .legend b { margin-right: 12px; font-weight: normal; white-space: nowrap; display: inline-block }
    </style><h1></h1><div id="board"></div>`)
  await page.addStyleTag({ path: join(folder, 'uPlot.min.css') })
  await page.addScriptTag({ path: join(folder, 'uPlot.iife.min.js') })
  await page.evaluate(drawInPage, { title, drawings, rowHeight: ROW_HEIGHT, width: WIDTH })
}

interface Board {
  title: string
  drawings: Drawing[]
  rowHeight: number
  width: number
}

/** Runs in the page and so uses nothing from outside itself. */
function drawInPage({ title, drawings, rowHeight, width }: Board): void {
  const COLOURS = '#1f77b4 #d62728 #2ca02c #9467bd #ff7f0e #17becf #8c564b #e377c2 #7f7f7f #bcbd22'
  const LINES_MAX = 10
  type Plot = new (options: object, data: unknown[], into: HTMLElement) => unknown
  const { uPlot } = globalThis as unknown as { uPlot: Plot }
  const text = (value: number, unit: string): string => {
    if (unit === 'percentunit') return `${(value * 100).toFixed(1)} %`
    if (unit === 'bytes') return `${(value / 2 ** 20).toFixed(0)} MiB`
    if (unit === 's' && value >= 120) return `${(value / 60).toFixed(0)} min`
    if (unit === 's' && Math.abs(value) < 1) return `${(value * 1000).toFixed(1)} ms`
    if (unit === 's') return `${value.toFixed(1)} s`
    return `${Math.round(value * 100) / 100}${unit === 'reqps' || unit === 'ops' ? ' /s' : ''}`
  }
  const plot = ({ lines, unit, grid }: Drawing, into: HTMLElement): void => {
    const shown = [...lines]
      .sort((a, b) => (b.values.at(-1)?.[1] ?? 0) - (a.values.at(-1)?.[1] ?? 0))
      .slice(0, LINES_MAX)
    const times = [...new Set(shown.flatMap(({ values }) => values.map(([at]) => at)))].sort()
    const data = shown.map(({ values }) => {
      const byTime = new Map(values)
      return times.map((at) => {
        const value = byTime.get(at)
        return value === undefined || Number.isNaN(value) ? null : value
      })
    })
    const colours = COLOURS.split(' ')
    const series = shown.map(({ name }, index) => ({
      label: name,
      stroke: colours[index % colours.length],
      width: 1.5,
      spanGaps: true,
    }))
    const axis = {
      size: 70,
      values: (_plot: unknown, ticks: number[]) => ticks.map((at) => text(at, unit)),
    }
    // One line of UTC: its own second line runs into itself where a panel is narrow.
    const clock = {
      space: 80,
      values: (_plot: unknown, ticks: number[]) =>
        ticks.map((at) => new Date(at * 1000).toISOString().slice(11, 19)),
    }
    const legend = document.createElement('div')
    legend.className = 'legend'
    for (const { label, stroke } of series) {
      const entry = document.createElement('b')
      entry.textContent = `\u2014 ${label}`
      entry.style.color = stroke ?? ''
      legend.append(entry)
    }
    into.after(legend)
    const options = {
      width: (grid.w * width) / 24 - 26,
      height: Math.max(90, grid.h * rowHeight - 40 - legend.offsetHeight),
      series: [{}, ...series],
      axes: [clock, axis],
      scales: {
        y: { range: (_plot: unknown, _min: number, max: number) => [0, max > 0 ? max * 1.1 : 1] },
      },
      cursor: { show: false },
      legend: { show: false },
    }
    new uPlot(options, [times, ...data], into)
  }
  const heading = document.querySelector('h1')
  if (heading !== null) heading.textContent = title
  for (const drawing of drawings) {
    const { grid, type, lines, unit } = drawing
    const box = document.createElement('div')
    box.className = type === 'row' ? 'panel row' : 'panel'
    box.style.left = `${(grid.x * width) / 24 + 3}px`
    box.style.top = `${grid.y * rowHeight}px`
    box.style.width = `${(grid.w * width) / 24 - 6}px`
    box.style.height = `${grid.h * rowHeight - 6}px`
    const caption = document.createElement('h2')
    caption.textContent = drawing.title
    box.append(caption)
    document.getElementById('board')?.append(box)
    if (type === 'row') continue
    const into = document.createElement('div')
    box.append(into)
    const last = lines[0]?.values.at(-1)?.[1]
    if (last === undefined) {
      into.className = 'none'
      into.textContent = 'no data'
    } else if (type === 'stat') {
      into.className = 'stat'
      into.textContent = Number.isNaN(last) ? '–' : text(last, unit)
    } else plot(drawing, into)
  }
}
