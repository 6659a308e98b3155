import t from 'tap'
import { readOptionalText, readText, type TextKind } from '#src/text.ts'

const TITLE: TextKind = { name: 'title', charactersMax: 20, bytesMax: 600 }
const LINES: TextKind = { ...TITLE, hasLines: true }
const PLAIN: TextKind = { ...TITLE, isPlain: true }

const read = (text: string, kind = TITLE) => {
  const result = readText(text, kind)
  return result.ok ? result.text : { refused: result.reason }
}
const codes = (text: string) => [...text].map((one) => one.codePointAt(0)?.toString(16)).join(' ')

t.test('a text is kept in its composed form, whatever form it came in', async (t) => {
  for (const text of ['й', '한국어', 'が', 'é', 'Ångström', 'ễ', 'ά']) {
    t.equal(read(text.normalize('NFD')), text.normalize('NFC'), text)
    t.equal(read(text.normalize('NFD'), PLAIN), text.normalize('NFC'), text)
  }
  t.equal(read('①ﬁ²'), '①ﬁ²', 'what is only compatible stays as it was written')
})

t.test('blanks around a text are removed, those without width too', async (t) => {
  const blanks = [
    ' ',
    '\t',
    '\n',
    '\r\n',
    '\u00a0',
    '\u3000',
    '\u200b',
    '\ufeff',
    '\u2060',
    '\u00ad',
  ]
  for (const blank of [...blanks, '\u2800', '\u3164', '\u2003', '\u180e', '\u0085']) {
    t.equal(read(`${blank}old vase${blank}${blank}`), 'old vase', codes(blank))
  }
  t.equal(read('  two  blanks '), 'two  blanks', 'those inside stay')
  t.equal(read(' x ', { ...TITLE, keepsBlanks: true }), ' x ')
})

t.test('a text without anything to see is empty', async (t) => {
  const invisible = [
    '',
    ' ',
    '\t',
    '\u00a0',
    '\u00ad',
    '\u034f',
    '\u061c',
    '\u115f',
    '\u1160',
    '\u17b4',
    '\u180e',
    '\u200b',
    '\u200c',
    '\u200d',
    '\u200e\u200f',
    '\u2060',
    '\u2066\u2069',
    '\u2800',
    '\u3000',
    '\u3164',
    '\ufe0f',
    '\ufeff',
    '\uffa0',
    '\ufffc',
    '\u{1d159}',
    '\u{e0020}',
    '\u{e0100}',
    '\u0301',
    '\u0301\u0308',
    '\u20dd',
    '\u0e31',
    '\u093f',
    '\u2800\u3164\u200b',
    '\ue000',
  ]
  for (const text of invisible) {
    t.strictSame(read(text), { refused: 'empty' }, codes(text))
    t.strictSame(readOptionalText(text, TITLE), { ok: true, text: '' }, codes(text))
  }
  for (const text of ['a', '.', '京', 'ا', '½', '☕', '🥄', '´', '中', '\u0e40', '€', '-']) {
    t.equal(read(text), text)
    t.equal(read(`\u200b${text}`), text)
  }
})

t.test('characters are counted as people count them', async (t) => {
  const people = [
    'é'.normalize('NFD'),
    '👨‍👩‍👧‍👦',
    '🇩🇪',
    '👍🏽',
    '가'.normalize('NFD'),
    'नि',
    '🏴󠁧󠁢󠁥󠁮󠁧󠁿',
    '1️⃣',
    'x',
  ]
  for (const one of people) {
    t.type(read(one.repeat(20)), 'string', `twenty of ${codes(one)}`)
    t.strictSame(read(one.repeat(21)), { refused: 'too_long' }, `twenty-one of ${codes(one)}`)
  }
  t.equal(read('x'.repeat(20)), 'x'.repeat(20))
  t.equal(read(`  ${'x'.repeat(20)}  `), 'x'.repeat(20), 'without the blanks around')
})

t.test('a character of any length is bounded by bytes', async (t) => {
  t.strictSame(read(`a${'\u0300'.repeat(400)}`), { refused: 'too_long' })
  t.strictSame(read('x'.repeat(1_000_000)), { refused: 'too_long' })
  t.strictSame(read(`a${'\u0301\u0316'.repeat(33)}`), { refused: 'too_long' }, 'marks of two kinds')
})

t.test(
  'isolates are closed in their line, pops of nothing and embeddings are removed',
  async (t) => {
    const of = (text: string, expected: string) =>
      t.equal(codes(String(read(text, LINES))), codes(expected))
    of('\u2067שלום\u2069 vase', '\u2067שלום\u2069 vase')
    of('\u2067שלום', '\u2067שלום\u2069')
    of('\u2066a\u2068b', '\u2066a\u2068b\u2069\u2069')
    of('a\u2069b', 'ab')
    of('\u2067a\nb\u2069', '\u2067a\u2069\nb')
    of('\u202aC:\\x\u202c', 'C:\\x')
    of('\u202bשלום\u202c', 'שלום')
    of('a\u200eb', 'a\u200eb')
  },
)

t.test('a text that was read is the same when it is read again', async (t) => {
  for (const [given, expected] of [
    ['\u202aVase \u202c', 'Vase'],
    ['\u202a Vase\u202c', 'Vase'],
    ['Vase \u2069', 'Vase'],
    ['\u2069 \u2066Vase', '\u2066Vase\u2069'],
    ['e\u202c\u0301clair', 'éclair'],
    ['e\u2069\u0301clair', 'éclair'],
    ['\u1112\u202b\u1161\u202c\u11ab', '한'],
  ] as const) {
    t.equal(codes(String(read(given))), codes(expected), codes(given))
    t.equal(codes(String(read(expected))), codes(expected), `${codes(expected)} again`)
  }
  const parts = [
    'a',
    'e',
    '\u0301',
    ' ',
    '\n',
    '\r',
    '\u200b',
    '\u202a',
    '\u202c',
    '\u2066',
    '\u2069',
  ]
  let seed = 7
  const next = () => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed
  }
  for (let count = 0; count < 3_000; count++) {
    const given = Array.from({ length: 1 + (next() % 9) }, () => parts[next() % parts.length]).join(
      '',
    )
    const kind = [TITLE, LINES, PLAIN, { ...PLAIN, hasLines: true }][count % 4] ?? TITLE
    const once = readText(given, kind)
    if (once.ok) t.strictSame(readText(once.text, kind), once, codes(given))
  }
  const marks = `${'\u0301'.repeat(64)}\u202c`
  t.strictSame(
    read(`a${marks.repeat(3)}`),
    { refused: 'too_long' },
    'marks stacked by what is removed',
  )
})

t.test('lines of a plain text end with line feeds, as forms and Windows send others', async (t) => {
  const kind = { ...PLAIN, hasLines: true }
  for (const end of ['\n', '\r\n', '\r']) t.equal(read(`two${end}lines`, kind), 'two\nlines')
  t.strictSame(read('two\r\nlines', PLAIN), { refused: 'forbidden_characters' })
})

t.test('what controls the text around it, and half characters, are refused', async (t) => {
  for (const character of [
    '\0',
    '\x07',
    '\x1b',
    '\x7f',
    '\x85',
    '\u202d',
    '\u202e',
    '\ud800',
    '\udc00',
    '\ufffe',
  ]) {
    for (const kind of [TITLE, LINES, PLAIN]) {
      t.strictSame(
        read(`a${character}b`, kind),
        { refused: 'forbidden_characters' },
        codes(character),
      )
    }
  }
  for (const character of ['\n', '\r', '\t', '\u2028', '\u2029']) {
    t.strictSame(read(`a${character}b`), { refused: 'forbidden_characters' }, codes(character))
  }
  t.equal(read('a\r\n\tb', LINES), 'a\r\n\tb')
})

t.test('a plain text has no invisible formatting but joiners', async (t) => {
  for (const character of [
    '\u00ad',
    '\u200b',
    '\u200e',
    '\u2066',
    '\u202a',
    '\ufeff',
    '\u{e0041}',
  ]) {
    t.strictSame(
      read(`a${character}b`, PLAIN),
      { refused: 'forbidden_characters' },
      codes(character),
    )
  }
  t.equal(read('می‌خواهم', PLAIN), 'می‌خواهم')
  t.equal(read('👩‍🚀', PLAIN), '👩‍🚀')
})
