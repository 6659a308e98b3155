import t from 'tap'
import {
  isAllowed,
  isPublicAddress,
  readNetworks,
  readTarget,
} from '#src/domain/outgoing-address.ts'

const rules = { ownHost: 'auction.example', allowedNetworks: [] }

t.test('a public name or address is called at port 443 or above 1023', async (t) => {
  const cases: Record<string, object> = {
    'https://hooks.example': { host: 'hooks.example', port: 443, path: '/', isAddress: false },
    'https://hooks.example:443/a?b=1#c': { port: 443, path: '/a?b=1' },
    'https://hooks.example:8443/': { port: 8443, authority: 'hooks.example:8443' },
    'https://hooks.example./': { host: 'hooks.example', authority: 'hooks.example.' },
    'https://Bücher.example/': { host: 'xn--bcher-kva.example' },
    'https://not-auction.example/': { host: 'not-auction.example' },
    'https://93.184.216.34/': { host: '93.184.216.34', isAddress: true },
    'https://[2606:2800:220:1::1]:8443/': {
      host: '2606:2800:220:1::1',
      authority: '[2606:2800:220:1::1]:8443',
      isAddress: true,
    },
  }
  for (const [url, target] of Object.entries(cases)) {
    t.match(readTarget(url, rules), { ok: true, target: { isEncrypted: true, ...target } }, url)
  }
})

t.test('addresses of machines in the internet are public', async (t) => {
  for (const address of ['1.1.1.1', '93.184.216.34', '2606:4700::1111', '2a00:1450:4001::1']) {
    t.ok(isPublicAddress(address), address)
  }
})

t.test('what is no address is not public', async (t) => {
  for (const text of ['', 'x', '1.1.1', '0x1010101', '16843009', '1.1.1.1.', '[2606:4700::1]']) {
    t.notOk(isPublicAddress(text), text)
  }
})

t.test('a network of the settings may be called, and no other', async (t) => {
  const local = { ...rules, allowedNetworks: readNetworks(' 127.0.0.2/32, fd00::/8 ,') }
  for (const address of ['127.0.0.2', 'fd00::7', '1.1.1.1'])
    t.ok(isAllowed(address, local), address)
  for (const address of ['127.0.0.1', '::ffff:127.0.0.2', 'fc00::1', '::1']) {
    t.notOk(isAllowed(address, local), address)
  }
  t.match(readTarget('http://127.0.0.2:8080/', local), { ok: true, target: { isEncrypted: false } })
  t.match(readTarget('http://127.0.0.2/', rules), { ok: false, code: 'scheme_refused' })
})

t.test('a list of networks that is none stops the start', async (t) => {
  t.strictSame(readNetworks(''), [])
  for (const list of ['127.0.0.1', 'localhost', '10.0.0.0/33', '127.0.0.0/8;::1/128']) {
    t.throws(() => readNetworks(list), list)
  }
})

t.test('our own name may be an address, which then says nothing of names', async (t) => {
  const local = { ownHost: '127.0.0.1', allowedNetworks: readNetworks('127.0.0.0/8') }
  t.match(readTarget('http://127.0.0.1:9000/', local), { ok: true })
  t.match(readTarget('https://hooks.example/', local), { ok: true })
})
