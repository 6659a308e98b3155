import t from 'tap'
import { ITEM_ID, OWN_PAGE, startApp } from '#test/helper.ts'

t.test('forms with files wait as long as a slow line needs, and no other form does', async (t) => {
  const app = await startApp(t, 'http://127.0.0.1:9')
  const waiting: unknown[] = []
  app.addHook('onRequest', async ({ routeOptions }) => {
    waiting.push([routeOptions.url, routeOptions.config.takesFile === true])
  })
  const forms = {
    '/sell/:itemId/pictures': true,
    '/my/items/import': true,
    '/account/photo': true,
    '/login': false,
    '/sell/:itemId/price': false,
  }
  for (const url of Object.keys(forms)) {
    await app.inject({ method: 'POST', url: url.replace(':itemId', ITEM_ID), headers: OWN_PAGE })
  }
  t.strictSame(waiting, Object.entries(forms))
})
