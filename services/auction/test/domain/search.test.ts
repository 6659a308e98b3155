import t from 'tap'
import { readAttributeFilters, readPrice } from '#src/domain/search.ts'

t.test('an attribute filter is a value or a range of numbers', async (t) => {
  t.strictSame(readAttributeFilters(['colour:red', 'colour:blue', 'width:10..20.5']), [
    { key: 'colour', values: ['red', 'blue'], range: null },
    { key: 'width', values: [], range: { from: '10', to: '20.5' } },
  ])
  t.match(readAttributeFilters(['width:..5']), [{ range: { from: null, to: '5' } }])
  t.match(readAttributeFilters(['note:a..b']), [{ values: ['a..b'], range: null }])
  for (const text of ['colour', 'Colour:red', ':red', 'colour:', 'a:b\0']) {
    t.equal(readAttributeFilters([text]), undefined, JSON.stringify(text))
  }
  t.equal(readAttributeFilters(['width:1..2', 'width:3']), undefined)
})

t.test('a price is of a currency', async (t) => {
  t.strictSame(readPrice('12.50', 'USD'), { ok: true, minor: 1250n })
  t.strictSame(readPrice('0', 'USD'), { ok: true, minor: 0n })
  t.strictSame(readPrice(undefined, undefined), { ok: true, minor: undefined })
  t.strictSame(readPrice('12.50', undefined), { ok: false, reason: 'needs_currency' })
  t.equal(readPrice('12.505', 'USD').ok, false)
  t.equal(readPrice('%', 'USD').ok, false)
})
