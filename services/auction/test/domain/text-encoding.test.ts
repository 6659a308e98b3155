import t from 'tap'
import { decodeText } from '#src/domain/text-encoding.ts'

const HEADER = 'name;currencyCode;startPrice\r\n'

/** The bytes of a text in an encoding of one byte, by the decoder's own table. */
function encode(text: string, label: string): Buffer {
  const all = new TextDecoder(label).decode(Uint8Array.from({ length: 256 }, (_, byte) => byte))
  return Buffer.from(
    [...text].map((letter) => {
      const byte = all.indexOf(letter)
      if (byte === -1) throw new RangeError(`${label} has no ${letter}`)
      return byte
    }),
  )
}

function utf16(text: string, isBig: boolean, isMarked: boolean): Buffer {
  const bytes = Buffer.from(`${isMarked ? '\ufeff' : ''}${text}`, 'utf16le')
  return isBig ? bytes.swap16() : bytes
}

t.test('a text is read in the encoding of its bytes', async (t) => {
  const text = `${HEADER}Stühle, Ёлка, şapka, 京都, 😀`
  for (const [name, bytes, encoding] of [
    ['UTF-8', Buffer.from(text), 'utf-8'],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${text}`), 'utf-8'],
    ['UTF-16 LE with a mark', utf16(text, false, true), 'utf-16le'],
    ['UTF-16 BE with a mark', utf16(text, true, true), 'utf-16be'],
    ['UTF-16 LE', utf16(text, false, false), 'utf-16le'],
    ['UTF-16 BE', utf16(text, true, false), 'utf-16be'],
  ] as const) {
    t.strictSame(decodeText(bytes), { ok: true, text, encoding }, name)
  }
})

t.test('the words of a file show in which encoding of one byte it is', async (t) => {
  const cases: Record<string, string[]> = {
    'windows-1252': [
      'Häkeldecke für Öfen',
      'STRAßE, GRÜN, Straße',
      'Café crème, où, œuvre, à la carte',
      'assiette à soupe',
      'Señora, ¿qué?, muñeca',
      'coração de São Paulo, açúcar',
      'Smörgås, blåbär, Ålesund, Ærø',
      'Húsið og þjóðin',
      'öö, jäääär, šokk',
      'ca. 10 €, 5 °C, ½ Liter, “quoted” – dash… Stück',
      '10 µm, 2ª mano, 1º, m², m³',
      'l·lusió, Garçon, naïveté',
      'Bücher und cafés',
    ],
    'windows-1254': [
      'Çaydanlık, gümüş, ağaç',
      'kırmızı şapka',
      'İstanbul, ÜÇ ÖĞÜN, Şişli',
      'üç öğüt',
      'Kâğıt ve château',
    ],
    'windows-1251': [
      'Часы старинные',
      'ВАЗА, Ваза, и, в, на',
      'Ёлочная игрушка № 5',
      'Їжак і ґанок, підсвічник',
      'Първи ъгъл, старинна чаша',
      'Љубав и џем',
      'Самовар, 3 л, «Тула» – 1900 г.',
    ],
  }
  for (const [encoding, words] of Object.entries(cases)) {
    for (const each of words) {
      const text = `${HEADER}${each};EUR;1\r\n`
      t.strictSame(decodeText(encode(text, encoding)), { ok: true, text, encoding }, each)
    }
    const all = `${HEADER}${words.join(';EUR;1\r\n')}`
    t.strictSame(decodeText(encode(all, encoding)), { ok: true, text: all, encoding }, encoding)
  }
})

t.test('a text that could be several, or none, is not guessed', async (t) => {
  for (const [label, text] of [
    ['windows-1250', 'Filiżanka, łyżka, źródło'],
    ['windows-1250', 'Stříbrná lžička'],
    ['windows-1253', 'Καλημέρα, ρολόι'],
    ['koi8-r', 'Часы старинные'],
    ['ibm866', 'Часы старинные'],
    ['macintosh', 'Häkeldecke für Öfen'],
  ] as const) {
    const bytes = encode(`${HEADER}${text}`, label)
    t.strictSame(decodeText(bytes), { ok: false, encoding: undefined }, `${label}: ${text}`)
  }
  for (const [name, bytes] of [
    ['Shift JIS', Buffer.from('938c8b9e82cc8e91', 'hex')],
    ['GBK', Buffer.from('b1b1bea9b5c4b2e8cdeb', 'hex')],
    ['UTF-8 that was cut', Buffer.from('größte').subarray(0, 5)],
    ['UTF-8 with a byte of another encoding', Buffer.from([...Buffer.from('größe Stühle '), 0xfc])],
  ] as const) {
    const file = Buffer.concat([Buffer.from(HEADER), bytes])
    t.strictSame(decodeText(file), { ok: false, encoding: undefined }, name)
  }
})

t.test('the encoding that the sender names is believed, if the bytes fit', async (t) => {
  const text = `${HEADER}Filiżanka`
  t.strictSame(decodeText(encode(text, 'windows-1250'), 'Windows-1250'), {
    ok: true,
    text,
    encoding: 'windows-1250',
  })
  // Clients name UTF-8 without having looked.
  const german = `${HEADER}Stühle`
  t.match(decodeText(encode(german, 'windows-1252'), 'UTF-8'), { text: german })
  t.match(decodeText(Buffer.from(`\ufeff${german}`), 'windows-1252'), { text: german })
  t.strictSame(decodeText(Buffer.from(text), 'no-such-name'), {
    ok: false,
    encoding: 'no-such-name',
  })
  t.strictSame(decodeText(Buffer.from([0xff, 0xfe, 0x41])), { ok: false, encoding: 'utf-16le' })
})

t.test('letters that may be those of an encoding that is not read are not guessed', async (t) => {
  for (const [text, label] of [
    ['Ezüst gyűrű, előkelő', 'windows-1250'],
    ['stół', 'windows-1250'],
    ['Stříbrná váza', 'windows-1250'],
    ['kočka', 'windows-1250'],
    ['ręka', 'windows-1250'],
    ['casă', 'windows-1250'],
    ['košík, čaj', 'windows-1250'],
    ['Mačka a kôň', 'windows-1250'],
    ['שולחן עץ', 'windows-1255'],
  ] as const) {
    t.match(decodeText(encode(`${HEADER}${text}`, label)), { ok: false }, text)
  }
})

/** Bytes above 127 by the tables of DOS for western Europe and for Turkey. */
const DOS = { ß: 0xe1, Ö: 0x99, ö: 0x94, é: 0x82, ä: 0x84, İ: 0x98, Ç: 0x80, ş: 0x9f, ü: 0x81 }

t.test('files of DOS and of old Macs are refused, not read as those of Windows', async (t) => {
  for (const text of [
    'Straße',
    'Große Vase',
    'Gruß aus Gießen',
    'Öl auf Holz',
    'Café',
    'kynä',
    'Möbel',
    'İstanbul',
    'Çay',
    'şapka',
  ]) {
    const known: Record<string, number> = DOS
    const bytes = [...text].map((letter) => known[letter] ?? letter.charCodeAt(0))
    const file = Buffer.concat([Buffer.from(HEADER), Buffer.from(bytes)])
    t.strictSame(decodeText(file), { ok: false, encoding: undefined }, `DOS: ${text}`)
  }
  for (const text of [
    'Schöne Möbel aus Köln',
    'CAFÉ',
    'Gruß aus Köln',
    'Gruß',
    'voilà',
    'menú',
    'août',
  ]) {
    const file = encode(`${HEADER}${text}`, 'macintosh')
    t.strictSame(decodeText(file), { ok: false, encoding: undefined }, `Mac: ${text}`)
  }
})

t.test('signs where they stand in files of Windows do not hide its encoding', async (t) => {
  for (const text of [
    'wasn’t, “quoted”, ‘so’, „Stück“',
    'Brand™ – 10 €, €10, wait…, 1990–1995, Berlin–Köln',
    'cœur, œuvre, où, bœuf, crème',
    'cuánto, diário, está, más, área',
    'émail, évier',
    '§ 5, ‚so‘, ~5 µm, ƒ 10',
  ]) {
    const file = `${HEADER}${text}`
    const expected = { ok: true, text: file, encoding: 'windows-1252' }
    t.strictSame(decodeText(encode(file, 'windows-1252')), expected, text)
  }
})

t.test('files of the west with a few letters of their own are read', async (t) => {
  for (const text of [
    'Très bel état, à saisir, forêt',
    'août, fraîcheur, garçon',
    'Caffè, città, perché no',
    'Jarrón pequeño, señal',
    'Cadeira de São João, avó, lençol',
    'Grøn æble, blå skål',
    'Schöne Größe',
    'Één stuk, geïnteresseerd',
    'Rohr 2×½ Zoll, Stühle',
  ]) {
    const file = `${HEADER}${text}`
    t.match(decodeText(encode(file, 'windows-1252')), { ok: true, text: file }, text)
  }
})

t.test('the words at the end of a long file count', async (t) => {
  const plain = `${'plain words;EUR;1\r\n'.repeat(80_000)}`
  const bytes = encode(`${HEADER}${plain}Старинная лампа;EUR;1`, 'windows-1251')
  t.match(decodeText(bytes), { ok: true, encoding: 'windows-1251' })
  const ofMac = encode(
    `${HEADER}${plain}Старинная лампа;EUR;1`.replaceAll('\r\n', '\r'),
    'windows-1251',
  )
  t.match(
    decodeText(ofMac),
    { ok: true, encoding: 'windows-1251' },
    'with the line ends of old Macs',
  )
  const oneLine = encode(`${HEADER}${'plain '.repeat(250_000)}Старинная лампа`, 'windows-1251')
  t.match(decodeText(oneLine), { ok: true, encoding: 'windows-1251' }, 'in one line')
  const broken = Buffer.concat([Buffer.from(`${HEADER}${plain}Старинная `), Buffer.from([0xff])])
  t.match(decodeText(broken), { ok: false }, 'UTF-8 with a byte that is none')
})
