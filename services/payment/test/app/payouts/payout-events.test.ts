import t from 'tap'
import { createWorld, type World } from '#test/helper.ts'
import { control } from '#test/infra/stripe/sandbox.ts'
import { events } from '../payments/buyer.ts'
import {
  askForPage,
  fresh,
  HOUR_MS,
  letTimePass,
  lookAtAllAccounts,
  onboard,
  payOut,
  payoutsOfWorld,
  RULES,
  sell,
} from './payee.ts'

const rules = { ...RULES, intervalMs: 0, opensAccounts: true }

/** What was published of payouts so far: name, what counts of it. */
const published = async (world: World) =>
  (await events(world))
    .filter(({ event }) => event.startsWith('payment.payout_'))
    .map(({ event, payload: { amount, state, code } }) =>
      [event.slice('payment.payout_'.length), amount ?? state, code].filter(
        (value) => value !== undefined,
      ),
    )

t.test('a seller without an account is asked for one, once for what is payable', async (t) => {
  const world = await createWorld(t)
  const seller = fresh(world)
  await sell(world, seller.id, 5_000n)
  await payOut(world, { ...rules, opensAccounts: false })
  t.same(await published(world), [], 'no one could open one')
  await letTimePass(world, 24 * HOUR_MS)
  const other = fresh(world)
  await sell(world, other.id, 1_750n)
  await payOut(world, rules)
  await sell(world, other.id, 250n)
  for (let day = 0; day < 3; day += 1) {
    await letTimePass(world, 24 * HOUR_MS)
    await payOut(world, rules)
  }
  t.same(await published(world), [['account_needed', '17.50']])
  await askForPage(world, other)
  await lookAtAllAccounts(world)
  t.same((await published(world)).slice(1), [], 'it is begun, and nothing else')
  await onboard(world, other)
  await payOut(world, rules)
  t.same((await published(world)).slice(1), [
    ['account_changed', 'enabled'],
    ['sent', '20.00'],
  ])
  await sell(world, other.id, 300n)
  await payOut(world, rules)
  t.same((await published(world)).slice(3), [['sent', '3.00']])
})

t.test('a payout that fails, and an account that is restricted, are published once', async (t) => {
  const world = await createWorld(t)
  const seller = fresh(world)
  await onboard(world, seller)
  await sell(world, seller.id, 5_000n)
  const [account] = world.sandbox.provider.store.all<{ id: string }>('accounts')
  await control(world.sandbox, `accounts/${account?.id}`, { isRevoked: true })
  await payOut(world, rules)
  const failed = [
    ['account_changed', 'enabled'],
    ['failed', '50.00', 'account_invalid'],
    ['account_changed', 'restricted', 'account_invalid'],
  ]
  t.same(await published(world), failed)
  for (let day = 0; day < 3; day += 1) {
    await letTimePass(world, 24 * HOUR_MS)
    await lookAtAllAccounts(world)
    await payOut(world, rules)
  }
  t.same(await published(world), failed, 'a look that shows the same is no news')
  await control(world.sandbox, `accounts/${account?.id}`, { isRevoked: false })
  await lookAtAllAccounts(world)
  await payOut(world, rules)
  t.same((await published(world)).slice(failed.length), [
    ['account_changed', 'enabled'],
    ['sent', '50.00'],
  ])
  t.match(await payoutsOfWorld(world), [{ state: 'failed' }, { state: 'done' }])
})

t.test('what a person says of a payout by hand is published as well', async (t) => {
  const world = await createWorld(t)
  const admin = world.person({
    roles: ['user', 'admin'],
    auth_time: Math.floor(Date.now() / 1_000),
  })
  const seller = world.person()
  const call = (method: 'POST' | 'PUT', path: string, payload: object) =>
    world.app.inject({ method, url: `/api/v1/billing/${path}`, headers: admin.headers, payload })
  await call('PUT', `payout-accounts/${seller.id}`, { reference: 'creditor-1' })
  await sell(world, seller.id, 5_000n)
  await payOut(world, rules)
  const end = async (payload: object) => {
    const payout = (await payoutsOfWorld(world)).at(-1)
    return call('POST', `payouts/${payout?.id}/outcome`, payload)
  }
  await end({ outcome: 'failed', code: 'no_such_bank' })
  await payOut(world, rules)
  await end({ outcome: 'done', reference: 'bank-1' })
  t.same(await published(world), [
    ['failed', '50.00', 'no_such_bank'],
    ['sent', '50.00'],
  ])
})
