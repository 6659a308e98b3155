import { EVENTS } from '@auction/common/contracts/asyncapi.ts'
import t from 'tap'
import { healthy, startApp, startUpstream } from '#test/helper.ts'

t.test('the page of events and its document name every event', async (t) => {
  const upstream = await startUpstream(t, healthy())
  const app = await startApp(t, upstream.url)
  const page = await app.inject('/events.html')
  t.match(page, { statusCode: 200, headers: { 'content-type': /^text\/html/ } })
  t.equal(page.headers['cache-control'], 'private, no-cache', 'it shows who is logged in')
  const document = (await app.inject('/asyncapi.json')).json()
  t.equal(document.asyncapi, '3.0.0')
  for (const { key } of EVENTS) {
    t.ok(page.body.includes(`<h2 id="${key}">`), key)
    t.ok(document.channels[key], key)
  }
  t.match((await app.inject('/developers')).body, 'href="/events.html"')
  t.notMatch(page.body, / style="| on[a-z]+="/, 'nothing inline')
})
