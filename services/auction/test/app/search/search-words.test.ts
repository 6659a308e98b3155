import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import t from 'tap'
import { matchSavedSearches } from '#src/app/saved-searches/match-saved-searches.ts'
import { createSearchMetrics } from '#src/app/saved-searches/metrics.ts'
import { build, call, createDraft, createPublished, type Fixture } from '#test/helper.ts'

interface Found {
  names: string[]
  similar: string[]
  spelling: string
}

async function find(
  fixture: Fixture,
  q: string,
  more: Record<string, string> = {},
): Promise<Found> {
  const query = new URLSearchParams({ q, ...more })
  const { statusCode, body } = await call(fixture, 'GET', `/api/v1/items/search?${query}`)
  if (statusCode !== 200) throw new Error(`${statusCode} ${JSON.stringify(body)}`)
  const items = body.items as { id: string; name: string }[]
  const ids = body.similar as string[]
  return {
    names: items
      .filter(({ id }) => !ids.includes(id))
      .map(({ name }) => name)
      .sort(),
    similar: items.filter(({ id }) => ids.includes(id)).map(({ name }) => name),
    spelling: String(body.spelling),
  }
}

interface Case {
  /** What is listed, beside things that have none of the words. */
  names: string[]
  /** What is asked, and which of the names have it. */
  asked: Record<string, string[]>
}

const OTHERS = ['Ladder', 'Hammer 7', 'Молоток', '鉄瓶']

const CASES: Record<string, Case> = {
  'case counts in no script': {
    names: [
      'Часы старинные',
      'часы новые',
      'ΟΔΟΣ ΕΡΜΟΥ',
      'οδός ερμού',
      'ԺԱՄԱՑՈՒՅՑ',
      'ÉCLAIR',
      'éclair au café',
    ],
    asked: {
      часы: ['Часы старинные', 'часы новые'],
      ЧАСЫ: ['Часы старинные', 'часы новые'],
      'НОВЫЕ часы': ['часы новые'],
      οδος: ['ΟΔΟΣ ΕΡΜΟΥ', 'οδός ερμού'],
      ΟΔΌΣ: ['ΟΔΟΣ ΕΡΜΟΥ', 'οδός ερμού'],
      ժամացույց: ['ԺԱՄԱՑՈՒՅՑ'],
      eclair: ['ÉCLAIR', 'éclair au café'],
    },
  },
  'accents, points and signs of vowels count in no script': {
    names: [
      'Ёлка',
      'шалом שָׁלוֹם',
      'كِتَاب قديم',
      'Łódź',
      'Straße',
      'smørrebrød',
      'Æsop',
      'ångström',
      'Ιστανμπούλ',
      'İstanbul',
      'Đồng hồ',
    ],
    asked: {
      елка: ['Ёлка'],
      שלום: ['шалом שָׁלוֹם'],
      كتاب: ['كِتَاب قديم'],
      كـتـاب: ['كِتَاب قديم'],
      lodz: ['Łódź'],
      strasse: ['Straße'],
      smorrebrod: ['smørrebrød'],
      aesop: ['Æsop'],
      angstrom: ['ångström'],
      istanbul: ['İstanbul'],
      'dong ho': ['Đồng hồ'],
    },
  },
  'composed and decomposed are one spelling': {
    names: [
      'Чайник'.normalize('NFD'),
      'Чайник медный',
      '도자기'.normalize('NFD'),
      'ガラス'.normalize('NFD'),
      'Åbo ship'.normalize('NFD'),
    ],
    asked: {
      чайник: ['Чайник', 'Чайник медный'],
      ['чайник'.normalize('NFD')]: ['Чайник', 'Чайник медный'],
      도자기: ['도자기'],
      ['도자기'.normalize('NFD')]: ['도자기'],
      ガラス: ['ガラス'],
      ['ガラス'.normalize('NFD')]: ['ガラス'],
      ﾗｽ: ['ガラス'],
      åbo: ['Åbo ship'],
    },
  },
  'a pasted blank that does not break, or of another script, parts words as any blank does': {
    names: ['Broken vase', 'Whole vase'],
    asked: {
      'vase -broken': ['Whole vase'],
      'vase\u00a0-broken': ['Whole vase'],
      'whole\u3000vase': ['Whole vase'],
      'the\u00a0broken\u2003vase': ['Broken vase'],
    },
  },
  'a word ends at every sign that is no letter': {
    names: [
      'Old lamp/chair',
      'Red chair',
      'silver.spoon',
      'tea spoon',
      'Vase—blue',
      'Blue plate',
      'Lego®bricks',
      'Lego set',
      '«Vogue» 1964',
      '“Elle”',
      "Levi's",
      'key_ring',
      'a|bronze|b',
      'pot…lid',
      'mail@museum.example',
      '#poster',
      '(signed)',
      'tin:box',
      'No.5',
      'Frame№12',
      'Coca‑Cola',
      'salt&pepper',
      'x+y',
      'wine\u00a0glass',
      'snow\u200bglobe',
      'but\u00adton',
    ],
    asked: {
      chair: ['Old lamp/chair', 'Red chair'],
      lamp: ['Old lamp/chair'],
      'chair/lamp': ['Old lamp/chair'],
      spoon: ['silver.spoon', 'tea spoon'],
      'silver.spoon': ['silver.spoon'],
      'spoon silver': ['silver.spoon'],
      blue: ['Blue plate', 'Vase—blue'],
      'vase–blue': ['Vase—blue'],
      lego: ['Lego set', 'Lego®bricks'],
      'Lego®': ['Lego set', 'Lego®bricks'],
      bricks: ['Lego®bricks'],
      vogue: ['«Vogue» 1964'],
      elle: ['“Elle”'],
      levi: ["Levi's"],
      'levi’s': ["Levi's"],
      ring: ['key_ring'],
      bronze: ['a|bronze|b'],
      lid: ['pot…lid'],
      museum: ['mail@museum.example'],
      poster: ['#poster'],
      signed: ['(signed)'],
      box: ['tin:box'],
      '5': ['No.5'],
      'no. 5': ['No.5'],
      '12': ['Frame№12'],
      cola: ['Coca‑Cola'],
      'coca-cola': ['Coca‑Cola'],
      pepper: ['salt&pepper'],
      glass: ['wine\u00a0glass'],
      globe: ['snow\u200bglobe'],
      button: ['but\u00adton'],
    },
  },
  'numbers are found in sizes, years and ranges': {
    names: [
      'Rug 10×20',
      'Rug 10x30',
      'Plate 4×5',
      'Camera 1956-1964',
      'Book 1964',
      'Lens 24-70mm',
      'Lens 70mm',
      'Coin 1.5',
      'Stamp 1/2',
      'Size 5½',
      'ساعة ١٩٦٤',
      '１９８４',
    ],
    asked: {
      '10×20': ['Rug 10×20'],
      '10x20': ['Rug 10×20'],
      '10 x 20': ['Rug 10×20'],
      '20': ['Rug 10×20'],
      '30': ['Rug 10x30'],
      '10×30': ['Rug 10x30'],
      '4x5': ['Plate 4×5'],
      '1964': ['Book 1964', 'Camera 1956-1964', 'ساعة ١٩٦٤'],
      '1956': ['Camera 1956-1964'],
      '1956–1964': ['Camera 1956-1964'],
      '1964-1956': [],
      '70mm': ['Lens 24-70mm', 'Lens 70mm'],
      '24-70mm': ['Lens 24-70mm'],
      '24': ['Lens 24-70mm'],
      '1.5': ['Coin 1.5'],
      '1/2': ['Size 5½', 'Stamp 1/2'],
      '1984': ['１９８４'],
    },
  },
  'scripts without blanks are found by any part': {
    names: [
      '京都の茶碗',
      '古い茶碗',
      '景德镇瓷器花瓶',
      '花瓶',
      'แจกันเก่าสวยงาม',
      'หนังสือเก่า',
      'ប៉ាន់តែចាស់',
      'ကြေးပန်းအိုး',
      'ແກ້ວເກົ່າ',
      '도자기를 팝니다',
      '도자기',
      'カメラNikon F3',
      '昭和30年の時計',
      '𠮷野家',
    ],
    asked: {
      京都: ['京都の茶碗'],
      茶碗: ['京都の茶碗', '古い茶碗'],
      碗: ['京都の茶碗', '古い茶碗'],
      茶: ['京都の茶碗', '古い茶碗'],
      の茶碗: ['京都の茶碗'],
      京都の茶碗: ['京都の茶碗'],
      '京都 茶碗': ['京都の茶碗'],
      '"京都 茶碗"': [],
      碗茶: [],
      花瓶: ['景德镇瓷器花瓶', '花瓶'],
      瓷器: ['景德镇瓷器花瓶'],
      เก่า: ['หนังสือเก่า', 'แจกันเก่าสวยงาม'],
      แจกัน: ['แจกันเก่าสวยงาม'],
      หนังสือ: ['หนังสือเก่า'],
      ចាស់: ['ប៉ាន់តែចាស់'],
      ပန်းအိုး: ['ကြေးပန်းအိုး'],
      ເກົ່າ: ['ແກ້ວເກົ່າ'],
      도자기: ['도자기', '도자기를 팝니다'],
      nikon: ['カメラNikon F3'],
      カメラ: ['カメラNikon F3'],
      昭和30年: ['昭和30年の時計'],
      時計: ['昭和30年の時計'],
      野家: ['𠮷野家'],
      𠮷: ['𠮷野家'],
    },
  },
  'words that say little are found where there are no others, and in phrases': {
    names: [
      'The Who, LP',
      'To be or not to be',
      'Or et argent',
      'It',
      'The vase of blue',
      'Trick or treat',
      'Gold coin',
      'Silver coin',
    ],
    asked: {
      'the who': ['The Who, LP'],
      '"The Who"': ['The Who, LP'],
      '“The Who”': ['The Who, LP'],
      'to be or not to be': ['To be or not to be'],
      '"to be or not to be"': ['To be or not to be'],
      or: ['Or et argent', 'To be or not to be', 'Trick or treat'],
      OR: ['Or et argent', 'To be or not to be', 'Trick or treat'],
      it: ['It'],
      'a vase': ['The vase of blue'],
      'vase with blue': ['The vase of blue'],
      '"vase of blue"': ['The vase of blue'],
      '"vase blue"': [],
      'trick or treat': ['Trick or treat'],
      'gold or silver': ['Gold coin', 'Silver coin'],
      'gold OR silver': ['Gold coin', 'Silver coin'],
      'coin -gold': ['Silver coin'],
      'coin -"gold coin"': ['Silver coin'],
      'or coin': ['Gold coin', 'Silver coin'],
      'gold or': ['Gold coin'],
    },
  },
  'codes of products are found by their parts': {
    names: [
      'Hikvision DS-7604NI-E1/4P/A',
      'Hikvision DS-7608',
      'Poseidon P-8A',
      'e-ster-6 rocket',
      'SS-JF-09-11',
      'Gold SS-JF-10-11',
      'IL-7 assay',
      'April 6',
      'germany-dev-east',
      'photo-2024.jpg',
      't-shirt',
    ],
    asked: {
      'DS-7604NI': ['Hikvision DS-7604NI-E1/4P/A'],
      'Hikvision DS 7604NI E1/4P/A': ['Hikvision DS-7604NI-E1/4P/A'],
      'p-8a': ['Poseidon P-8A'],
      'P 8A': ['Poseidon P-8A'],
      'e-ster-6': ['e-ster-6 rocket'],
      'SS-JF-09-11': ['SS-JF-09-11'],
      'SS-JF-09-': ['SS-JF-09-11'],
      'JF-09': ['SS-JF-09-11'],
      'il-7': ['IL-7 assay'],
      'dev-east': ['germany-dev-east'],
      'photo-2024': ['photo-2024.jpg'],
      'photo-2024.jpg': ['photo-2024.jpg'],
      't-shirt': ['t-shirt'],
      't-shirt-': ['t-shirt'],
      'shirt-t': ['t-shirt'],
    },
  },
  'Indian and other scripts are found by their words': {
    names: ['पुरानी किताब', 'পুরানো বই', 'பழைய புத்தகம்', 'ძველი წიგნი', 'पीतल का दीपक'],
    asked: {
      किताब: ['पुरानी किताब'],
      वही: [],
      বই: ['পুরানো বই'],
      புத்தகம்: ['பழைய புத்தகம்'],
      წიგნი: ['ძველი წიგნი'],
      दीपक: ['पीतल का दीपक'],
    },
  },
}

for (const [title, { names, asked }] of Object.entries(CASES)) {
  t.test(title, async (t) => {
    const fixture = await build(t)
    for (const name of [...names, ...OTHERS])
      await createPublished(fixture, { name, description: '' })
    for (const [q, expected] of Object.entries(asked)) {
      const { names: found, spelling } = await find(fixture, q)
      const right = expected.map((name) => name.normalize('NFC')).sort()
      t.strictSame(found, right, q)
      if (right.length > 0) t.equal(spelling, 'exact', q)
    }
  })
}

t.test('the same words are found in descriptions, attributes and by saved searches', async (t) => {
  const fixture = await build(t)
  const { seller } = fixture
  const ann = fixture.identity.person()
  const asked = [
    'часы',
    'spoon',
    '70mm',
    '京都',
    '"the who"',
    '1964',
    'เก่า',
    '10x20',
    'чайник'.normalize('NFD'),
  ]
  const saved = new Map<string, string>()
  for (const q of asked) {
    const body = { name: `saved ${q}`, filters: { q } }
    const { body: answer, statusCode } = await call(fixture, 'POST', '/api/v1/saved-searches', {
      as: ann,
      body,
    })
    t.equal(statusCode, 201, q)
    saved.set(answer.id, q)
  }
  const texts = [
    'Часы',
    'silver.spoon',
    '24-70mm',
    '京都の茶碗',
    'The Who',
    '1956-1964',
    'หนังสือเก่า',
    '10×20',
    'ЧАЙНИК',
  ]
  for (const [index, text] of texts.entries()) {
    await createPublished(fixture, { name: `described ${index}`, description: `x ${text} y` })
    const itemId = await createDraft(fixture, { name: `attributed ${index}`, description: '' })
    const body = { attributes: [{ key: 'about', value: text }] }
    await call(fixture, 'POST', `/api/v1/items/${itemId}/attributes`, { as: seller, body })
    await call(fixture, 'POST', `/api/v1/items/${itemId}/publish`, { as: seller })
  }
  for (const [index, q] of asked.entries()) {
    t.strictSame((await find(fixture, q)).names, [`attributed ${index}`, `described ${index}`], q)
  }
  const searches = createSearchMetrics(createRegistry('auction'))
  await matchSavedSearches({ db: fixture.db, searches })
  const { rows } = await fixture.database.pool.query<{ saved: string; name: string }>(
    `select saved_search_id as saved, items.name from saved_search_matches
     join items on items.id = item_id order by items.name`,
  )
  for (const [index, q] of asked.entries()) {
    const matched = rows.filter((row) => saved.get(row.saved) === q).map(({ name }) => name)
    t.strictSame(matched, [`attributed ${index}`, `described ${index}`], `saved ${q}`)
  }
})

t.test('an attribute is found by a filter in either spelling, with blanks around', async (t) => {
  const fixture = await build(t)
  const itemId = await createDraft(fixture, { name: 'Jug' })
  const body = { attributes: [{ key: 'maker', value: ' Завод й '.normalize('NFD') }] }
  await call(fixture, 'POST', `/api/v1/items/${itemId}/attributes`, { as: fixture.seller, body })
  await call(fixture, 'POST', `/api/v1/items/${itemId}/publish`, { as: fixture.seller })
  for (const form of ['NFC', 'NFD']) {
    const attribute = `maker: ${'Завод й'.normalize(form)}\u00a0`
    const query = new URLSearchParams({ attribute })
    const { body: found } = await call(fixture, 'GET', `/api/v1/items/search?${query}`)
    t.match(found, { items: [{ id: itemId }] }, form)
  }
})

t.test('where few items have the words, similar names come after them', async (t) => {
  const fixture = await build(t)
  await createPublished(fixture, { name: 'Woodcutt by hand', description: '', startPrice: '30.00' })
  await createPublished(fixture, { name: 'Woodcut of 1900', description: '', startPrice: '20.00' })
  await createPublished(fixture, { name: 'Часики', description: '', startPrice: '10.00' })
  const mixed = await find(fixture, 'woodcutt')
  t.strictSame(mixed, {
    names: ['Woodcutt by hand'],
    similar: ['Woodcut of 1900'],
    spelling: 'exact',
  })
  t.match(await find(fixture, 'woodcutt', { sort: 'price', currencyCode: 'USD' }), mixed)
  t.match(await find(fixture, 'woodcutts hands'), { names: ['Woodcutt by hand'] }, 'word forms')
  const only = await find(fixture, 'часикки')
  t.strictSame(
    only,
    { names: [], similar: ['Часики'], spelling: 'similar' },
    'in other scripts too',
  )
  t.match(await find(fixture, '"woodcutt"'), { similar: [] }, 'a phrase is meant as it is')
  const query = new URLSearchParams({ q: 'woodcutt', facets: 'true', limit: '2' })
  const { body } = await call(fixture, 'GET', `/api/v1/items/search?${query}`)
  t.match(body, { facets: { total: 2 } }, 'what is counted is what is found')
})

t.test('many items with the words are shown without similar ones', async (t) => {
  const fixture = await build(t)
  for (let index = 0; index < 10; index += 1)
    await createPublished(fixture, { name: `woodcutt ${index}` })
  await createPublished(fixture, { name: 'Woodcut' })
  t.match(await find(fixture, 'woodcutt'), { similar: [] })
})

t.test('a saved search whose words are none any more finds nothing', async (t) => {
  const { database } = await build(t)
  const { rows } = await database.pool.query(
    `select saved_search_words(q)::text as words from unnest(array[null, '', '🎻', 'violin']) as q`,
  )
  t.strictSame(
    rows.map(({ words }) => words),
    [null, null, '', `'violin'`],
  )
})

t.test('marks of direction that came with pasting change no search', async (t) => {
  const { database } = await build(t)
  const { rows } = await database.pool.query(
    `select search_query('lamp -broken') = search_query(E'lamp \\u2066-broken\\u2069') as same`,
  )
  t.strictSame(rows, [{ same: true }])
})
