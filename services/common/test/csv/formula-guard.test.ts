import fc from 'fast-check'
import t from 'tap'
import { guardFormula, unguardFormula } from '#src/csv/formula-guard.ts'

const SIGNS = [
  "'",
  '=',
  '+',
  '-',
  '@',
  '\t',
  '\r',
  '\n',
  ' ',
  '\u00a0',
  '\ufeff',
  '＝',
  'a',
  '1',
  '"',
]

t.test('a guarded cell comes back as it was, whatever it holds', async (t) => {
  const cells = fc.oneof(
    fc.string({ unit: fc.constantFrom(...SIGNS), maxLength: 8 }),
    fc.string({ unit: 'binary', maxLength: 20 }),
  )
  fc.assert(
    fc.property(cells, (cell) => unguardFormula(guardFormula(cell)) === cell),
    { numRuns: 20_000 },
  )
  t.pass()
})

t.test('a spreadsheet runs none of the guarded cells', async (t) => {
  for (const cell of [
    '=1+1',
    '+1',
    '-50% lamp',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    '\n=1',
    '＝1',
    '－1',
    '＋1',
    '＠a',
  ]) {
    t.equal(guardFormula(cell), `'${cell}`)
  }
  for (const cell of ['  =1+1', '\u00a0=1', '\ufeff=1', '\u200b-1', "'=1", "''-1"]) {
    t.equal(guardFormula(cell), `'${cell}`, `${JSON.stringify(cell)}, behind what is not seen`)
  }
})

t.test('other cells get no guard, and lose no apostrophe', async (t) => {
  for (const cell of [
    '',
    'lamp',
    'a=b',
    "'t Hooft",
    "'",
    "''",
    ' two blanks',
    '1-2',
    '{"a":1}',
    '007',
  ]) {
    t.equal(guardFormula(cell), cell)
    t.equal(unguardFormula(cell), cell)
  }
})
