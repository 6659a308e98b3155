import t from 'tap'
import { build, call } from '../helper.ts'

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
