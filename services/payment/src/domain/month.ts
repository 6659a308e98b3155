/** A month in UTC, `2026-07`: its first instant, and that of the next one. Undefined: it is none. */
export function readMonth(text: string): { from: Date; to: Date } | undefined {
  const [, year, month] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text) ?? []
  if (year === undefined || month === undefined) return undefined
  const [from, to] = [Number(month) - 1, Number(month)].map((index) => {
    const date = new Date(0)
    date.setUTCFullYear(Number(year), index, 1)
    return date
  })
  return from === undefined || to === undefined ? undefined : { from, to }
}
