import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { sql } from 'kysely'
import t from 'tap'
import { lookAtAccounts } from '#src/app/payouts/look-at-accounts.ts'
import { payableBy, planPayouts } from '#src/app/payouts/plan-payouts.ts'
import { reconcileTransfers } from '#src/app/payouts/reconcile-transfers.ts'
import { CHECKS_MAX, checkPaid } from '#src/app/payouts/reverse-payouts.ts'
import { sendPayouts } from '#src/app/payouts/send-payouts.ts'
import { createWorld } from '#test/helper.ts'
import { control, errorOf, payoutsOf } from '#test/infra/stripe/sandbox.ts'
import { balances, freshly } from '../payments/refunds.ts'
import {
  accountOf,
  askForPage,
  dependenciesOf,
  differences,
  fresh,
  HOUR_MS,
  letTimePass,
  lookAtAllAccounts,
  onboard,
  openDifferences,
  payOut,
  payoutsOfWorld,
  RULES,
  report,
  sell,
  transfersOf,
} from './payee.ts'

t.test('a seller gives bank details on a page of the provider, with a fresh proof', async (t) => {
  const world = await createWorld(t)
  const seller = fresh(world)
  const stale = world.person({ auth_time: freshly() - 700 })
  t.match(await accountOf(world, seller), { code: 'payout.no_account' })
  t.equal((await askForPage(world, stale)).json().code, 'payment.proof_required')
  const elsewhere = await askForPage(world, seller, { returnUrl: 'https://evil.example/' })
  t.equal(elsewhere.json().code, 'payment.return_url')
  const answer = await askForPage(world, seller, { country: 'FR' })
  t.equal(answer.statusCode, 201)
  await lookAtAllAccounts(world)
  t.match(await accountOf(world, seller), { provider: 'stripe', state: 'onboarding' })
  await onboard(world, seller, 'refuse')
  t.match(await accountOf(world, seller), { state: 'restricted', code: 'requirements.past_due' })
  await onboard(world, seller)
  const account = await accountOf(world, seller)
  t.match(account, { state: 'enabled' })
  t.notOk('code' in account)
  const accounts = world.sandbox.provider.store.all<{ country: string; metadata: object }>(
    'accounts',
  )
  t.match(accounts, [{ country: 'FR', metadata: { sellerId: seller.id } }], 'it is opened once')
})

t.test('twenty requests at once open one account, also when answers are lost', async (t) => {
  const world = await createWorld(t)
  const seller = fresh(world)
  await control(world.sandbox, 'faults', {
    faults: [{ kind: 'lose_answer', on: '^POST /v1/accounts$', times: 15 }],
  })
  const answers = await Promise.all(Array.from({ length: 20 }, () => askForPage(world, seller)))
  const statuses = answers.map(({ statusCode }) => statusCode)
  t.ok(statuses.includes(201), 'one of them gets its page')
  // The others may be asked to come again, and nothing else.
  t.strictSame(
    statuses.filter((status) => ![201, 503].includes(status)),
    [],
  )
  t.equal(world.sandbox.provider.store.all('accounts').length, 1)
})

t.test('who is paid by hand has no page until an administrator ends that', async (t) => {
  const world = await createWorld(t)
  const seller = fresh(world)
  const admin = world.person({ roles: ['user', 'admin'], auth_time: freshly() })
  const manual = (method: 'PUT' | 'DELETE') =>
    world.app.inject({
      method,
      url: `/api/v1/billing/payout-accounts/${seller.id}`,
      headers: admin.headers,
      ...(method === 'PUT' ? { payload: { reference: 'creditor-17' } } : {}),
    })
  t.equal((await manual('DELETE')).statusCode, 404)
  await manual('PUT')
  t.equal((await askForPage(world, seller)).json().code, 'payout.by_hand')
  t.equal((await manual('DELETE')).statusCode, 204)
  t.equal((await askForPage(world, seller)).statusCode, 201)
  t.equal((await manual('DELETE')).statusCode, 404, 'an account of a provider stays')
})

t.test('a report of an account has it looked at, and is not believed', async (t) => {
  const world = await createWorld(t)
  const seller = fresh(world)
  await askForPage(world, seller)
  await lookAtAllAccounts(world)
  const [account] = world.sandbox.provider.store.all<{ id: string }>('accounts')
  const id = account?.id ?? ''
  const updated = {
    type: 'account.updated',
    account: id,
    data: { object: { id, payouts_enabled: true, capabilities: { transfers: 'active' } } },
  }
  t.equal((await report(world, updated)).statusCode, 200)
  t.equal(await lookAtAccounts(dependenciesOf(world)), 1)
  t.match(await accountOf(world, seller), { state: 'onboarding' }, 'the look says otherwise')
  t.equal(await lookAtAccounts(dependenciesOf(world)), 0, 'once')
  await control(world.sandbox, `accounts/${id}`, { isReady: true })
  await report(world, { type: 'payout.failed', account: id, data: { object: { id: 'po_1' } } })
  t.equal(await lookAtAccounts(dependenciesOf(world)), 1)
  t.match(await accountOf(world, seller), { state: 'enabled' })
  const other = await report(world, {
    ...updated,
    account: 'acct_0',
    data: { object: { id: 'acct_0' } },
  })
  t.equal(other.statusCode, 200)
  t.equal(await lookAtAccounts(dependenciesOf(world)), 0, 'of no account of ours')
})

t.test(
  'a payout is one transfer of all that is payable, to the account of its seller',
  async (t) => {
    const world = await createWorld(t)
    const seller = fresh(world)
    await sell(world, seller.id, 5_000n)
    await payOut(world)
    t.same(await payoutsOfWorld(world), [], 'not before the account is enabled')
    await onboard(world, seller)
    await sell(world, seller.id, 2_500n)
    await payOut(world)
    const [payout] = await payoutsOfWorld(world)
    t.match(payout, { amount: 7_500n, state: 'done' })
    const [account] = world.sandbox.provider.store.all<{ id: string }>('accounts')
    t.match(transfersOf(world), [
      {
        id: payout?.reference,
        amount: 7_500,
        destination: account?.id,
        metadata: { payoutId: payout?.id, sellerId: seller.id },
      },
    ])
    t.same(await balances(world), {}, 'nothing is left')
    t.same(await differences(world), [])
  },
)

t.test('whatever happens to requests and answers, every seller is paid once', async (t) => {
  const world = await createWorld(t)
  // Requests that hang are given up, and others on a busy machine are not.
  const provider = payoutsOf(world.sandbox.url, 3_000)
  const sellers = Array.from({ length: 15 }, () => fresh(world))
  for (const seller of sellers) {
    await onboard(world, seller)
    await sell(world, seller.id, 5_000n)
  }
  await control(world.sandbox, 'faults', {
    faults: [
      { kind: 'lose_answer', on: '^POST /v1/transfers', times: 12 },
      { kind: 'hang', on: '^POST /v1/transfers', times: 6 },
      { kind: 'drop', on: 'transfers', probability: 0.2, times: 20 },
      { kind: 'error', on: 'transfers', probability: 0.2, times: 20 },
      { kind: 'rate_limited', on: 'transfers', probability: 0.1, times: 10 },
    ],
  })
  const dependencies = { ...dependenciesOf(world), providers: [provider] }
  t.equal(await planPayouts(world.db, RULES), 15)
  let wasUnknown = 0
  await waitFor('every payout to be paid', async () => {
    await Promise.all([sendPayouts(dependencies), sendPayouts(dependencies)])
    const states = (await payoutsOfWorld(world)).map(({ state }) => state)
    wasUnknown += states.filter((state) => state === 'unknown').length
    await letTimePass(world, HOUR_MS)
    return states.every((state) => state === 'done')
  })
  t.ok(wasUnknown > 0, 'some were not known for a while')
  t.same(
    transfersOf(world).map(({ amount }) => amount),
    sellers.map(() => 5_000),
  )
  t.equal(new Set(transfersOf(world).map(({ destination }) => destination)).size, 15)
  t.same(await balances(world), {})
  t.same(await differences(world), [])
})

t.test('a key that the provider has forgotten makes no second transfer', async (t) => {
  const world = await createWorld(t)
  const seller = fresh(world)
  await onboard(world, seller)
  await sell(world, seller.id, 5_000n)
  await control(world.sandbox, 'faults', {
    faults: [{ kind: 'lose_answer', on: '^POST /v1/transfers', times: 3 }],
  })
  await payOut(world)
  t.match(await payoutsOfWorld(world), [{ state: 'unknown' }])
  await control(world.sandbox, 'settings', { clockAheadS: 3 * 86_400 })
  await letTimePass(world, 72 * HOUR_MS)
  await payOut(world)
  t.match(await payoutsOfWorld(world), [{ state: 'done' }])
  t.equal(transfersOf(world).length, 1)
})

t.test('another version of the request under the same key proves nothing', async (t) => {
  const world = await createWorld(t)
  const seller = fresh(world)
  await onboard(world, seller)
  await sell(world, seller.id, 5_000n)
  await planPayouts(world.db, RULES)
  const [payout] = await payoutsOfWorld(world)
  const [provider] = world.payoutProviders
  const [account] = world.sandbox.provider.store.all<{ id: string }>('accounts')
  const request = {
    id: payout?.id ?? '',
    sellerId: seller.id,
    currencyCode: 'EUR',
    amount: 5_000n,
    provider: 'stripe',
    accountReference: account?.id ?? '',
  }
  await provider?.transfer(request, `payout:${payout?.id}`)
  // Stripe refuses it, and has paid: it is not known, and a look shows it.
  const other = { ...request, sellerId: randomUUID() }
  if (provider === undefined) throw new Error('no provider')
  const error = await errorOf(provider.transfer(other, `payout:${payout?.id}`))
  t.match(error, { problem: 'unclear' })
})

t.test('a payout that is refused is the money of the seller again', async (t) => {
  const world = await createWorld(t)
  const seller = fresh(world)
  await onboard(world, seller)
  await sell(world, seller.id, 5_000n)
  await control(world.sandbox, 'settings', { refuseTransfers: true })
  await payOut(world)
  t.match(await payoutsOfWorld(world), [{ state: 'failed', code: 'balance_insufficient' }])
  t.equal((await balances(world))[`seller:payable:${seller.id}`], '-5000')
  await control(world.sandbox, 'settings', { refuseTransfers: false })
  await payOut(world)
  t.equal((await payoutsOfWorld(world)).length, 1, 'not at once')
  await letTimePass(world, 24 * HOUR_MS)
  await payOut(world)
  t.match(await payoutsOfWorld(world), [{ state: 'failed' }, { state: 'done', amount: 5_000n }])
  t.same(await differences(world), [])
})

t.test('transfers are compared in both directions, and each difference is a row', async (t) => {
  const world = await createWorld(t)
  const { db, sandbox } = world
  const [provider] = world.payoutProviders
  const sellers = Array.from({ length: 4 }, () => fresh(world))
  for (const seller of sellers) {
    await onboard(world, seller)
    await sell(world, seller.id, 5_000n)
  }
  await payOut(world)
  const compare = async () => {
    if (provider === undefined) throw new Error('no provider')
    // Lists of providers know seconds.
    const to = new Date(Date.now() + 2_000)
    return reconcileTransfers(db, provider, new Date(Date.now() - HOUR_MS), to)
  }
  t.same(await compare(), { transfers: 4, differences: 0 })
  const [first, second, third] = transfersOf(world)
  const { store } = sandbox.provider
  store.put('transfers', 'tr_hand', {
    ...first,
    id: 'tr_hand',
    transfer_group: null,
    metadata: {},
  })
  store.delete('transfers', second?.id ?? '')
  store.put('transfers', third?.id ?? '', { ...third, destination: 'acct_other' })
  t.match(await compare(), { differences: 3 })
  const rows = () =>
    db
      .selectFrom('payment_differences')
      .select(['kind', 'reference', 'payout_id as payoutId'])
      .orderBy('kind')
      .execute()
  t.same(await rows(), [
    {
      kind: 'missing_transfer',
      reference: second?.metadata.payoutId,
      payoutId: second?.metadata.payoutId,
    },
    {
      kind: 'transfer_amount',
      reference: third?.metadata.payoutId,
      payoutId: third?.metadata.payoutId,
    },
    { kind: 'unknown_transfer', reference: 'tr_hand', payoutId: null },
  ])
  await compare()
  t.equal((await rows()).length, 3, 'each once')
})

t.test(
  'a night is compared whatever the provider holds, each contradiction is a row',
  async (t) => {
    const world = await createWorld(t)
    const { db, sandbox } = world
    const [provider] = world.payoutProviders
    if (provider === undefined) throw new Error('no provider')
    for (let number = 0; number < 3; number += 1) {
      const seller = fresh(world)
      await onboard(world, seller)
      await sell(world, seller.id, 5_000n)
    }
    await payOut(world)
    const [twice, other, foreign] = transfersOf(world)
    const { store } = sandbox.provider
    store.put('transfers', 'tr_again', { ...twice, id: 'tr_again' })
    store.put('transfers', other?.id ?? '', { ...other, amount: 4_000 })
    store.put('transfers', foreign?.id ?? '', { ...foreign, currency: 'isk' })
    store.put('transfers', 'tr_isk', {
      ...foreign,
      id: 'tr_isk',
      currency: 'isk',
      transfer_group: null,
      metadata: {},
    })
    const compare = () =>
      reconcileTransfers(db, provider, new Date(Date.now() - HOUR_MS), new Date(Date.now() + 2_000))
    t.same(await compare(), { transfers: 5, differences: 4 })
    const rows = async () =>
      (await openDifferences(world)).map(({ kind, reference, theirs }) => [kind, reference, theirs])
    const expected = [
      [
        'transfer_amount',
        twice?.metadata.payoutId,
        `2 transfers of payout ${twice?.metadata.payoutId}`,
      ],
      ['transfer_amount', other?.metadata.payoutId, 'asked for 5000 EUR, answered 4000 eur'],
      ['transfer_amount', foreign?.metadata.payoutId, 'Stripe answered 5000 isk'],
      [
        'unknown_transfer',
        'tr_isk',
        `tr_isk: 5000 minor units ISK to ${foreign?.destination}, 0 back`,
      ],
    ]
    const sorted = (found: unknown[]) => found.map((one) => JSON.stringify(one)).sort()
    t.same(sorted(await rows()), sorted(expected))
    t.same(await compare(), { transfers: 5, differences: 4 }, 'and it goes on the next night')
    await letTimePass(world, 24 * HOUR_MS)
    t.equal(await checkPaid(dependenciesOf(world)), 3)
    t.same(sorted(await rows()), sorted(expected), 'each once, by the daily look as well')
  },
)

t.test(
  'a provider that is switched off is planned no payouts, and one that waits can be failed',
  async (t) => {
    const world = await createWorld(t)
    const seller = fresh(world)
    await onboard(world, seller)
    await sell(world, seller.id, 5_000n)
    const admin = world.person({ roles: ['user', 'admin'], auth_time: freshly() })
    await payOut(world, { ...RULES, payable: payableBy([]) })
    t.same(await payoutsOfWorld(world), [], 'no one would send it')
    t.equal((await balances(world))[`seller:payable:${seller.id}`], '-5000')
    await letTimePass(world, 24 * HOUR_MS)
    await planPayouts(world.db, { ...RULES, payable: payableBy(world.payoutProviders) })
    const [planned] = await payoutsOfWorld(world)
    t.match(planned, { state: 'planned', amount: 5_000n })
    const end = (payload: object) =>
      world.app.inject({
        method: 'POST',
        url: `/api/v1/billing/payouts/${planned?.id}/outcome`,
        headers: admin.headers,
        payload,
      })
    t.equal((await end({ outcome: 'done', reference: 'x' })).json().code, 'payout.not_manual')
    t.equal((await end({ outcome: 'failed', code: 'switched_off' })).statusCode, 204)
    t.equal((await balances(world))[`seller:payable:${seller.id}`], '-5000')
    await sendPayouts(dependenciesOf(world))
    t.same(transfersOf(world), [])
    await letTimePass(world, 24 * HOUR_MS)
    await planPayouts(world.db, RULES)
    await sql`update payouts set state = 'sending' where state = 'planned'`.execute(world.db)
    const [, sending] = await payoutsOfWorld(world)
    const late = await world.app.inject({
      method: 'POST',
      url: `/api/v1/billing/payouts/${sending?.id}/outcome`,
      headers: admin.headers,
      payload: { outcome: 'failed', code: 'switched_off' },
    })
    t.equal(late.json().code, 'payout.not_manual', 'one that may have been sent stays')
  },
)

t.test(
  'payouts that were paid are looked at in batches, and not when the process stops',
  async (t) => {
    const world = await createWorld(t)
    const seller = fresh(world)
    await onboard(world, seller)
    await sell(world, seller.id, 5_000n)
    await payOut(world)
    const [paid] = await payoutsOfWorld(world)
    await sql`insert into payouts (id, seller_id, currency_code, amount, provider, account_reference, state, reference)
    select gen_random_uuid(), gen_random_uuid(), 'EUR', 1, 'stripe', 'acct_1', 'done', 'tr_' || n
    from generate_series(1, ${CHECKS_MAX}) n`.execute(world.db)
    await sql`update payouts set next_check_at = clock_timestamp()
    where id <> ${paid?.id ?? ''}::uuid`.execute(world.db)
    t.equal(await checkPaid(dependenciesOf(world), AbortSignal.abort()), 0)
    await sql`update payouts set next_check_at = clock_timestamp()`.execute(world.db)
    t.equal(await checkPaid(dependenciesOf(world)), CHECKS_MAX)
    t.equal(await checkPaid(dependenciesOf(world)), 1)
  },
)

t.test('no payout is of more, or of a step, that the provider does not take', async (t) => {
  const world = await createWorld(t)
  const [provider] = world.payoutProviders
  const payable = (amount: bigint, currencyCode: string) =>
    provider?.payable({ amount, currencyCode })
  t.equal(payable(5_000n, 'EUR'), 5_000n)
  t.equal(payable(250_000_000n, 'EUR'), 99_999_999n)
  t.equal(payable(1_234_567n, 'KWD'), 1_234_560n)
  t.equal(payable(1_999n, 'MGA'), 1_900n, 'ours has two digits, theirs none')
  t.equal(payable(5_000n, 'ISK'), 0n)
  const seller = fresh(world)
  await onboard(world, seller)
  await sell(world, seller.id, 250_000_000n)
  const rules = {
    ...RULES,
    payable: (_: string, { amount, currencyCode }: { amount: bigint; currencyCode: string }) =>
      payable(amount, currencyCode) ?? 0n,
  }
  for (let day = 0; day < 4; day += 1) {
    await payOut(world, rules)
    await letTimePass(world, 24 * HOUR_MS)
  }
  t.match(await payoutsOfWorld(world), [
    { amount: 99_999_999n },
    { amount: 99_999_999n },
    { amount: 50_000_002n },
  ])
  t.same(await balances(world), {})
})
