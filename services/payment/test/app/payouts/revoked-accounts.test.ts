import { createDatabase } from '@auction/common/postgres/database.ts'
import { sql } from 'kysely'
import t from 'tap'
import { planPayouts } from '#src/app/payouts/plan-payouts.ts'
import { sendPayouts } from '#src/app/payouts/send-payouts.ts'
import { putPayoutAccount } from '#src/infra/postgres/payouts/accounts.ts'
import { putCandidate } from '#src/infra/postgres/payouts/payouts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { createWorld, type World } from '#test/helper.ts'
import { control } from '#test/infra/stripe/sandbox.ts'
import { balances } from '../payments/refunds.ts'
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
  payOut,
  payoutsOfWorld,
  RULES,
  report,
  sell,
  transfersOf,
} from './payee.ts'

const accountsOf = ({ sandbox }: World) =>
  sandbox.provider.store.all<{ id: string; country: string }>('accounts')

/** A seller with an account that was revoked at the provider, and money that is payable. */
async function revoked(world: World) {
  const seller = fresh(world)
  await onboard(world, seller)
  await sell(world, seller.id, 5_000n)
  const id = accountsOf(world)[0]?.id ?? ''
  await control(world.sandbox, `accounts/${id}`, { isRevoked: true })
  return { seller, id }
}

t.test(
  'a payout to an account that was revoked restricts it, and the next ones wait',
  async (t) => {
    const world = await createWorld(t)
    const { seller, id } = await revoked(world)
    await planPayouts(world.db, RULES)
    await sendPayouts(dependenciesOf(world))
    t.match(await payoutsOfWorld(world), [{ state: 'failed', code: 'account_invalid' }])
    t.match(await accountOf(world, seller), { state: 'restricted', code: 'account_invalid' })
    t.equal((await balances(world))[`seller:payable:${seller.id}`], '-5000')
    const waits: number[] = []
    for (let count = 0; count < 4; count += 1) {
      await sql`update payout_accounts set changed_at = clock_timestamp() - ${10 ** count} * interval '1 hour'`.execute(
        world.db,
      )
      await letTimePass(world, 1_000 * HOUR_MS)
      await planPayouts(world.db, { ...RULES, intervalMs: 0 })
      const { rows } = await sql<{ hours: number }>`
      select round(extract(epoch from due_at - clock_timestamp()) / 3600)::int as hours from payout_candidates`.execute(
        world.db,
      )
      waits.push(rows[0]?.hours ?? 0)
    }
    t.same(waits, [1, 10, 24, 24], 'the longer it is so, a day at most')
    t.equal((await payoutsOfWorld(world)).length, 1)
    await control(world.sandbox, `accounts/${id}`, { isRevoked: false })
    await report(world, { type: 'account.updated', account: id, data: { object: { id } } })
    await lookAtAllAccounts(world)
    t.match(await accountOf(world, seller), { state: 'enabled' }, 'when the provider says so')
    await payOut(world, { ...RULES, intervalMs: 0 })
    t.match(await payoutsOfWorld(world), [{ state: 'failed' }, { state: 'done', amount: 5_000n }])
    t.equal(transfersOf(world).length, 1)
    t.same(await balances(world), {})
    t.same(await differences(world), [])
  },
)

t.test('a report that the seller revoked the account restricts it before a payout', async (t) => {
  const world = await createWorld(t)
  const { seller, id } = await revoked(world)
  const object = { id: 'ca_1', object: 'application' }
  await report(world, {
    type: 'account.application.deauthorized',
    account: id,
    data: { object },
  })
  await lookAtAllAccounts(world)
  t.match(await accountOf(world, seller), { state: 'restricted', code: 'account_invalid' })
  await payOut(world)
  t.same(await payoutsOfWorld(world), [])
})

t.test('a seller whose account was revoked is given another one, once', async (t) => {
  const world = await createWorld(t)
  const { seller, id } = await revoked(world)
  await payOut(world)
  await control(world.sandbox, 'faults', {
    faults: [{ kind: 'lose_answer', on: '^POST /v1/accounts$', times: 5 }],
  })
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => askForPage(world, seller, { country: 'FR' })),
  )
  const statuses = answers.map(({ statusCode }) => statusCode)
  t.ok(statuses.includes(201))
  t.strictSame(
    statuses.filter((status) => ![201, 503].includes(status)),
    [],
  )
  t.match(accountsOf(world), [{ id }, { country: 'FR' }])
  t.equal(accountsOf(world).length, 2, 'one in the place of the other')
  t.match(await accountOf(world, seller), { state: 'onboarding' })
  await onboard(world, seller)
  await payOut(world, { ...RULES, intervalMs: 0 })
  t.match(transfersOf(world), [{ amount: 5_000, destination: accountsOf(world)[1]?.id }])
  t.same(await differences(world), [])
})

t.test('a key of ours that is refused says nothing of an account', async (t) => {
  const world = await createWorld(t)
  const seller = fresh(world)
  await onboard(world, seller)
  await sell(world, seller.id, 5_000n)
  await control(world.sandbox, 'faults', {
    faults: [{ kind: 'forbidden', on: '^(POST /v1/transfers|GET /v1/accounts)', times: 50 }],
  })
  await payOut(world)
  await lookAtAllAccounts(world)
  t.match(await payoutsOfWorld(world), [{ state: 'unknown' }])
  t.match(await accountOf(world, seller), { state: 'enabled' })
})

t.test(
  'accounts that are restricted and set at once wait for each other, without a deadlock',
  async (t) => {
    const [SELLERS, ROUNDS] = [20, 10]
    const world = await createWorld(t)
    for (let count = 0; count < SELLERS; count += 1) {
      const seller = fresh(world)
      await onboard(world, seller)
      await sell(world, seller.id, 5_000n)
    }
    for (const { id } of accountsOf(world)) {
      await control(world.sandbox, `accounts/${id}`, { isRevoked: true })
    }
    // What is tried is locks: without waiting for the disk there are more of them in the same time.
    const { POSTGRES_DATABASE: name } = world.database.config
    await sql`alter role current_user in database ${sql.id(name)} set synchronous_commit = off`.execute(
      world.db,
    )
    const db = createDatabase<Database>(world.database.createPool(SELLERS + 10))
    const dependencies = { ...dependenciesOf(world), db }
    const accounts = await db
      .selectFrom('payout_accounts')
      .select(['seller_id as sellerId', 'provider', 'reference'])
      .execute()
    const set = (account: (typeof accounts)[number]) =>
      db.transaction().execute((tx) => putPayoutAccount(tx, { ...account, state: 'enabled' }))
    const deadlocks = { payouts: 0, accounts: 0 }
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all(accounts.map(set))
      await planPayouts(db, { ...RULES, intervalMs: 0 })
      // Something else became payable meanwhile.
      for (const { sellerId } of accounts) {
        await db.transaction().execute((tx) => putCandidate(tx, sellerId, 'EUR'))
      }
      let isSent = false
      const setters = accounts.map(async (account) => {
        while (!isSent) {
          await set(account).catch((error: { code?: string }) => {
            if (error.code !== '40P01') throw error
            deadlocks.accounts += 1
          })
        }
      })
      await Promise.all(Array.from({ length: 5 }, () => sendPayouts(dependencies)))
      isSent = true
      await Promise.all(setters)
      // What did not end with its answer was rolled back, and is looked at again later.
      const { rows } = await sql<{ id: string }>`
        update payouts set due_at = clock_timestamp() where state = 'unknown' returning id`.execute(
        db,
      )
      deadlocks.payouts += rows.length
      if (rows.length > 0) await sendPayouts(dependencies)
    }
    t.same(deadlocks, { payouts: 0, accounts: 0 })
    const failed = (await payoutsOfWorld(world)).filter(({ state }) => state === 'failed')
    t.equal(failed.length, SELLERS * ROUNDS)
  },
)
