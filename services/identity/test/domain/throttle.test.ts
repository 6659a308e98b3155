import t from 'tap'
import { limitsOf, subjectsFrom } from '#src/domain/throttle.ts'

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
