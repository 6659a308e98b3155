import {
  escapeBodies,
  freeStringsOf,
  kindNames,
  kindsByPlace,
  largestTexts,
  namesOf,
  placesOf,
  unreadColumns,
} from '@auction/common/testing/written-texts.ts'
import t from 'tap'
import { TEXTS } from '#src/domain/texts.ts'
import { build, call, createDraft, createPublished, type Fixture, listingBody } from '../helper.ts'

type Sender = (fixture: Fixture, text: string) => ReturnType<typeof call>

const items = '/api/v1/items'
const admin = ({ identity }: Fixture) => identity.person(['admin'])
const moderator = ({ identity }: Fixture) => identity.person(['moderator'])

let count = 0
const newCategory = async (fixture: Fixture, fields: object) => {
  count += 1
  const body = { name: `category ${count}`, ...fields }
  return call(fixture, 'POST', '/api/v1/categories', { as: admin(fixture), body })
}
/** A category in which no name is taken yet. */
const categoryId = async (fixture: Fixture, parent_id: string | null = null) =>
  (await newCategory(fixture, { parent_id })).body.id
const define = async (fixture: Fixture, attribute: object) => {
  const body = { attributes: [{ key: 'size', label: 'Size', kind: 'text', ...attribute }] }
  const url = `/api/v1/categories/${await categoryId(fixture)}/attributes`
  return call(fixture, 'PUT', url, { as: admin(fixture), body })
}
const comment = async (fixture: Fixture, content: string) => {
  const itemId = await createPublished(fixture)
  const body = { content }
  const as = fixture.identity.person()
  return { itemId, ...(await call(fixture, 'POST', `${items}/${itemId}/comments`, { as, body })) }
}
const moderate = async (fixture: Fixture, path: string, reason: string) =>
  call(fixture, 'POST', `/api/v1/moderation/${path}`, { as: moderator(fixture), body: { reason } })
const reported = async (fixture: Fixture) => {
  const as = fixture.identity.person()
  const body = { reason: 'spam' }
  return (
    await call(fixture, 'POST', `${items}/${await createPublished(fixture)}/report`, { as, body })
  ).body.id
}
const hidden = async (fixture: Fixture) => {
  const id = await createPublished(fixture)
  await moderate(fixture, `items/${id}/remove`, 'because')
  // Bidding on it was ended meanwhile.
  await fixture.database.pool.query(`update items set outcome = 'no_bids' where id = $1`, [id])
  return id
}
const hiddenComment = async (fixture: Fixture) => {
  const { body } = await comment(fixture, 'a comment')
  await moderate(fixture, `comments/${body.id}/remove`, 'because')
  return body.id
}
const search = (fixture: Fixture, name: string, value: string) =>
  call(fixture, 'GET', `${items}/search?${new URLSearchParams({ [name]: value })}`)
const save = (fixture: Fixture, name: string, filters: object) =>
  call(fixture, 'POST', '/api/v1/saved-searches', {
    as: fixture.identity.person(),
    body: { name, filters },
  })

/** One request for each place where people write a text. */
const SENDERS: Record<string, Sender> = {
  'POST /api/v1/items body.name': (fixture, name) =>
    call(fixture, 'POST', items, { as: fixture.seller, body: listingBody({ name }) }),
  'POST /api/v1/items body.description': (fixture, description) =>
    call(fixture, 'POST', items, { as: fixture.seller, body: listingBody({ description }) }),
  'PUT /api/v1/items/{id} body.name': async (fixture, name) =>
    call(fixture, 'PUT', `${items}/${await createDraft(fixture)}`, {
      as: fixture.seller,
      body: { name },
    }),
  'PUT /api/v1/items/{id} body.description': async (fixture, description) =>
    call(fixture, 'PUT', `${items}/${await createDraft(fixture)}`, {
      as: fixture.seller,
      body: { description },
    }),
  'POST /api/v1/items/{id}/withdraw body.reason': async (fixture, reason) =>
    call(fixture, 'POST', `${items}/${await createPublished(fixture)}/withdraw`, {
      as: fixture.seller,
      body: { reason },
    }),
  'POST /api/v1/items/{id}/comments body.content': comment,
  'POST /api/v1/items/{id}/report body.note': async (fixture, note) =>
    call(fixture, 'POST', `${items}/${await createPublished(fixture)}/report`, {
      as: fixture.identity.person(),
      body: { reason: 'spam', note },
    }),
  'POST /api/v1/items/{itemId}/comments/{commentId}/report body.note': async (fixture, note) => {
    const { itemId, body } = await comment(fixture, 'a comment')
    return call(fixture, 'POST', `${items}/${itemId}/comments/${body.id}/report`, {
      as: fixture.identity.person(),
      body: { reason: 'spam', note },
    })
  },
  'POST /api/v1/items/{itemId}/attributes body.attributes.value': async (fixture, value) =>
    call(fixture, 'POST', `${items}/${await createDraft(fixture)}/attributes`, {
      as: fixture.seller,
      body: { attributes: [{ key: 'maker', value }] },
    }),
  'PATCH /api/v1/items/{itemId}/images/{imageId} body.alt_text': async (fixture, alt_text) => {
    const itemId = await createDraft(fixture)
    const { rows } = await fixture.database.pool.query<{ id: string }>(
      `insert into item_images (id, item_id, position, width, height)
       values (gen_random_uuid(), $1, 0, 1, 1) returning id`,
      [itemId],
    )
    const url = `${items}/${itemId}/images/${rows[0]?.id}`
    return call(fixture, 'PATCH', url, { as: fixture.seller, body: { alt_text } })
  },
  'POST /api/v1/categories body.name': async (fixture, name) =>
    newCategory(fixture, { name, parent_id: await categoryId(fixture) }),
  'POST /api/v1/categories body.description': (fixture, description) =>
    newCategory(fixture, { description }),
  'PUT /api/v1/categories/{id} body.name': async (fixture, name) => {
    const id = await categoryId(fixture, await categoryId(fixture))
    return call(fixture, 'PUT', `/api/v1/categories/${id}`, { as: admin(fixture), body: { name } })
  },
  'PUT /api/v1/categories/{id} body.description': async (fixture, description) =>
    call(fixture, 'PUT', `/api/v1/categories/${await categoryId(fixture)}`, {
      as: admin(fixture),
      body: { description },
    }),
  'PUT /api/v1/categories/{id}/attributes body.attributes.label': (fixture, label) =>
    define(fixture, { label }),
  'PUT /api/v1/categories/{id}/attributes body.attributes.unit': (fixture, unit) =>
    define(fixture, { kind: 'number', unit }),
  'PUT /api/v1/categories/{id}/attributes body.attributes.choices': (fixture, choice) =>
    define(fixture, { kind: 'choice', choices: [choice] }),
  'POST /api/v1/moderation/items/{id}/remove body.reason': async (fixture, reason) =>
    moderate(fixture, `items/${await createPublished(fixture)}/remove`, reason),
  'POST /api/v1/moderation/items/{id}/restore body.reason': async (fixture, reason) =>
    moderate(fixture, `items/${await hidden(fixture)}/restore`, reason),
  'POST /api/v1/moderation/comments/{id}/remove body.reason': async (fixture, reason) =>
    moderate(fixture, `comments/${(await comment(fixture, 'a comment')).body.id}/remove`, reason),
  'POST /api/v1/moderation/comments/{id}/restore body.reason': async (fixture, reason) =>
    moderate(fixture, `comments/${await hiddenComment(fixture)}/restore`, reason),
  'POST /api/v1/moderation/reports/{id}/dismiss body.reason': async (fixture, reason) =>
    moderate(fixture, `reports/${await reported(fixture)}/dismiss`, reason),
  'GET /api/v1/items/search query.q': (fixture, q) => search(fixture, 'q', q),
  'GET /api/v1/my/items query.q': (fixture, q) =>
    call(fixture, 'GET', `/api/v1/my/items?${new URLSearchParams({ q })}`, { as: fixture.seller }),
  'GET /api/v1/items/search query.attribute': (fixture, value) =>
    search(fixture, 'attribute', `maker:${value}`),
  'POST /api/v1/saved-searches body.name': (fixture, name) => save(fixture, name, {}),
  'POST /api/v1/saved-searches body.filters.q': (fixture, q) => save(fixture, 'name', { q }),
  'POST /api/v1/saved-searches body.filters.attribute': (fixture, value) =>
    save(fixture, 'name', { attribute: `maker:${value}` }),
}

/** Strings that no person reads, each with a reader of its own. */
const OTHERS = [
  // Decimal strings, by parseAmount.
  'GET /api/v1/items/search query.maxPrice',
  'GET /api/v1/items/search query.minPrice',
  'POST /api/v1/items body.bidIncrement',
  'POST /api/v1/items body.buyoutPrice',
  'POST /api/v1/items body.depositAmount',
  'POST /api/v1/items body.reservePrice',
  'POST /api/v1/items body.startPrice',
  'POST /api/v1/items/{id}/relist body.bidIncrement',
  'POST /api/v1/items/{id}/relist body.buyoutPrice',
  'POST /api/v1/items/{id}/relist body.reservePrice',
  'POST /api/v1/items/{id}/relist body.startPrice',
  'POST /api/v1/saved-searches body.filters.maxPrice',
  'POST /api/v1/saved-searches body.filters.minPrice',
  'PUT /api/v1/items/{id} body.bidIncrement',
  'PUT /api/v1/items/{id} body.buyoutPrice',
  'PUT /api/v1/items/{id} body.depositAmount',
  'PUT /api/v1/items/{id} body.reservePrice',
  'PUT /api/v1/items/{id} body.startPrice',
  // Cursors are signed, and keys are compared only.
  'GET /api/v1/items query.cursor',
  'GET /api/v1/items/search query.cursor',
  'GET /api/v1/my/items query.cursor',
  'GET /api/v1/watchlist query.cursor',
  'POST /api/v1/items header.idempotency-key',
  'POST /api/v1/items/{id}/relist header.idempotency-key',
  'POST /api/v1/my/items/import header.idempotency-key',
  // A file, whose cells are read as the fields of POST /items.
  'POST /api/v1/my/items/import body',
  'POST /api/v1/my/items/import/preview body',
]

/** What is refused where a text must be given, and is no text where it may be left out. */
const INVISIBLE = '\u3164\u2800\u200b'
const OPTIONAL = new Set<string>([
  TEXTS.itemDescription.name,
  TEXTS.imageAltText.name,
  TEXTS.reportNote.name,
  TEXTS.categoryDescription.name,
])

t.test('every string that people write is read as one, and no other is', async (t) => {
  const { app } = await build(t)
  const strings = await freeStringsOf(app)
  const { texts, others } = placesOf(strings)
  t.strictSame(texts, Object.keys(SENDERS).sort(), 'the list of texts')
  t.strictSame(others, [...OTHERS].sort(), 'the list of other strings')
  t.strictSame(kindNames(strings), namesOf(TEXTS))
})

t.test(
  'every text is composed and trimmed, and refused when there is nothing to see',
  async (t) => {
    const fixture = await build(t)
    const kinds = kindsByPlace(await freeStringsOf(fixture.app))
    for (const [place, send] of Object.entries(SENDERS)) {
      const kind = kinds.get(place) ?? ''
      const keepsBlanks = kind === TEXTS.itemDescription.name
      const words = 'Ä é й 한 が'.normalize('NFD')
      const written = await send(fixture, keepsBlanks ? words : `\u00a0${words}\u200b`)
      t.ok(written.statusCode < 300, `${place}: ${JSON.stringify(written.body)}`)
      const isSearch = kind === TEXTS.searchText.name
      const invisible = await send(fixture, INVISIBLE)
      // A search without words is one for everything; saving it is refused.
      const mayBeEmpty = OPTIONAL.has(kind) || (isSearch && place.startsWith('GET'))
      t.equal(invisible.statusCode < 300, mayBeEmpty, `${place}: nothing to see`)
      t.notMatch(JSON.stringify(invisible.body), /\u3164/, `${place}: nothing of it is shown`)
      for (const wrong of ['a\0b', 'a\x1bb', 'a\u202eb', 'a\ud800b']) {
        // In a search the direction changes nothing; and no address can have half a character.
        if (place.includes(' query.') && wrong.includes('\ud800')) continue
        if (isSearch && wrong.includes('\u202e')) continue
        const refused = await send(fixture, wrong)
        t.equal(refused.statusCode, 400, `${place}: ${JSON.stringify(wrong)}`)
      }
    }
    t.strictSame(await unreadColumns(fixture.database.pool), [])
  },
)

t.test(
  'every text may have as many characters as its kind says, of the longest that people use',
  async (t) => {
    const fixture = await build(t)
    const longest = async (place: string, charactersMax: number, bytesMax: number) => {
      const send = SENDERS[place]
      if (send === undefined) throw new Error(place)
      const of = (character: string, more = 0) => character.repeat(charactersMax + more)
      for (const character of ['é'.normalize('NFD'), '京', '🥄', '👨‍👩‍👧‍👦'].filter(
        (one) => Buffer.byteLength(of(one.normalize('NFC'))) <= bytesMax,
      )) {
        const answer = await send(fixture, of(character))
        t.ok(
          answer.statusCode < 300,
          `${place}: ${character} ${JSON.stringify(answer.body).slice(0, 200)}`,
        )
        t.equal(
          (await send(fixture, of(character, 1))).statusCode,
          400,
          `${place}: one more ${character}`,
        )
      }
    }
    const byName = new Map(Object.values(TEXTS).map((kind) => [kind.name as string, kind]))
    for (const { place, kind } of await freeStringsOf(fixture.app)) {
      const text = byName.get(kind ?? '')
      // The key of an attribute counts as well in a filter, and signs alone are no search.
      if (text === undefined || kind === TEXTS.attributeFilter.name || place.includes('filters.q'))
        continue
      await longest(place, text.charactersMax, text.bytesMax)
    }
  },
)

t.test(
  'the largest text of every kind arrives, also when its characters are escaped',
  async (t) => {
    const fixture = await build(t)
    escapeBodies(fixture.app)
    for (const { place, kind, text } of await largestTexts(fixture.app, TEXTS)) {
      const send = SENDERS[place]
      if (send === undefined) continue
      // The key of an attribute counts as well in a filter.
      if (kind === TEXTS.attributeFilter.name) continue
      const answer = await send(fixture, text)
      t.ok(answer.statusCode < 300, `${place}: ${JSON.stringify(answer.body).slice(0, 200)}`)
    }
  },
)
