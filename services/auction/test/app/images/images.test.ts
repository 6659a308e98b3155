import { readdir } from 'node:fs/promises'
import sharp from 'sharp'
import t from 'tap'
import { deleteDueObjects } from '#src/app/images/delete-objects.ts'
import {
  build,
  call,
  createDraft,
  createPublished,
  type Fixture,
  writtenEvents,
} from '#test/helper.ts'
import { bomb, picture, upload, uploadOnce } from '#test/images.ts'

interface Image {
  id: string
  alt_text: string
}

const imagesOf = async (fixture: Fixture, itemId: string) => {
  const { body } = await call(fixture, 'GET', `/api/v1/items/${itemId}`, { as: fixture.seller })
  return body.images as Image[]
}

t.test('an image is stored in three sizes, upright and without metadata', async (t) => {
  const fixture = await build(t)
  const { app, seller } = fixture
  const itemId = await createPublished(fixture)
  const bytes = await picture('jpeg', 2400, 1200)
  t.ok(bytes.includes('secret place'))
  const { statusCode, body } = await upload(fixture, seller, itemId, {
    bytes,
    filename: '../../../etc/passwd',
    type: 'text/html',
  })
  t.equal(statusCode, 201)
  t.match(body, { item_id: itemId, display_order: 0, alt_text: '', width: 1600, height: 800 })
  for (const [size, width] of [
    ['small', 320],
    ['medium', 800],
    ['large', 1600],
  ] as const) {
    const response = await app.inject({ url: body.urls[size] })
    t.equal(response.statusCode, 200)
    t.match(response.headers, {
      'content-type': 'image/webp',
      'cache-control': 'public, max-age=3600',
      'x-content-type-options': 'nosniff',
    })
    const read = await sharp(response.rawPayload).metadata()
    t.match(read, { format: 'webp', width, height: width / 2 })
    t.notOk(read.exif ?? read.xmp ?? read.icc, 'no metadata')
    const head = await app.inject({ method: 'HEAD', url: body.urls[size] })
    t.match(head, { statusCode: 200, body: '', headers: { 'content-type': 'image/webp' } })
    t.equal(head.headers['content-length'], String(response.rawPayload.length))
    const etag = String(response.headers.etag)
    for (const known of [etag, `W/${etag}`, `"another", ${etag}`, '*']) {
      const again = await app.inject({ url: body.urls[size], headers: { 'if-none-match': known } })
      t.match(again, { statusCode: 304, body: '' }, known)
    }
    const other = await app.inject({ url: body.urls[size], headers: { 'if-none-match': '"x"' } })
    t.equal(other.statusCode, 200)
  }
  t.equal((await app.inject({ url: `${body.url}x` })).statusCode, 400)
  t.match(await imagesOf(fixture, itemId), [{ id: body.id }])
  const [event] = (await writtenEvents(fixture.database, itemId)).slice(-1)
  t.match(event, { key: 'item.image.uploaded.v1', payload: { imageUrl: body.url } })
  t.equal((await readdir(fixture.folder)).length, 3, 'and nothing at the path in the name')
})

t.test('PNG and WebP are accepted too; small images stay small', async (t) => {
  const fixture = await build(t)
  const itemId = await createDraft(fixture)
  for (const kind of ['png', 'webp'] as const) {
    const { body } = await upload(fixture, fixture.seller, itemId, { bytes: await picture(kind) })
    t.match(body, { width: 60, height: 40 })
  }
  const [image] = await imagesOf(fixture, itemId)
  const url = `/api/v1/items/${itemId}/images/${image?.id}/small`
  t.equal((await call(fixture, 'GET', url)).statusCode, 404, 'a draft is for its seller')
  const { headers, statusCode } = await fixture.app.inject({ url, headers: fixture.seller.headers })
  t.equal(statusCode, 200)
  t.equal(headers['cache-control'], 'private, no-cache', 'the next user of the browser asks again')
  const etag = String(headers.etag)
  const again = { 'if-none-match': etag }
  t.equal((await fixture.app.inject({ url, headers: again })).statusCode, 404)
  t.equal(
    (await fixture.app.inject({ url, headers: { ...again, ...fixture.seller.headers } }))
      .statusCode,
    304,
  )
})

t.test(
  'seed bug 21: a file that is no image is refused, and nothing of it is stored',
  async (t) => {
    const fixture = await build(t)
    const itemId = await createDraft(fixture)
    const png = await picture('png', 300, 300)
    const jpeg = await picture('jpeg', 900, 900)
    const webp = await picture('webp', 300, 300)
    const lying = (from: Buffer, first: number, then: Buffer) =>
      Buffer.concat([from.subarray(0, first), then])
    const deep = bomb(3750, 16)
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    for (const [name, parts, statusCode, code] of [
      ['an SVG', [{ bytes: svg }], 415, 'type_not_supported'],
      ['an empty file', [{ bytes: Buffer.alloc(0) }], 415, 'type_not_supported'],
      ['a GIF', [{ bytes: Buffer.from('GIF89a-and-more') }], 415, 'type_not_supported'],
      ['a bomb', [{ bytes: bomb() }], 422, 'too_many_pixels'],
      ['16 bits of 14 megapixels', [{ bytes: deep }], 422, 'too_many_pixels'],
      ['half a PNG', [{ bytes: png.subarray(0, png.length / 2) }], 422, 'broken'],
      ['half a JPEG', [{ bytes: jpeg.subarray(0, jpeg.length / 2) }], 422, 'broken'],
      ['half a WebP', [{ bytes: webp.subarray(0, webp.length / 2) }], 422, 'broken'],
      ['a PNG that is a JPEG', [{ bytes: lying(png, 8, jpeg) }], 422, 'broken'],
      ['a JPEG that is an SVG', [{ bytes: lying(jpeg, 3, svg) }], 422, 'broken'],
      ['only the first bytes', [{ bytes: png.subarray(0, 8) }], 422, 'broken'],
      ['5 MB and a byte', [{ bytes: Buffer.alloc(5 * 1024 * 1024 + 1) }], 413, 'too_large'],
      ['another field', [{ bytes: png, field: 'photo' }], 400, 'validation_failed'],
      ['two files', [{ bytes: png }, { bytes: png }], 400, 'validation_failed'],
      ['no file', [], 400, 'validation_failed'],
    ] as const) {
      const answer = await upload(fixture, fixture.seller, itemId, ...parts)
      t.match(answer, { statusCode, body: { code: `item.image.${code}` } }, name)
    }
    const url = `/api/v1/items/${itemId}/images`
    const json = await call(fixture, 'POST', url, { as: fixture.seller, body: { image: 'x' } })
    t.match(json, { statusCode: 400, body: { code: 'item.image.validation_failed' } })
    t.strictSame(await imagesOf(fixture, itemId), [])
    t.strictSame(await readdir(fixture.folder), [])
  },
)

t.test('twelve is the most, also when more arrive at once', async (t) => {
  const fixture = await build(t)
  const itemId = await createDraft(fixture)
  const bytes = await picture('png')
  const one = () => upload(fixture, fixture.seller, itemId, { bytes })
  for (let index = 0; index < 10; index++) t.equal((await one()).statusCode, 201)
  const answers = await Promise.all(Array.from({ length: 8 }, one))
  const codes = answers.map(({ statusCode }) => statusCode).sort()
  t.strictSame(codes, [201, 201, 409, 409, 409, 409, 409, 409])
  t.equal((await imagesOf(fixture, itemId)).length, 12)
  await deleteDueObjects({ db: fixture.db, storage: fixture.dependencies.images })
  t.equal((await readdir(fixture.folder)).length, 36, 'what was too much is cleared away')
})

t.test('what is sent again with once is the picture that is there', async (t) => {
  const fixture = await build(t)
  const { seller } = fixture
  const itemId = await createDraft(fixture)
  const [bytes, other] = [await picture('png'), await picture('png', 61)]
  const once = (sent = bytes) => uploadOnce(fixture, seller, itemId, { bytes: sent })
  const answers = await Promise.all(Array.from({ length: 5 }, () => once()))
  t.equal(new Set(answers.map(({ body }) => body.id)).size, 1, 'also at the same time')
  t.ok(answers.every(({ statusCode }) => statusCode === 201))
  t.not((await once(other)).body.id, answers[0]?.body.id)
  for (let index = 0; index < 10; index++) await upload(fixture, seller, itemId, { bytes: other })
  t.equal((await once()).body.id, answers[0]?.body.id, 'an item that is full has it too')
  const late = await once(await picture('png', 62))
  t.match(late, { statusCode: 409, body: { code: 'item.image.too_many' } })
  t.equal((await imagesOf(fixture, itemId)).length, 12)
  await deleteDueObjects({ db: fixture.db, storage: fixture.dependencies.images })
  t.equal(
    (await readdir(fixture.folder)).length,
    36,
    'objects of those who were slower are deleted',
  )
  const gone = `/api/v1/items/${itemId}/images/${answers[0]?.body.id}`
  await call(fixture, 'DELETE', gone, { as: seller })
  t.not((await once()).body.id, answers[0]?.body.id, 'what was deleted can be sent again')
})

t.test('the pictures of an item are copied once into another of its seller', async (t) => {
  const fixture = await build(t)
  const { app, seller } = fixture
  const from = await createPublished(fixture)
  const to = await createDraft(fixture)
  const sent: string[] = []
  for (const kind of ['png', 'webp'] as const) {
    const { body } = await upload(fixture, seller, from, { bytes: await picture(kind) })
    sent.push(body.id)
  }
  const about = `/api/v1/items/${from}/images/${sent[1]}`
  await call(fixture, 'PATCH', about, { as: seller, body: { alt_text: 'Its back' } })
  const copy = (as: typeof seller, itemId: string, fromItemId: string) =>
    call(fixture, 'POST', `/api/v1/items/${itemId}/images/copies`, { as, body: { fromItemId } })
  const copied = await copy(seller, to, from)
  t.equal(copied.statusCode, 200)
  const copies = copied.body.items as (Image & { urls: { large: string } })[]
  t.match(copies, [{ alt_text: '' }, { alt_text: 'Its back' }])
  t.notOk(
    copies.some(({ id }) => sent.includes(id)),
    'pictures of their own',
  )
  t.strictSame((await copy(seller, to, from)).body, copied.body, 'again changes nothing')
  t.equal((await readdir(fixture.folder)).length, 4 * 3)
  const events = await writtenEvents(fixture.database, to)
  t.equal(events.filter(({ key }) => key === 'item.image.uploaded.v1').length, 2)
  for (const id of sent) {
    await call(fixture, 'DELETE', `/api/v1/items/${from}/images/${id}`, { as: seller })
  }
  await deleteDueObjects({ db: fixture.db, storage: fixture.dependencies.images })
  t.equal((await readdir(fixture.folder)).length, 2 * 3, 'the copies stay')
  const { headers } = seller
  for (const { urls } of copies) {
    t.equal((await app.inject({ url: urls.large, headers })).statusCode, 200)
  }
  const stranger = fixture.identity.person()
  const other = await createDraft(fixture, {}, stranger)
  for (const foreign of [to, from, '019a0000-0000-7000-8000-000000000001']) {
    t.match(
      await copy(stranger, other, foreign),
      { statusCode: 422, body: { code: 'item.image.source_unknown' } },
      'no one learns which items of others there are',
    )
  }
  t.equal((await copy(stranger, to, other)).statusCode, 404)
  t.equal((await copy(stranger, from, other)).statusCode, 403)
  const left = await call(fixture, 'GET', `/api/v1/items/${other}`, { as: stranger })
  t.match(left, { statusCode: 200, body: { images: [] } })
})

t.test('seed bug 28: order, texts and removal', async (t) => {
  const fixture = await build(t)
  const { seller } = fixture
  const itemId = await createDraft(fixture)
  const bytes = await picture('png')
  for (let index = 0; index < 3; index++) await upload(fixture, seller, itemId, { bytes })
  const url = `/api/v1/items/${itemId}/images`
  const ids = (await imagesOf(fixture, itemId)).map(({ id }) => id)
  const turned = [...ids].reverse()
  const order = (body: unknown) => call(fixture, 'PUT', `${url}/order`, { as: seller, body })
  t.match(await order({ ids: turned }), {
    statusCode: 200,
    body: { items: turned.map((id) => ({ id })) },
  })
  for (const wrong of [ids.slice(1), [...ids, ids[0]], [ids[0], ids[0], ids[1]], []]) {
    t.match(await order({ ids: wrong }), { statusCode: 400, body: { code: /order_invalid/ } })
  }
  const say = (alt_text: string, id = turned[0]) =>
    call(fixture, 'PATCH', `${url}/${id}`, { as: seller, body: { alt_text } })
  t.match(await say('A spoon, "from above" <b>'), { statusCode: 200 })
  t.equal((await say('x'.repeat(301))).statusCode, 400)
  t.equal((await say('a\0b')).statusCode, 400)
  t.equal((await say('x', itemId)).statusCode, 404)
  const remove = (id = turned[1]) => call(fixture, 'DELETE', `${url}/${id}`, { as: seller })
  t.equal((await remove()).statusCode, 204)
  t.match(await remove(), { statusCode: 404, body: { code: 'item.image.not_found' } })
  const { body } = await call(fixture, 'GET', `${url}?page=2&limit=1`, { as: seller })
  t.match(body, { items: [{ id: turned[2], display_order: 1 }], totalItems: 2, totalPages: 2 })
  const [event] = (await writtenEvents(fixture.database, itemId)).slice(-1)
  t.match(event, { key: 'item.image.deleted.v1', payload: { id: turned[1] } })
  await deleteDueObjects({ db: fixture.db, storage: fixture.dependencies.images })
  const names = await readdir(fixture.folder)
  t.equal(names.length, 6)
  t.notOk(names.some((name) => name.startsWith(turned[1] ?? '')))
})

t.test('only the seller changes images, and with bids can only add some', async (t) => {
  const fixture = await build(t)
  const { seller, db } = fixture
  const itemId = await createPublished(fixture)
  const bytes = await picture('png')
  const stranger = fixture.identity.person()
  t.match(await upload(fixture, undefined, itemId, { bytes }), { statusCode: 401 })
  t.match(await upload(fixture, stranger, itemId, { bytes }), {
    statusCode: 403,
    body: { code: 'item.forbidden' },
  })
  const { body } = await upload(fixture, seller, itemId, { bytes })
  const url = `/api/v1/items/${itemId}/images/${body.id}`
  t.equal((await call(fixture, 'DELETE', url, { as: stranger })).statusCode, 403)
  const other = await createPublished(fixture)
  const elsewhere = `/api/v1/items/${other}/images/${body.id}`
  t.equal((await call(fixture, 'DELETE', elsewhere, { as: seller })).statusCode, 404)
  t.equal((await call(fixture, 'GET', `${elsewhere}/small`)).statusCode, 404)
  await db.updateTable('items').set({ bid_count: 1 }).where('id', '=', itemId).execute()
  t.equal((await upload(fixture, seller, itemId, { bytes })).statusCode, 201)
  const [first, second] = await imagesOf(fixture, itemId)
  const order = { method: 'PUT', url: `/api/v1/items/${itemId}/images/order` } as const
  for (const [method, path, body] of [
    ['DELETE', url, undefined],
    ['PATCH', url, { alt_text: 'another' }],
    [order.method, order.url, { ids: [second?.id, first?.id] }],
  ] as const) {
    t.match(
      await call(fixture, method, path, { as: seller, ...(body && { body }) }),
      { statusCode: 409, body: { code: 'item.update.has_bids' } },
      `${method} ${path}`,
    )
  }
})

t.test('a photo that was taken sideways is shown upright', async (t) => {
  const fixture = await build(t)
  const itemId = await createDraft(fixture)
  const bytes = await sharp(await picture('jpeg', 400, 200))
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer()
  const { body } = await upload(fixture, fixture.seller, itemId, { bytes })
  t.match(body, { width: 200, height: 400 })
})

t.test('objects of a deleted draft and of an upload that died are deleted', async (t) => {
  const fixture = await build(t)
  const { db, folder } = fixture
  const storage = fixture.dependencies.images
  const itemId = await createDraft(fixture)
  await upload(fixture, fixture.seller, itemId, { bytes: await picture('png') })
  await call(fixture, 'DELETE', `/api/v1/items/${itemId}`, { as: fixture.seller })
  // A storage that fails leaves the note where it is.
  const broken = { ...storage, remove: () => Promise.reject(new Error('no disk')) }
  await t.rejects(deleteDueObjects({ db, storage: broken }))
  t.equal(await deleteDueObjects({ db, storage }), 0, 'no other worker tries for a minute')
  t.equal((await readdir(folder)).length, 3)
  await db
    .updateTable('image_deletions')
    .set({ due_at: new Date(0) })
    .execute()
  t.equal(await deleteDueObjects({ db, storage }), 1)
  t.strictSame(await readdir(folder), [])
  const died = '019a0000-0000-7000-8000-000000000001'
  await storage.put(`${died}.small.webp`, Buffer.from('half an upload'))
  const pending = { image_id: died, due_at: new Date(Date.now() + 60_000) }
  await db.insertInto('image_deletions').values(pending).execute()
  t.equal(await deleteDueObjects({ db, storage }), 0, 'it may still be at it')
  await db
    .updateTable('image_deletions')
    .set({ due_at: new Date(0) })
    .execute()
  t.equal(await deleteDueObjects({ db, storage }), 1)
  t.strictSame(await readdir(folder), [])
  t.strictSame(await db.selectFrom('image_deletions').selectAll().execute(), [])
})

t.test('every list shows the first image of an item, in all its sizes', async (t) => {
  const fixture = await build(t)
  const { seller } = fixture
  const as = fixture.identity.person()
  const itemId = await createPublished(fixture)
  const bare = await createPublished(fixture)
  const ids: string[] = []
  for (const width of [1200, 600]) {
    const bytes = await picture('jpeg', width, 600)
    ids.push(String((await upload(fixture, seller, itemId, { bytes })).body.id))
  }
  for (const id of [itemId, bare]) await call(fixture, 'PUT', `/api/v1/items/${id}/watch`, { as })
  interface Listed {
    id: string
    image?: { id: string; width: number; height: number; urls: Record<string, string> }
  }
  const lists: Record<string, () => Promise<Listed[]>> = {
    all: async () => (await call(fixture, 'GET', '/api/v1/items')).body.items as Listed[],
    mine: async () =>
      (await call(fixture, 'GET', '/api/v1/my/items', { as: seller })).body.items as Listed[],
    search: async () => (await call(fixture, 'GET', '/api/v1/items/search')).body.items as Listed[],
    watchlist: async () =>
      (
        (await call(fixture, 'GET', '/api/v1/watchlist', { as })).body.items as { item: Listed }[]
      ).map(({ item }) => item),
  }
  const imageIn = async (name: string, id: string) => {
    const items = (await lists[name]?.()) ?? []
    t.equal(items.filter((item) => item.id === id).length, 1, `${name} has the item`)
    return items.find((item) => item.id === id)?.image
  }
  for (const name of Object.keys(lists)) {
    const image = await imageIn(name, itemId)
    t.match(image, { id: ids[0], width: 1200, height: 600, urls: { small: /small$/ } }, name)
    t.equal(await imageIn(name, bare), undefined, name)
  }
  const order = `/api/v1/items/${itemId}/images/order`
  const reordered = await call(fixture, 'PUT', order, {
    as: seller,
    body: { ids: [...ids].reverse() },
  })
  t.equal(reordered.statusCode, 200)
  t.match(await imageIn('search', itemId), { id: ids[1], width: 600 }, 'the order decides')
})
