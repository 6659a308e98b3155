import t from 'tap'
import { preferredLocale, splitLocale } from '#src/domain/locale.ts'

t.test('the first part of a path names the language, if it is one of ours', async (t) => {
  const cases = {
    '/de/lots/1?a=1': ['de', '/lots/1?a=1'],
    '/tr': ['tr', '/'],
    '/en?q=a': ['en', '/?q=a'],
    '/': [undefined, '/'],
    '/design': [undefined, '/design'],
    '/fr/lots': [undefined, '/fr/lots'],
    '/lots/de': [undefined, '/lots/de'],
    '/de//evil': ['de', '//evil'],
  } as const
  for (const [path, [locale, rest]] of Object.entries(cases)) {
    t.strictSame(splitLocale(path), { locale, rest }, path)
  }
})

t.test('without it the browser is asked, and English is what is left', async (t) => {
  const cases = {
    'de-AT,de;q=0.9,en;q=0.8': 'de',
    'fr, tr;q=0.5, en;q=0.7': 'en',
    'fr;q=0.9,tr-TR;q=0.4': 'tr',
    'de;q=0, tr;q=0.1': 'tr',
    '*': 'en',
    '': 'en',
    ';;;,,q=': 'en',
  } as const
  for (const [header, locale] of Object.entries(cases)) {
    t.equal(preferredLocale(header), locale, header)
  }
  t.equal(preferredLocale(undefined), 'en')
})
