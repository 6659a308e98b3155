import t from 'tap'
import {
  build,
  call,
  createDraft,
  createPublished,
  type Fixture,
  writtenEvents,
} from '#test/helper.ts'

const set = (
  fixture: Fixture,
  itemId: string,
  attributes: { key: string; value: string }[],
  as = fixture.seller,
) => call(fixture, 'POST', `/api/v1/items/${itemId}/attributes`, { as, body: { attributes } })

t.test(
  "attributes are read by the definitions of the item's categories, all or none",
  async (t) => {
    const fixture = await build(t)
    const admin = fixture.identity.person(['admin'])
    const made = async (name: string, parent_id: string | null) =>
      (await call(fixture, 'POST', '/api/v1/categories', { as: admin, body: { name, parent_id } }))
        .body.id
    const art = await made('Art', null)
    const prints = await made('Prints', art)
    const defined = await call(fixture, 'PUT', `/api/v1/categories/${art}/attributes`, {
      as: admin,
      body: {
        attributes: [
          { key: 'width', label: 'Width', kind: 'number', unit: 'cm' },
          { key: 'state', label: 'State', kind: 'choice', choices: ['fine', 'worn'] },
        ],
      },
    })
    t.equal(defined.statusCode, 204)
    const itemId = await createDraft(fixture)
    await call(fixture, 'PUT', `/api/v1/items/${itemId}/categories`, {
      as: fixture.seller,
      body: { categories: [prints] },
    })
    const width = { key: 'width', value: '12.5' }
    t.match(await set(fixture, itemId, [width, { key: 'state', value: 'torn' }]), {
      statusCode: 400,
      body: {
        code: 'item.attribute.validation_failed',
        details: { field: 'state', reason: 'not_a_choice' },
      },
    })
    const list = () =>
      call(fixture, 'GET', `/api/v1/items/${itemId}/attributes`, { as: fixture.seller })
    t.strictSame((await list()).body.items, [], 'nothing of a refused list is kept')
    const stored = await set(fixture, itemId, [width, { key: 'maker', value: 'Dürer' }])
    t.match(stored, { statusCode: 201, body: { items: [{ key: 'maker' }, { key: 'width' }] } })
    await set(fixture, itemId, [{ key: 'width', value: '13' }])
    const items = (await list()).body.items as { id: string; key: string; value: string }[]
    t.match(items, [{ value: 'Dürer' }, { value: '13' }], 'set again, it has the new value')
    const one = `/api/v1/items/${itemId}/attributes/${items[0]?.id}`
    t.match(await call(fixture, 'GET', one, { as: fixture.seller }), { body: { key: 'maker' } })
    t.equal((await call(fixture, 'DELETE', one, { as: fixture.seller })).statusCode, 204)
    t.equal((await call(fixture, 'DELETE', one, { as: fixture.seller })).statusCode, 404)
    const keys = (await writtenEvents(fixture.database, itemId)).map(({ key }) => key)
    t.strictSame(keys.slice(-4), [
      'item.attribute.created.v1',
      'item.attribute.created.v1',
      'item.attribute.created.v1',
      'item.attribute.deleted.v1',
    ])
  },
)

t.test('seed bug 20: only the seller describes an item', async (t) => {
  const fixture = await build(t)
  const itemId = await createPublished(fixture)
  const stranger = fixture.identity.person()
  const refused = await set(fixture, itemId, [{ key: 'maker', value: 'me' }], stranger)
  t.match(refused, { statusCode: 403, body: { code: 'item.forbidden' } })
  const { body } = await set(fixture, itemId, [{ key: 'maker', value: 'Zeiss' }])
  const [attribute] = body.items as { id: string }[]
  const url = `/api/v1/items/${itemId}/attributes/${attribute?.id}`
  t.equal((await call(fixture, 'DELETE', url, { as: stranger })).statusCode, 403)
  t.equal((await call(fixture, 'GET', url)).statusCode, 200, 'attributes are public')
  const other = await createPublished(fixture)
  const elsewhere = `/api/v1/items/${other}/attributes/${attribute?.id}`
  t.equal((await call(fixture, 'DELETE', elsewhere, { as: fixture.seller })).statusCode, 404)
  const draft = await createDraft(fixture)
  t.equal((await set(fixture, draft, [{ key: 'a', value: 'b' }], stranger)).statusCode, 404)
  t.equal((await call(fixture, 'GET', `/api/v1/items/${draft}/attributes`)).statusCode, 404)
})

t.test('an item with bids is not described again', async (t) => {
  const fixture = await build(t)
  const itemId = await createPublished(fixture)
  await fixture.db.updateTable('items').set({ bid_count: 1 }).where('id', '=', itemId).execute()
  t.match(await set(fixture, itemId, [{ key: 'maker', value: 'Zeiss' }]), {
    statusCode: 409,
    body: { code: 'item.update.has_bids' },
  })
})

t.test('malformed attributes are refused', async (t) => {
  const fixture = await build(t)
  const itemId = await createDraft(fixture)
  for (const attributes of [
    [],
    [{ key: 'Maker', value: 'x' }],
    [{ key: 'maker', value: '' }],
    [{ key: 'maker', value: ' ' }],
    [{ key: 'maker', value: 'a\0b' }],
    [{ key: 'maker', value: 'x'.repeat(501) }],
    [
      { key: 'maker', value: 'one' },
      { key: 'maker', value: 'two' },
    ],
    Array.from({ length: 51 }, (_, index) => ({ key: `key_${index}`, value: 'x' })),
  ]) {
    t.equal((await set(fixture, itemId, attributes)).statusCode, 400)
  }
  const many = (from: number) =>
    Array.from({ length: 30 }, (_, index) => ({ key: `key_${from + index}`, value: 'x' }))
  t.equal((await set(fixture, itemId, many(0))).statusCode, 201)
  t.match(await set(fixture, itemId, many(30)), {
    statusCode: 409,
    body: { code: 'item.attribute.too_many' },
  })
})
