import { sql } from 'kysely'
import t from 'tap'
import { reconcile } from '#src/app/payments/reconcile.ts'
import { createWorld, type World } from '#test/helper.ts'
import { control, HOUR_MS } from '#test/infra/stripe/sandbox.ts'
import { held, taken } from './bidder.ts'

async function compare(world: World) {
  const [provider] = world.providers.values()
  if (provider === undefined) throw new Error('there is no provider')
  const at = (ms: number) => new Date(Date.now() + ms)
  const counts = await reconcile(world.db, provider, at(-HOUR_MS), at(HOUR_MS))
  const found = await world.db
    .selectFrom('payment_differences')
    .select(['kind', 'ours', 'theirs'])
    .orderBy('found_at')
    .execute()
  return { counts, found }
}

t.test('deposits that both sides have alike are no difference', async (t) => {
  const world = await createWorld(t)
  await held(world, world.person(), world.bids.add().itemId)
  await taken(world)
  const { counts, found } = await compare(world)
  t.match(counts, { charges: 2, payments: 1, differences: 0 })
  t.strictSame(found, [])
})

t.test('a database of yesterday: what was taken since is found and named', async (t) => {
  const world = await createWorld(t)
  const { id } = await taken(world)
  await sql`update deposits set state = 'released', wish = 'release'`.execute(world.db)
  const { found } = await compare(world)
  t.strictSame(found, [
    { kind: 'captured_amount', ours: `deposit ${id}: 0 EUR`, theirs: '5000 EUR' },
  ])
  await sql`delete from deposit_operations`.execute(world.db)
  await sql`delete from deposits`.execute(world.db)
  t.match((await compare(world)).found.at(-1), { kind: 'unknown_charge', theirs: '5000 EUR' })
})

t.test('a deposit that the provider does not have, or gave back, is a difference', async (t) => {
  const world = await createWorld(t)
  const { id } = await taken(world)
  const { store } = world.sandbox.provider
  const [intent] = store.all<{ amount_received: number; latest_charge: string }>('intents')
  const charge = store.get<{ amount_refunded: number }>('charges', intent?.latest_charge ?? '')
  if (charge === undefined) throw new Error('there is no charge')
  charge.amount_refunded = 100
  const { found } = await compare(world)
  t.strictSame(found, [
    {
      kind: 'refunded_amount',
      ours: `deposit ${id}: 5000 EUR`,
      theirs: '100 given back of 5000 EUR',
    },
  ])
})

t.test('a chargeback of a deposit names it', async (t) => {
  const world = await createWorld(t)
  const { id } = await taken(world)
  const [charge] = world.sandbox.provider.store.all<{ id: string }>('charges')
  await control(world.sandbox, `disputes/${charge?.id}`, {})
  t.match((await compare(world)).found, [{ kind: 'dispute', ours: `deposit ${id}` }])
})
