import { setImmediate } from 'node:timers/promises'
import { stringify } from 'csv-stringify/sync'
import fc from 'fast-check'
import t from 'tap'
import { CsvSyntaxError, csvRecords } from '#src/app/spreadsheets/csv-records.ts'

const read = async (text: string, delimiter = ',') => {
  const found: { cells: string[]; line: number }[] = []
  for await (const record of csvRecords(text, { delimiter, firstLine: 1 })) found.push(record)
  return found
}

const SIGNS = [
  '"',
  ',',
  ';',
  '\t',
  '\r',
  '\n',
  '\r\n',
  ' ',
  "'",
  '=',
  'a',
  'é',
  '京',
  '😀',
  '\ufeff',
  '\0',
]

t.test('every cell comes back as it was, with the line on which its record begins', async (t) => {
  const cell = fc.string({ unit: fc.constantFrom(...SIGNS), maxLength: 6 })
  const records = fc.array(fc.array(cell, { minLength: 2, maxLength: 3 }), {
    minLength: 1,
    maxLength: 6,
  })
  const lineEnd = fc.constantFrom('\r\n', '\n', '\r')
  const delimiters = fc.constantFrom(',', ';', '\t', '|')
  await fc.assert(
    fc.asyncProperty(records, lineEnd, delimiters, async (rows, end, delimiter) => {
      const format = { delimiter, record_delimiter: end, quote_record_delimiter: true }
      const lines = rows.map((row) => stringify([row], format))
      let line = 1
      const wanted = rows.map((cells, index) => {
        const record = { cells, line }
        line += lines[index]?.match(/\r\n|\n|\r/g)?.length ?? 0
        return record
      })
      t.strictSame(await read(lines.join(''), delimiter), wanted)
      // Empty lines are no records, and count.
      t.strictSame(
        await read(lines.join(end + end), delimiter),
        wanted.map((record, index) => ({ ...record, line: record.line + 2 * index })),
      )
    }),
    { numRuns: 300 },
  )
})

t.test('a chunk may end inside a character, a line end or a quote', async (t) => {
  // The parser gets 64 KB at a time.
  for (let shift = 0; shift < 12; shift++) {
    const long = `${'x'.repeat(65_510 - 20 + shift)}`
    const rows = [
      ['a', `${long}`.slice(0, 60_000)],
      ['b', `${long.slice(60_000)}😀""\r\n京`],
      ['c', 'd'],
    ]
    const text = stringify(rows, { record_delimiter: '\r\n', quote_record_delimiter: true })
    t.strictSame(
      (await read(text)).map(({ cells }) => cells),
      rows,
    )
  }
})

t.test(
  'records before a syntax error are read, and the error names the line of its record',
  async (t) => {
    for (const count of [0, 1, 3, 40, 5_000]) {
      const rows = '"1\r\n2",b\r\n'.repeat(count)
      for (const [broken, reason] of [
        ['"a"b,c\r\n', 'invalid_closing_quote'],
        ['a"b,c\r\n', 'invalid_opening_quote'],
        ['\r\n\r\n"a,b\r\nc\r\n', 'quote_not_closed'],
      ] as const) {
        const found: number[] = []
        const blank = broken.startsWith('\r') ? 2 : 0
        try {
          for await (const { line } of csvRecords(rows + broken, {
            delimiter: ',',
            firstLine: 1,
          })) {
            found.push(line)
          }
          t.fail('no error')
        } catch (error) {
          t.match(error, { reason, line: 2 * count + 1 + blank })
          t.type(error, CsvSyntaxError)
        }
        t.strictSame(
          found,
          Array.from({ length: count }, (_, index) => 2 * index + 1),
        )
      }
    }
  },
)

t.test('a file of a megabyte lets others have their turn, whatever is in it', async (t) => {
  for (const unit of ['\n', ',\n', '""\n', 'a,b,c\r\n']) {
    let turns = 0
    let isDone = false
    const others = async () => {
      for (; !isDone; turns++) await setImmediate()
    }
    const counting = others()
    const text = unit.repeat(Math.ceil((1024 * 1024) / unit.length))
    let records = 0
    for await (const { cells } of csvRecords(text, { delimiter: ',', firstLine: 1 }))
      records += Math.min(1, cells.length)
    isDone = true
    await counting
    t.equal(records, unit === '\n' ? 0 : text.length / unit.length)
    t.ok(unit === '\n' || turns >= 10, `${turns} turns`)
  }
})
