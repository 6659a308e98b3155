import t from 'tap'
import { build, call, createDraft } from '../helper.ts'

const ITEMS = '/api/v1/items'

t.test('the API describes itself', async (t) => {
  const fixture = await build(t)
  const { statusCode, body } = await call(fixture, 'GET', `${ITEMS}/openapi.json`)
  t.equal(statusCode, 200)
  const paths = Object.keys(body.paths as object).sort()
  t.strictSame(paths, [
    '/api/v1/categories',
    '/api/v1/categories/{id}',
    '/api/v1/categories/{id}/attributes',
    '/api/v1/items',
    '/api/v1/items/search',
    '/api/v1/items/{id}',
    '/api/v1/items/{id}/auto-relist',
    '/api/v1/items/{id}/comments',
    '/api/v1/items/{id}/publish',
    '/api/v1/items/{id}/relist',
    '/api/v1/items/{id}/report',
    '/api/v1/items/{id}/watch',
    '/api/v1/items/{id}/withdraw',
    '/api/v1/items/{itemId}/attributes',
    '/api/v1/items/{itemId}/attributes/{attributeId}',
    '/api/v1/items/{itemId}/categories',
    '/api/v1/items/{itemId}/comments/{commentId}',
    '/api/v1/items/{itemId}/comments/{commentId}/report',
    '/api/v1/items/{itemId}/images',
    '/api/v1/items/{itemId}/images/copies',
    '/api/v1/items/{itemId}/images/order',
    '/api/v1/items/{itemId}/images/{imageId}',
    '/api/v1/items/{itemId}/images/{imageId}/{size}',
    '/api/v1/moderation/actions',
    '/api/v1/moderation/comments/{id}/remove',
    '/api/v1/moderation/comments/{id}/restore',
    '/api/v1/moderation/flags',
    '/api/v1/moderation/items/{id}/remove',
    '/api/v1/moderation/items/{id}/restore',
    '/api/v1/moderation/reports',
    '/api/v1/moderation/reports/{id}',
    '/api/v1/moderation/reports/{id}/dismiss',
    '/api/v1/my/items',
    '/api/v1/my/items.csv',
    '/api/v1/my/items/import',
    '/api/v1/my/items/import/preview',
    '/api/v1/saved-searches',
    '/api/v1/saved-searches/{id}',
    '/api/v1/watchlist',
  ])
  t.equal((await fixture.app.inject({ url: `${ITEMS}/docs` })).statusCode < 400, true)
})

t.test('no cache keeps an answer that depends on the caller', async (t) => {
  const fixture = await build(t)
  const as = fixture.seller
  const { body: category } = await call(fixture, 'POST', '/api/v1/categories', {
    as: fixture.identity.person(['admin']),
    body: { name: 'Art' },
  })
  const item = `${ITEMS}/${await createDraft(fixture)}`
  const { body } = await call(fixture, 'POST', `${item}/attributes`, {
    as,
    body: { attributes: [{ key: 'maker', value: 'Ann' }] },
  })
  const [attribute] = body.items as { id: string }[]
  for (const url of [
    '/api/v1/categories',
    `/api/v1/categories/${category.id}`,
    ITEMS,
    item,
    `${item}/attributes`,
    `${item}/attributes/${attribute?.id}`,
    `${item}/comments`,
    `${item}/images`,
    `${ITEMS}/search`,
    '/api/v1/my/items',
  ]) {
    const { statusCode, headers } = await call(fixture, 'GET', url, { as })
    t.match([statusCode, headers['cache-control']], [200, 'no-store'], url)
  }
})
