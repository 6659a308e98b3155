import t from 'tap'
import { csvFormat } from '#src/domain/csv-format.ts'
import { columnOf, readHeader } from '#src/domain/csv-listing.ts'

const format = (text: string) => csvFormat(text, (name) => columnOf(name) !== undefined)

t.test('the delimiter is that by which the header has the most known columns', async (t) => {
  for (const [delimiter, sign] of [
    ['comma', ','],
    ['semicolon', ';'],
    ['tab', '\t'],
    ['pipe', '|'],
  ] as const) {
    const header = ['name', 'currencyCode', 'startPrice', 'note,with;others|here\t'].join(sign)
    t.match(format(`${header}\r\n`), { delimiter, start: 0, firstLine: 1 })
    t.match(format(`"name"${sign}"startPrice"`), { delimiter }, 'in quotes')
    t.match(format(`\r\n\r\nname${sign}startPrice\r\n`), { delimiter }, 'behind empty lines')
    t.match(format(`Bezeichnung${sign}Preis`), { delimiter }, 'also when it knows no column')
  }
  t.match(format('name'), { delimiter: 'comma' })
  t.match(format(''), { delimiter: 'comma' })
})

t.test('a first line sep= decides and is no row', async (t) => {
  t.strictSame(format('sep=;\r\nname;startPrice'), {
    delimiter: 'semicolon',
    start: 7,
    firstLine: 2,
  })
  t.match(format('SEP=\t\nname\tstartPrice'), { delimiter: 'tab', start: 6 })
  t.match(format('"sep=|"\rname|startPrice'), { delimiter: 'pipe', start: 8 })
  t.match(format('sep=;;;;\nname;startPrice'), { delimiter: 'semicolon', start: 9 })
  t.match(format('sep=,'), { delimiter: 'comma', start: 5 })
  t.match(format('sep=#\nname#startPrice'), { start: 0 }, 'another sign is not known')
})

t.test('a header of any length is read with bounded work', async (t) => {
  t.match(format('a,'.repeat(2_500_000)), { delimiter: 'comma' })
  t.match(readHeader(Array.from({ length: 65_000 }, () => '')), {
    problem: { column: 201, reason: 'too_many_columns' },
  })
})
