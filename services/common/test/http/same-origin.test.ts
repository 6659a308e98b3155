import t from 'tap'
import { isFromOwnPage, isUnsafe } from '../../src/http/same-origin.ts'

const PUBLIC_URL = 'https://auction.example/'

t.test('a page of this origin is one that the browser says is one', async (t) => {
  t.ok(isFromOwnPage({ 'sec-fetch-site': 'same-origin' }, PUBLIC_URL))
  for (const site of [
    'same-site',
    'cross-site',
    'none',
    '',
    'same-origin, same-origin',
    'SAME-ORIGIN',
  ])
    t.notOk(
      isFromOwnPage({ 'sec-fetch-site': site, origin: 'https://auction.example' }, PUBLIC_URL),
    )
})

t.test('a browser that does not say it is judged by the origin that it sends', async (t) => {
  t.ok(isFromOwnPage({ origin: 'https://auction.example' }, PUBLIC_URL))
  for (const origin of [
    'http://auction.example',
    'https://auction.example:8443',
    'https://auction.example.evil.example',
    'https://sub.auction.example',
    'null',
    '',
  ]) {
    t.notOk(isFromOwnPage({ origin }, PUBLIC_URL), origin)
  }
  t.notOk(isFromOwnPage({}, PUBLIC_URL), 'what says nothing')
})

t.test('only methods that change nothing are safe', async (t) => {
  for (const method of ['GET', 'HEAD', 'OPTIONS']) t.notOk(isUnsafe(method))
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'get', 'ANY', '']) t.ok(isUnsafe(method))
})
