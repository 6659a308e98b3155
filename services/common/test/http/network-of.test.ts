import t from 'tap'
import { addressOf, networkOf } from '#src/http/network-of.ts'

t.test('one customer of IPv6 is one network, however the address is spelled', (t) => {
  for (const [address, network] of [
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0DB8:0000:0000:ffff::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:1::', '2001:db8:0:1::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4::/64'],
    ['203.0.113.7:5678', '203.0.113.7'],
    ['[2001:db8::1]:5678', '2001:db8:0:0::/64'],
    ['unknown', ''],
  ] as const)
    t.equal(networkOf(address), network, address)
  t.end()
})

t.test('an address is read without its port and zone, and what is none is none', (t) => {
  for (const [text, address] of [
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:5678', '203.0.113.7'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[fe80::1%eth0]:5678', 'fe80::1'],
    ['::ffff:203.0.113.7', '::ffff:203.0.113.7'],
    ['unknown', undefined],
    ['203.0.113.256:1', undefined],
    ['', undefined],
  ] as const)
    t.equal(addressOf(text), address, text)
  t.end()
})
