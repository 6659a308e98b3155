export interface Row {
  goal: string
  what: string
  wanted: string
  measured: string
  isMet: boolean
}

export const median = (values: number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

export function atLeast(
  goal: string,
  what: string,
  ratio: number,
  wanted: number,
  detail = '',
): Row {
  return {
    goal,
    what,
    wanted: `>= ${wanted} x`,
    measured: `${ratio.toFixed(2)} x ${detail}`.trim(),
    isMet: ratio >= wanted,
  }
}

export function atMost(
  goal: string,
  what: string,
  value: number,
  wanted: number,
  unit: string,
): Row {
  return {
    goal,
    what,
    wanted: `<= ${wanted} ${unit}`,
    measured: `${value.toFixed(value < 10 ? 2 : 1)} ${unit}`,
    isMet: value <= wanted,
  }
}

export function print(rows: Row[]): void {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  console.log(line(['goal', 'what', 'wanted', 'measured', '']))
  console.log(line(['---', '---', '---', '---', '---']))
  for (const row of rows) {
    console.log(line([row.goal, row.what, row.wanted, row.measured, row.isMet ? 'met' : 'MISSED']))
  }
}
