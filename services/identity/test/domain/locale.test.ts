import t from 'tap'
import { chooseLocale } from '#src/domain/locale.ts'

t.test('the language that is asked for counts, then the browser, then none', (t) => {
  for (const [asked, header, expected] of [
    ['de', 'tr', 'de'],
    ['tr-TR', undefined, 'tr'],
    ['DE', undefined, 'de'],
    ['fr', 'de', 'de'],
    ['fr', 'es', undefined],
    [undefined, undefined, undefined],
    [undefined, '', undefined],
    [undefined, 'de-AT,de;q=0.9,en;q=0.8', 'de'],
    [undefined, 'fr-FR,fr;q=0.9,tr;q=0.4,en;q=0.5', 'en'],
    [undefined, 'en;q=0.5, tr;q=0.5', 'en'],
    [undefined, 'en;q=0, tr;q=0.1', 'tr'],
    [undefined, 'en;q=x, tr;q=0.1', 'tr'],
    [undefined, '*', undefined],
    [undefined, 'english, deutsch', undefined],
    [undefined, `${'xx,'.repeat(10_000)}de`, undefined],
  ] as const) {
    t.equal(chooseLocale(asked, header), expected, `${asked} ${header?.slice(0, 40)}`)
  }
  t.end()
})
