import t from 'tap'
import { readTrustedProxies } from '#src/trusted-proxies.ts'

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
