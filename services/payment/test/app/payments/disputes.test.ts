import t from 'tap'
import { createWorld, type Person, type World } from '#test/helper.ts'
import { control, payOnPage } from '#test/infra/stripe/sandbox.ts'
import { begin, captured, events, lookNow, type PaymentBody, read, until } from './buyer.ts'
import { balances, freshly, refund, resolved, seller } from './refunds.ts'

async function dispute({ sandbox }: World, about: object = {}): Promise<string> {
  const [charge] = sandbox.provider.store.all<{ id: string }>('charges')
  await control(sandbox, `disputes/${charge?.id}`, about)
  return sandbox.provider.store.all<{ id: string }>('disputes')[0]?.id ?? ''
}

/** Has the payment looked at as often as anything may follow from it. */
async function look(world: World): Promise<void> {
  await world.db.updateTable('payments').set({ due_at: new Date() }).execute()
  for (let count = 0; count < 3; count += 1) await lookNow(world)
}

const differences = ({ db }: World) =>
  db.selectFrom('payment_differences').select(['kind', 'ours', 'theirs']).execute()

const closeAll = ({ db }: World) =>
  db.updateTable('payment_differences').set({ closed_at: new Date(), note: 'seen' }).execute()

const phases = async (world: World) =>
  (await events(world))
    .filter(({ event }) => event === 'payment.chargeback')
    .map(({ payload }) => [payload.orderId, payload.phase, payload.amount])

t.test(
  "a buyer's bank takes the money back: it is held, and lost or back when that is decided",
  async (t) => {
    for (const isWon of [true, false]) {
      const world = await createWorld(t)
      const buyer = world.person()
      await captured(world, buyer)
      const pending = `seller:pending:${world.orders.sellerId}`
      const [charge] = world.sandbox.provider.store.all<{ id: string }>('charges')
      await control(world.sandbox, `disputes/${charge?.id}`, {})
      await world.db.updateTable('payments').set({ due_at: new Date() }).execute()
      await lookNow(world)
      t.same(await balances(world), { 'dispute:held': '1850', [pending]: '-1850' })
      const [dispute] = world.sandbox.provider.store.all<{ id: string }>('disputes')
      await control(world.sandbox, `disputes/${dispute?.id}`, { isWon })
      await lookNow(world)
      await lookNow(world)
      t.same(await balances(world), isWon ? { 'clearing:stripe': '1850', [pending]: '-1850' } : {})
      t.same(
        (await events(world))
          .filter(({ event }) => event === 'payment.chargeback')
          .map(({ payload }) => payload.phase),
        ['opened', isWon ? 'won' : 'lost'],
      )
    }
  },
)

t.test('a chargeback that is lost after a full refund is a cost of the platform', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { order, payment } = await captured(world, buyer)
  await refund(world, seller(world), payment.id, { orderId: order.orderId, amount: '18.50' })
  await look(world)
  const id = await dispute(world, { amount: 1850 })
  await look(world)
  t.same(await balances(world), { 'dispute:held': '1850', 'clearing:stripe': '-1850' })
  await control(world.sandbox, `disputes/${id}`, { isWon: false })
  await look(world)
  t.same(await balances(world), { 'provider:costs': '1850', 'clearing:stripe': '-1850' })
  t.same(await phases(world), [
    [order.orderId, 'opened', '18.50'],
    [order.orderId, 'lost', '18.50'],
  ])
})

t.test(
  'a dispute is shared by what is left of each order, and decided as it was opened',
  async (t) => {
    const world = await createWorld(t)
    const buyer = world.person()
    const orders = [world.orders.add(buyer.id, {}), world.orders.add(buyer.id, {})]
    const ids = orders.map(({ orderId }) => orderId).sort()
    const payment: PaymentBody = (await begin(world, buyer, ids)).json()
    await payOnPage(payment.next.url ?? '')
    await until(world, buyer, payment.id, 'captured')
    const [first = '', second = ''] = ids
    await refund(world, seller(world), payment.id, { orderId: first, amount: '18.50' })
    await look(world)
    const id = await dispute(world, { amount: 1000 })
    await look(world)
    t.same(await phases(world), [[second, 'opened', '10.00']])
    // The provider's amount changes: what was booked counts, and an operator is asked.
    const { store } = world.sandbox.provider
    store.put('disputes', id, { ...store.get<object>('disputes', id), amount: 900 })
    await control(world.sandbox, `disputes/${id}`, { isWon: false })
    await look(world)
    t.same((await phases(world)).slice(1), [[second, 'lost', '10.00']])
    t.same(await balances(world), {
      'clearing:stripe': '850',
      [`seller:pending:${world.orders.sellerId}`]: '-850',
    })
    t.same(await differences(world), [{ kind: 'dispute', ours: '1000 EUR', theirs: '900 EUR' }])
  },
)

t.test('what cannot be booked of a dispute is a difference', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  await captured(world, buyer)
  const id = await dispute(world, { status: 'prevented' })
  await look(world)
  t.match(await differences(world), [{ kind: 'dispute', ours: 'no dispute', theirs: /prevented/ }])
  t.same(await phases(world), [])
  const { store } = world.sandbox.provider
  const found = store.get<object>('disputes', id)
  store.put('disputes', id, { ...found, status: 'needs_response', currency: 'usd' })
  await closeAll(world)
  await look(world)
  t.match((await differences(world)).slice(1), [{ kind: 'dispute', theirs: '1850 USD' }])
  store.put('disputes', id, { ...found, status: 'won' })
  await look(world)
  t.equal((await phases(world)).length, 2)
  await closeAll(world)
  // It was decided, and is decided again the other way.
  store.put('disputes', id, { ...found, status: 'lost' })
  await look(world)
  await look(world)
  t.equal((await phases(world)).length, 2)
  t.match((await differences(world)).slice(2), [{ kind: 'dispute', ours: 'won', theirs: 'lost' }])
  await closeAll(world)
  await look(world)
  t.equal((await differences(world)).length, 3, 'what a person has closed is not asked again')
})

t.test('an inquiry of a bank moves no money, and is shown', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { order, payment } = await captured(world, buyer)
  const list = async (who: Person) => {
    const answer = await world.app.inject({
      url: `/api/v1/payments/${payment.id}/disputes`,
      headers: who.headers,
    })
    return { status: answer.statusCode, ...answer.json() }
  }
  const id = await dispute(world, { status: 'warning_needs_response' })
  await look(world)
  t.same(await phases(world), [])
  const before = {
    'clearing:stripe': '1850',
    [`seller:pending:${world.orders.sellerId}`]: '-1850',
  }
  t.same(await balances(world), before)
  t.match(await list(seller(world)), { disputes: [{ state: 'inquiry', amount: '18.50' }] })
  t.match(await list(world.person()), { status: 404 })
  // It ends.
  await control(world.sandbox, `disputes/${id}`, { status: 'warning_closed' })
  await look(world)
  t.match(await list(buyer), { disputes: [{ state: 'closed', closedAt: String }] })
  t.same(await balances(world), before)
  t.same(await phases(world), [])
  // Or it becomes a dispute.
  await control(world.sandbox, `disputes/${id}`, { status: 'needs_response' })
  await look(world)
  t.match(await list(buyer), { disputes: [{ state: 'open' }] })
  t.same(await phases(world), [[order.orderId, 'opened', '18.50']])
  t.same(await differences(world), [])
})

t.test('what a bank holds or took is not refunded too', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { order, payment } = await captured(world, buyer)
  const { orderId } = order
  const id = await dispute(world, { amount: 1000 })
  await look(world)
  const moderator = world.person({ roles: ['moderator'], auth_time: freshly() })
  const ask = (amount: string) => refund(world, moderator, payment.id, { orderId, amount })
  const tooLarge = { code: 'payment.refund_too_large', details: { left: '8.50' } }
  t.match((await ask('8.51')).json(), tooLarge)
  await control(world.sandbox, `disputes/${id}`, { isWon: false })
  await look(world)
  t.match((await ask('8.51')).json(), tooLarge)
  // What the platform decided is given as far as there is something left.
  const { store } = world.sandbox.provider
  const [charge] = store.all<{ id: string }>('charges')
  store.put('charges', charge?.id ?? '', { ...charge, disputed: false })
  await resolved(world, order, '18.50', 7)
  await look(world)
  t.match(await read(world, buyer, payment.id), { refundedAmount: '8.50' })
  t.same(await balances(world), {})
})
