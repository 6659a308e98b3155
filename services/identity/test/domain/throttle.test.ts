import t from 'tap'
import { limitsOf, networkOf, subjectsFrom } from '#src/domain/throttle.ts'

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
  ] as const)
    t.equal(networkOf(address), network, address)
  t.end()
})

t.test('an account has more tries than a pair, and only its own window never grows', (t) => {
  const { password, forgot } = limitsOf({ triesPerAccount: 10, triesPerAddress: 100 })
  t.match(password, {
    account: { triesMax: 10 },
    address: { triesMax: 100 },
    pair: { triesMax: 5 },
  })
  t.equal(password.account.waitMaxSeconds, password.account.windowSeconds)
  for (const subject of ['address', 'pair', 'device'] as const)
    t.equal(password[subject].waitMaxSeconds, 3_600)
  t.equal(forgot.address.triesMax, 20)
  t.equal(limitsOf({ triesPerAccount: 1, triesPerAddress: 1 }).password.pair.triesMax, 1)
  t.end()
})

t.test('strangers fill nothing that a known place is counted against', (t) => {
  t.same(subjectsFrom('device'), ['device'])
  t.notOk(subjectsFrom('address').includes('account'))
  t.ok(subjectsFrom('unknown').includes('account'))
  t.end()
})
