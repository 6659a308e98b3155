import { currencyCodes, formatAmount, parseAmount } from '@auction/common/money.ts'
import t from 'tap'
import { checkTable, increment, parseTables, tableFor } from '#src/domain/increments.ts'

function amount(text: string, currencyCode: string): bigint {
  const parsed = parseAmount(text, currencyCode, { allowZero: true })
  if (!parsed.ok) throw new Error(`${text} ${currencyCode}: ${parsed.reason}`)
  return parsed.minor
}

/** The step at a price, both as people write them. */
function stepAt(price: string, currencyCode: string): string {
  return formatAmount(increment(tableFor(currencyCode), amount(price, currencyCode)), currencyCode)
}

t.test('the US table holds from the lower bound of each band to just below the next', async (t) => {
  const bands: [string, string, string][] = [
    ['0.01', '0.99', '0.05'],
    ['1.00', '4.99', '0.25'],
    ['5.00', '24.99', '0.50'],
    ['25.00', '99.99', '1.00'],
    ['100.00', '249.99', '2.50'],
    ['250.00', '499.99', '5.00'],
    ['500.00', '999.99', '10.00'],
    ['1000.00', '2499.99', '25.00'],
    ['2500.00', '4999.99', '50.00'],
    ['5000.00', '10000000000.00', '100.00'],
  ]
  for (const [from, to, step] of bands) {
    t.equal(stepAt(from, 'USD'), step, from)
    t.equal(stepAt(to, 'USD'), step, to)
  }
})

t.test('the UK table holds from the lower bound of each band to just below the next', async (t) => {
  const bands: [string, string, string][] = [
    ['0.01', '0.99', '0.05'],
    ['1.00', '4.99', '0.20'],
    ['5.00', '14.99', '0.50'],
    ['15.00', '59.99', '1.00'],
    ['60.00', '149.99', '2.00'],
    ['150.00', '299.99', '5.00'],
    ['300.00', '599.99', '10.00'],
    ['600.00', '1499.99', '20.00'],
    ['1500.00', '2999.99', '50.00'],
    ['3000.00', '10000000000.00', '100.00'],
  ]
  for (const [from, to, step] of bands) {
    t.equal(stepAt(from, 'GBP'), step, from)
    t.equal(stepAt(to, 'GBP'), step, to)
  }
})

t.test('other currencies have the US steps at their own scale', async (t) => {
  t.equal(stepAt('30.00', 'EUR'), '1.00')
  t.equal(stepAt('30.00', 'CAD'), '1.00')
  t.equal(stepAt('300.00', 'TRY'), '10.00')
  t.equal(stepAt('3000', 'JPY'), '100')
  t.equal(stepAt('30000', 'KRW'), '1000')
  t.equal(stepAt('6.000', 'KWD'), '0.200')
  t.equal(stepAt('30.0000', 'CLF'), '1.0000', 'no scale of its own: the amounts of the US table')
  t.equal(stepAt('3000', 'XAF'), '100', 'no minor unit and no scale: a unit counts as a cent')
  t.throws(() => tableFor('XXX'), RangeError)
})

t.test('every currency has a sound table, and the next price never falls', async (t) => {
  for (const currencyCode of currencyCodes()) {
    const table = checkTable(tableFor(currencyCode))
    const falling = table.slice(1).filter(({ from }) => {
      const below = from - 1n + increment(table, from - 1n)
      return below > from + increment(table, from)
    })
    t.strictSame(falling, [], currencyCode)
  }
})

t.test('a seller with a fixed step has it at every price', async (t) => {
  t.equal(increment(50n, 1n), 50n)
  t.equal(increment(50n, 1_000_000n), 50n)
})

t.test('a price below zero has no step', async (t) => {
  t.throws(() => increment(tableFor('USD'), -1n), RangeError)
})

t.test('a table that would break the proofs of proxy bidding stops the boot', async (t) => {
  t.throws(() => checkTable([]), /start at 0/)
  t.throws(() => checkTable([{ from: 1n, step: 1n }]), /start at 0/)
  t.throws(() => checkTable([{ from: 0n, step: 0n }]), /positive/)
  t.throws(() => checkTable([{ from: 0n, step: -1n }]), /positive/)
  const falling = [
    { from: 0n, step: 10n },
    { from: 100n, step: 9n },
  ]
  t.throws(() => checkTable(falling), /must not fall/)
  const unordered = [
    { from: 0n, step: 1n },
    { from: 100n, step: 2n },
    { from: 100n, step: 3n },
  ]
  t.throws(() => checkTable(unordered), /rising prices/)
})

t.test('an operator may put his own table in the place of one', async (t) => {
  const tables = parseTables('{"TRY":[["0","1.00"],["50.00","2.00"]],"JPY":[["0","10"]]}')
  t.equal(increment(tableFor('TRY', tables), 4999n), 100n)
  t.equal(increment(tableFor('TRY', tables), 5000n), 200n)
  t.equal(increment(tableFor('JPY', tables), 1n), 10n)
  t.equal(increment(tableFor('USD', tables), 2500n), 100n, 'the others stay')
  t.equal(increment(tableFor('TRY'), 1n), 50n, 'the built-in one is untouched')
  t.equal(parseTables('{}').size, 0)
})

t.test('a wrong table of an operator is refused with the place of the mistake', async (t) => {
  const wrong: [string, RegExp][] = [
    ['[]', /object by currency/],
    ['null', /object by currency/],
    ['{"XXX":[["0","1"]]}', /Unknown currency XXX/],
    ['{"TRY":{"0":"1"}}', /TRY must be a list/],
    ['{"TRY":[{"from":"0"}]}', /TRY, band 1: must be \[from, step\]/],
    ['{"TRY":[["0","1","2"]]}', /TRY, band 1: must be \[from, step\]/],
    ['{"TRY":[[0,"1.00"]]}', /TRY, band 1: "from" is wrong \(not_a_string\)/],
    ['{"TRY":[["0","1.00"],["10","2.005"]]}', /band 2: "step" is wrong \(too_many_decimals\)/],
    ['{"TRY":[["0","0"]]}', /"step" is wrong \(not_positive\)/],
    ['{"TRY":[["1","1.00"]]}', /TRY are wrong: .*start at 0/],
    ['{"TRY":[]}', /TRY are wrong: .*start at 0/],
    ['{', /JSON/],
  ]
  for (const [json, expected] of wrong) t.throws(() => parseTables(json), expected, json)
})
