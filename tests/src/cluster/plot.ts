/** Pods at a moment, and what made them come: messages that wait, percent of a wish. */
export interface PlottedSample {
  atSeconds: number
  replicas: number
  load: number
}

/** What the two lines are, and the title above them. */
export interface Legend {
  title: string
  load: string
  replicas: string
}

const WIDTH = 760
const HEIGHT = 300
const LEFT = 56
const RIGHT = 52
const TOP = 34
const BOTTOM = 40

/** Pods and what they have to do over time, as an SVG. */
export function plotScaling(samples: readonly PlottedSample[], legend: Legend): string {
  const { title } = legend
  const seconds = Math.max(1, samples.at(-1)?.atSeconds ?? 1)
  const loadMax = roundUp(Math.max(1, ...samples.map(({ load }) => load)))
  const replicasMax = Math.max(2, ...samples.map(({ replicas }) => replicas)) + 1
  const x = (at: number) => LEFT + (at / seconds) * (WIDTH - LEFT - RIGHT)
  const y = (share: number) => HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
  const line = (value: (sample: PlottedSample) => number) =>
    samples.map((sample) => `${x(sample.atSeconds).toFixed(1)},${y(value(sample)).toFixed(1)}`)
  const load = line((sample) => sample.load / loadMax)
  const replicas = steps(line((sample) => sample.replicas / replicasMax))
  const ticks = [0, 0.25, 0.5, 0.75, 1]
  const text = (at: number, up: number, value: string, more = '') =>
    `<text x="${at.toFixed(1)}" y="${up.toFixed(1)}" ${more}>${value}</text>`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(LEFT, 20, title, 'font-size="14" font-weight="bold"'),
    ...ticks.map(
      (tick) =>
        `<path d="M${LEFT} ${y(tick)}H${WIDTH - RIGHT}" stroke="#ddd"/>${text(LEFT - 6, y(tick) + 4, String(Math.round(tick * loadMax)), 'text-anchor="end" fill="#1f77b4"')}`,
    ),
    ...Array.from({ length: replicasMax + 1 }, (_, count) =>
      text(WIDTH - RIGHT + 8, y(count / replicasMax) + 4, String(count), 'fill="#d62728"'),
    ),
    ...ticks.map((tick) =>
      text(
        x(tick * seconds),
        HEIGHT - 22,
        `${Math.round(tick * seconds)} s`,
        'text-anchor="middle"',
      ),
    ),
    `<polyline points="${load.join(' ')}" fill="none" stroke="#1f77b4" stroke-width="2"/>`,
    `<polyline points="${replicas.join(' ')}" fill="none" stroke="#d62728" stroke-width="2"/>`,
    text(LEFT, HEIGHT - 6, `${legend.load} (left)`, 'fill="#1f77b4"'),
    text(LEFT + 260, HEIGHT - 6, `${legend.replicas} (right)`, 'fill="#d62728"'),
    '</svg>',
    '',
  ].join('\n')
}

/** A number of pods does not pass through fractions on its way. */
function steps(points: readonly string[]): string[] {
  return points.flatMap((point, index) => {
    const [, before] = (points[index - 1] ?? point).split(',')
    return [`${point.split(',')[0]},${before}`, point]
  })
}

function roundUp(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value))
  return Math.ceil(value / unit) * unit
}
