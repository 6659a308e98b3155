export interface Row {
  goal: string
  what: string
  wanted: string
  ours: string
  baseline: string
  ratio: string
  /** Undefined when there is no goal: a figure to read beside the others. */
  isMet: boolean | undefined
}

/** The middle value; of an even number, the lower of the two in the middle, so it was measured. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN
}

export interface Compared {
  goal: string
  what: string
  ours: number
  baseline: number
  /** The least ratio; none when the figure is only to be read. */
  wanted?: number
  unit: string
  /** A latency is better when it is lower: then the ratio is the baseline's over ours. */
  isLowerBetter?: boolean
}

/** A ratio to a baseline of the same run. */
export function versus(compared: Compared): Row {
  const { goal, what, ours, baseline, wanted, unit, isLowerBetter = false } = compared
  const ratio = isLowerBetter ? baseline / ours : ours / baseline
  return {
    goal,
    what,
    wanted: wanted === undefined ? '' : `>= ${wanted} x`,
    ours: figure(ours, unit),
    baseline: figure(baseline, unit),
    ratio: `${ratio.toFixed(ratio < 10 ? 2 : 1)} x`,
    isMet: wanted === undefined ? undefined : ratio >= wanted,
  }
}

/** A goal that is a bound on a figure of ours. */
export function atMost(
  goal: string,
  what: string,
  ours: number,
  wanted: number,
  unit: string,
): Row {
  return {
    goal,
    what,
    wanted: `<= ${wanted} ${unit}`,
    ours: figure(ours, unit),
    baseline: '',
    ratio: '',
    isMet: ours <= wanted,
  }
}

/** A goal that is a least figure of ours. */
export function atLeast(
  goal: string,
  what: string,
  ours: number,
  wanted: number,
  unit: string,
): Row {
  const isMet = ours >= wanted
  return {
    goal,
    what,
    wanted: `>= ${wanted} ${unit}`,
    ours: figure(ours, unit),
    baseline: '',
    ratio: '',
    isMet,
  }
}

/** A figure without a goal. */
export function seen(goal: string, what: string, ours: string, baseline: string): Row {
  return { goal, what, wanted: '', ours, baseline, ratio: '', isMet: undefined }
}

function figure(value: number, unit: string): string {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0
  return unit === '/s' ? `${value.toFixed(0)}/s` : `${value.toFixed(digits)} ${unit}`
}

/** Prints the table as Markdown, so that a run can be kept as it is. */
export function print(rows: Row[]): void {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  const heads = ['goal', 'what', 'wanted', 'ours', 'baseline', 'ratio', '']
  console.log(line(heads))
  console.log(line(heads.map(() => '---')))
  for (const { goal, what, wanted, ours, baseline, ratio, isMet } of rows) {
    const verdict = isMet === undefined ? '' : isMet ? 'met' : '**missed**'
    console.log(line([goal, what, wanted, ours, baseline, ratio, verdict]))
  }
}
