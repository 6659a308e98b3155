import t from 'tap'
import { displayAmount, displayInstant, displayTimeLeft } from '#src/domain/display.ts'
import { escapeText, html } from '#src/domain/html.ts'

t.test('an amount is grouped without ever becoming a number', async (t) => {
  t.equal(displayAmount('9007199254740993.10', 'USD'), 'USD 9,007,199,254,740,993.10')
  t.equal(displayAmount('999', 'JPY'), 'JPY 999')
  t.equal(displayAmount('1000.500', 'BHD'), 'BHD 1,000.500')
})

t.test('an instant names its zone', async (t) => {
  t.equal(displayInstant('2026-11-23T18:04:05.000Z'), '23 Nov 2026, 18:04:05 UTC')
})

t.test('the time left shows two units and reaches zero only at the end', async (t) => {
  t.equal(displayTimeLeft(2 * 86_400_000 + 3 * 3_600_000), '2 d 3 h')
  t.equal(displayTimeLeft(3_600_000 + 5 * 60_000), '1 h 05 min')
  t.equal(displayTimeLeft(245_000), '4 min 05 s')
  t.equal(displayTimeLeft(1), '1 s')
  t.equal(displayTimeLeft(0), '0 s')
  t.equal(displayTimeLeft(-5_000), '0 s')
  t.equal(displayTimeLeft(59_999), '1 min 00 s')
})

t.test(
  'every value in a template is escaped, and nested templates are not escaped twice',
  async (t) => {
    t.equal(
      escapeText(`<a href="x" title='y'>&`),
      '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;',
    )
    const inner = html`<b>${'<i>'}</b>`
    t.equal(
      html`<p>${inner}${[inner]}${false}${undefined}${5}</p>`.markup,
      '<p><b>&lt;i&gt;</b><b>&lt;i&gt;</b>5</p>',
    )
  },
)
