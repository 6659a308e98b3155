import t from 'tap'
import { readTrustedProxies } from '#src/http/trusted-proxies.ts'
import { buildToy } from '#test/helper.ts'

async function buildAsking(t: Parameters<typeof buildToy>[0], trustedProxies: string[]) {
  const { app } = await buildToy(t, { trustedProxies })
  app.get('/address', { config: { auth: 'public' } }, (request) => ({ address: request.ip }))
  return async (remoteAddress: string, forwarded?: string) => {
    const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
    return (await app.inject({ url: '/address', remoteAddress, headers })).json().address
  }
}

t.test('without trusted proxies the peer is the client, whatever it claims', async (t) => {
  const addressOf = await buildAsking(t, [])
  t.equal(await addressOf('203.0.113.7'), '203.0.113.7')
  t.equal(await addressOf('203.0.113.7', '198.51.100.1'), '203.0.113.7')
  t.equal(await addressOf('127.0.0.1', '198.51.100.1'), '127.0.0.1')
})

t.test(
  'a trusted proxy says who the client is, and only the last untrusted hop counts',
  async (t) => {
    const addressOf = await buildAsking(t, ['10.0.0.0/8'])
    t.equal(await addressOf('10.1.2.3', '198.51.100.1'), '198.51.100.1')
    t.equal(
      await addressOf('10.1.2.3', '9.9.9.9, 198.51.100.1'),
      '198.51.100.1',
      'a claim before it',
    )
    t.equal(await addressOf('10.1.2.3', '198.51.100.1, 10.9.9.9'), '198.51.100.1', 'a second proxy')
    t.equal(await addressOf('203.0.113.7', '198.51.100.1'), '203.0.113.7', 'a stranger is no proxy')
  },
)

t.test('settings that would trust strangers are refused', (t) => {
  t.same(readTrustedProxies(''), [])
  t.same(readTrustedProxies(' 10.0.0.0/8, 127.0.0.1,fd00::/8 '), [
    '10.0.0.0/8',
    '127.0.0.1',
    'fd00::/8',
  ])
  for (const wrong of ['0.0.0.0/0', '::/0', '10.0.0.0/33', '10.0.0/8', 'loopback', 'true', '1']) {
    t.throws(() => readTrustedProxies(wrong), /TRUSTED_PROXIES/, wrong)
  }
  t.end()
})
