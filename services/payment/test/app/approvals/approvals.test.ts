import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { type ApprovalRules, NO_APPROVALS, needsApproval } from '#src/domain/approval.ts'
import { expireApprovals, readApprovalBacklog } from '#src/infra/postgres/approvals/approvals.ts'
import { putPayoutAccount } from '#src/infra/postgres/payouts/accounts.ts'
import { createWorld, type Person, type World } from '#test/helper.ts'
import { captured } from '../payments/buyer.ts'
import { freshly, refund, seller as sellerOf } from '../payments/refunds.ts'
import { payOut, payoutsOfWorld, sell } from '../payouts/payee.ts'

const RULES: ApprovalRules = {
  isOn: true,
  limitOf: (currencyCode) => (currencyCode === 'EUR' ? 500n : 0n),
  expiryMs: 3_600_000,
}

const operator = (world: World, role = 'moderator', age = 0): Person =>
  world.person({ roles: ['user', role], auth_time: freshly() - age })

const decide = (world: World, who: Person, id: string, path = 'approval') =>
  world.app.inject({
    method: 'POST',
    url: `/api/v1/billing/approvals/${id}/${path}`,
    headers: who.headers,
  })

type Answer = Awaited<ReturnType<typeof decide>>

/** A status, and the code if there is one. */
async function answerOf(answering: PromiseLike<Answer>): Promise<[number, string | undefined]> {
  const answer = await answering
  return [answer.statusCode, answer.json().code]
}

const refundOf = (...request: Parameters<typeof refund>) => answerOf(refund(...request))

interface Listed {
  id: string
  state: string
  kind: string
  amount?: string
}

const list = async (world: World, who: Person, query = ''): Promise<Listed[]> => {
  const answer = await world.app.inject({
    url: `/api/v1/billing/approvals${query}`,
    headers: who.headers,
  })
  return (answer.json() as { approvals: Listed[] }).approvals
}

const readOne = (world: World, who: Person, id: string) =>
  world.app.inject({ url: `/api/v1/billing/approvals/${id}`, headers: who.headers })

const refundsOf = async ({ db }: World) =>
  db.selectFrom('refunds').select(['amount', 'requested_by as by']).orderBy('id').execute()

/** A refund of 6.00 that waits for a second operator. */
async function asked(world: World) {
  const buyer = world.person({ roles: ['user', 'moderator'], auth_time: freshly() })
  const { order, payment } = await captured(world, buyer)
  const first = operator(world)
  const key = randomUUID()
  const give = (amount = '6.00', who = first, ownKey = key) =>
    refund(world, who, payment.id, { orderId: order.orderId, amount }, ownKey)
  const answer = await give()
  return { buyer, order, payment, first, give, answer, id: answer.json().approval?.id as string }
}

t.test('what an operator gives above the limit waits for another one', async (t) => {
  const world = await createWorld(t, { approvals: RULES })
  const { answer, give, first, id } = await asked(world)
  t.equal(answer.statusCode, 202)
  t.match(answer.json(), {
    approval: { kind: 'refund', state: 'open', amount: '6.00', askedBy: first.id },
  })
  t.same(await refundsOf(world), [], 'nothing is given yet')
  t.match(
    (await give()).json(),
    { approval: { id } },
    'asked again with the same key, it is the same',
  )
  t.equal((await give('7.00')).json().code, 'payment.idempotency_key_reused')
  const second = operator(world)
  t.match(await list(world, second, '?state=open'), [{ id, state: 'open' }])
  t.equal((await decide(world, first, id)).json().code, 'approval.asked_by_you')
  const one = await readOne(world, second, id)
  t.match(one.json(), { id, kind: 'refund', amount: '6.00', state: 'open' })
  t.equal(one.headers['cache-control'], 'no-store')
  t.equal((await readOne(world, second, randomUUID())).json().code, 'approval.not_found')
  t.equal((await readOne(world, world.person(), id)).statusCode, 403)
  const stale = operator(world, 'moderator', 700)
  t.equal((await decide(world, stale, id)).json().code, 'payment.proof_required')
  t.equal((await decide(world, world.person({ auth_time: freshly() }), id)).statusCode, 403)
  const approved = await decide(world, second, id)
  t.match(approved.json(), { state: 'executed', decidedBy: second.id, resultId: /./ })
  t.match(await refundsOf(world), [{ amount: 600n, by: first.id }])
  t.match((await decide(world, second, id)).json(), { state: 'executed' }, 'the answer was lost')
  t.equal((await decide(world, operator(world), id)).json().code, 'approval.decided')
  t.equal((await decide(world, operator(world), id, 'rejection')).json().code, 'approval.decided')
  t.equal((await give()).statusCode, 201, 'who asked finds the refund')
  t.equal((await refundsOf(world)).length, 1)
  const missing = await decide(world, second, randomUUID())
  t.equal(missing.json().code, 'approval.not_found')
})

t.test('parts are no way around the limit, and what was approved does not count', async (t) => {
  const world = await createWorld(t, { approvals: RULES })
  const { id, give, first } = await asked(world)
  await decide(world, operator(world), id)
  t.equal((await give('3.00', first, randomUUID())).statusCode, 201)
  t.equal((await give('2.00', first, randomUUID())).statusCode, 201)
  t.equal((await give('0.01', operator(world), randomUUID())).statusCode, 202)
})

t.test('neither who gains by it, nor who asked for the same, approves it', async (t) => {
  const world = await createWorld(t, { approvals: RULES })
  const { buyer, id, give } = await asked(world)
  t.equal((await decide(world, buyer, id)).json().code, 'approval.about_you')
  t.equal((await decide(world, buyer, id, 'rejection')).json().code, 'approval.about_you')
  const seller = sellerOf(world, { roles: ['user', 'moderator'], auth_time: freshly() })
  t.equal((await decide(world, seller, id)).json().code, 'approval.about_you')
  const other = operator(world)
  const own = (await give('8.00', other, randomUUID())).json().approval.id as string
  t.equal((await decide(world, other, id)).json().code, 'approval.asked_by_you')
  const third = operator(world)
  t.match((await decide(world, third, own, 'rejection')).json(), { state: 'rejected' })
  t.equal((await decide(world, third, own, 'rejection')).statusCode, 200, 'again')
  t.equal((await decide(world, third, own)).json().code, 'approval.decided')
  t.equal((await decide(world, other, id)).statusCode, 200, 'now that it asks for nothing itself')
})

t.test('who asked withdraws it, so two who ask for the same do not block each other', async (t) => {
  const world = await createWorld(t, { approvals: RULES })
  const { id, first, give } = await asked(world)
  const other = operator(world)
  const own = (await give('8.00', other, randomUUID())).json().approval.id as string
  t.equal((await decide(world, first, own)).json().code, 'approval.asked_by_you')
  t.equal((await decide(world, first, own, 'rejection')).json().code, 'approval.asked_by_you')
  t.equal((await decide(world, other, own)).json().code, 'approval.asked_by_you')
  const withdrawn = await decide(world, other, own, 'rejection')
  t.match(withdrawn.json(), { state: 'rejected', askedBy: other.id, decidedBy: other.id })
  t.equal((await decide(world, other, own, 'rejection')).statusCode, 200, 'again')
  t.equal((await decide(world, first, own)).json().code, 'approval.decided')
  t.equal((await decide(world, other, id)).statusCode, 200, 'it asks for nothing itself any more')
  t.match(await refundsOf(world), [{ amount: 600n, by: first.id }])
  await t.rejects(
    sql`update approvals set decided_by = asked_by where id = ${id}`.execute(world.db),
    /approval_by_another/,
    'no one approves the own request, whatever the code does',
  )
})

t.test(
  'what has changed meanwhile is not approved and stays open, and what is too old is over',
  async (t) => {
    const world = await createWorld(t, { approvals: RULES })
    const { id, give, first } = await asked(world)
    const larger = (await give('15.00', first, randomUUID())).json().approval.id as string
    const second = operator(world)
    t.equal((await decide(world, second, id)).statusCode, 200)
    t.equal((await decide(world, second, larger)).json().code, 'approval.outdated')
    t.match(await list(world, second, '?state=open'), [{ id: larger }])
    await sql`update approvals set expires_at = clock_timestamp() where id = ${larger}`.execute(
      world.db,
    )
    t.match(await list(world, second), [{ id: larger, state: 'expired' }, { state: 'executed' }])
    t.equal((await decide(world, second, larger)).json().code, 'approval.expired')
    t.same(await readApprovalBacklog(world.db).then(({ open }) => open), 1)
    t.equal(await expireApprovals(world.db), 1)
    t.equal(await expireApprovals(world.db), 0)
    t.equal((await decide(world, second, larger)).json().code, 'approval.decided')
    t.match(await readApprovalBacklog(world.db), { open: 0, oldestSeconds: 0 })
  },
)

t.test(
  'twenty approvals at once give one refund, and a rejection at once is one or the other',
  async (t) => {
    const world = await createWorld(t, { approvals: RULES })
    const first = { executed: 0, rejected: 0 }
    for (let round = 0; round < 20; round += 1) {
      const { id } = await asked(world)
      const before = (await refundsOf(world)).length
      const approve = () => Array.from({ length: 10 }, () => decide(world, operator(world), id))
      const reject = () => [decide(world, operator(world), id, 'rejection')]
      const all = round % 2 === 0 ? [...approve(), ...reject()] : [...reject(), ...approve()]
      const answers = await Promise.all(all)
      const won = answers.filter(({ statusCode }) => statusCode === 200)
      t.equal(won.length, 1, 'one decides')
      const state = (await list(world, operator(world))).find((one) => one.id === id)?.state
      if (state !== 'executed' && state !== 'rejected') throw new Error(`it is ${state}`)
      first[state] += 1
      t.equal((await refundsOf(world)).length - before, state === 'executed' ? 1 : 0)
      const codes = answers.filter(({ statusCode }) => statusCode !== 200)
      t.ok(codes.every((one) => one.json().code === 'approval.decided'))
    }
    t.ok(first.executed > 0 && first.rejected > 0, `${first.executed} given, ${first.rejected} not`)
  },
)

t.test('no operator decides alone, or asks, about the own money, at any amount', async (t) => {
  for (const approvals of [RULES, NO_APPROVALS]) {
    const world = await createWorld(t, { approvals })
    const buyer = world.person({ roles: ['user', 'moderator'], auth_time: freshly() })
    const { order, payment } = await captured(world, buyer)
    const body = { orderId: order.orderId, amount: '0.01' }
    t.match(await refundOf(world, buyer, payment.id, body), [403, 'payment.own_purchase'])
    t.match(await refundsOf(world), [])
    t.match(await refundOf(world, operator(world), payment.id, body), [201])
    const admin = operator(world, 'admin')
    const put = (path: string, payload: object) =>
      answerOf(
        world.app.inject({
          method: 'PUT',
          url: `/api/v1/billing/${path}/${admin.id}`,
          headers: admin.headers,
          payload,
        }),
      )
    const post = (path: string, payload: object) =>
      answerOf(
        world.app.inject({
          method: 'POST',
          url: `/api/v1/billing/${path}`,
          headers: admin.headers,
          payload,
        }),
      )
    t.match(await put('payout-accounts', { reference: 'bank-1' }), [403, 'payout.own'])
    t.match(await put('tax-statuses', { reason: 'exempt', note: 'x-1' }), [403, 'charge.own'])
    const rate = { sellerId: admin.id, basisPoints: 0 }
    t.match(await post('commission-rates', rate), [403, 'charge.own'])
    const account = {
      sellerId: admin.id,
      provider: 'manual',
      reference: 'bank-1',
      state: 'enabled',
    } as const
    await world.db.transaction().execute((tx) => putPayoutAccount(tx, account))
    await sell(world, admin.id, 1n)
    await payOut(world)
    const [payout] = await payoutsOfWorld(world)
    const end = { outcome: 'done', reference: 'bank-1' }
    t.match(await post(`payouts/${payout?.id}/outcome`, end), [403, 'payout.own'])
    t.match(await payoutsOfWorld(world), [{ state: 'planned' }])
  }
})

t.test('a request that comes again is the same one, by its key or while it is open', async (t) => {
  const world = await createWorld(t, { approvals: RULES })
  const [admin, other] = [operator(world, 'admin'), operator(world, 'admin')]
  const change = (basisPoints: number, key?: string, path = 'commission-rates') =>
    world.app.inject({
      method: 'POST',
      url: `/api/v1/billing/${path}`,
      headers: { ...admin.headers, ...(key === undefined ? {} : { 'idempotency-key': key }) },
      payload:
        path === 'tax-rates'
          ? { jurisdiction: 'DE', kind: 'premium', basisPoints }
          : { basisPoints },
    })
  const idsOf = async (answers: Promise<Answer>[]) =>
    new Set((await Promise.all(answers)).map((answer) => answer.json().approval?.id as string))
  const times = <T>(count: number, make: () => T) => Array.from({ length: count }, make)
  const keyed = await idsOf(times(10, () => change(500, 'key-1')))
  t.equal(keyed.size, 1, 'ten at once are one')
  t.same(await idsOf([change(500), change(500, 'key-2')]), keyed, 'without a key, while it is open')
  t.equal((await change(501, 'key-1')).json().code, 'payment.idempotency_key_reused')
  t.equal((await change(500, 'no key')).json().code, 'payment.idempotency_key_missing')
  const [id = ''] = keyed
  t.equal((await decide(world, other, id)).statusCode, 200)
  t.match((await change(500, 'key-1')).json(), { approval: { id, state: 'executed' } })
  t.notSame(await idsOf([change(500)]), keyed, 'without its key it is another one then')
  t.equal((await idsOf(times(10, () => change(500, undefined, 'tax-rates')))).size, 1)
})

t.test('of what competes the first approval counts, also when both come at once', async (t) => {
  const world = await createWorld(t, { approvals: RULES })
  const [one, two] = [operator(world, 'admin'), operator(world, 'admin')]
  const { order, payment } = await captured(world, world.person())
  const rate = (who: Person, sellerId: string, basisPoints: number) =>
    world.app.inject({
      method: 'POST',
      url: '/api/v1/billing/commission-rates',
      headers: who.headers,
      payload: { sellerId, basisPoints },
    })
  const give = (who: Person, amount: string) =>
    refund(world, who, payment.id, { orderId: order.orderId, amount })
  t.equal((await give(one, '5.00')).statusCode, 201, 'what comes after it waits')
  /** Two operators approve at once what two others asked for. Answers which of both was done. */
  const race = async (asked: Answer[]) => {
    const ids = asked.map((answer) => answer.json().approval.id as string)
    const answers = await Promise.all(ids.map((id) => decide(world, operator(world, 'admin'), id)))
    const ends = answers.map((answer) => answer.json().code ?? answer.json().state)
    t.same([...ends].sort(), ['approval.outdated', 'executed'])
    const done = ends.indexOf('executed')
    const outdated = ids[1 - done] ?? ''
    t.equal(
      (await decide(world, operator(world, 'admin'), outdated)).json().code,
      'approval.outdated',
    )
    const asker = done === 0 ? two : one
    t.equal((await decide(world, asker, outdated, 'rejection')).statusCode, 200, 'it is withdrawn')
    return done
  }
  const raceOfRates = async () => {
    const sellerId = randomUUID()
    const done = await race([await rate(one, sellerId, 100), await rate(two, sellerId, 101)])
    const { rows } = await sql<{ points: number }>`
      select basis_points as points from commission_rates where seller_id = ${sellerId}`.execute(
      world.db,
    )
    t.same(rows, [{ points: 100 + done }])
  }
  for (let round = 0; round < 18; round += 1) {
    await Promise.all(Array.from({ length: 10 }, raceOfRates))
  }
  for (let round = 0; round < 20; round += 1) {
    const before = (await refundsOf(world)).length
    const done = await race([await give(one, '0.01'), await give(two, '0.02')])
    const given = (await refundsOf(world)).slice(before)
    t.match(given, [{ amount: BigInt(1 + done) }])
    t.equal(given.length, 1)
  }
})

t.test('changes of fees wait for another administrator, whatever their size', async (t) => {
  const world = await createWorld(t, { approvals: RULES })
  const [admin, other] = [operator(world, 'admin'), operator(world, 'admin')]
  const seller = world.person({ roles: ['user', 'admin'], auth_time: freshly() })
  const change = (method: 'POST' | 'PUT', path: string, payload: object) =>
    world.app.inject({ method, url: `/api/v1/billing/${path}`, headers: admin.headers, payload })
  const rate = await change('POST', 'commission-rates', {
    sellerId: seller.id,
    currencyCode: 'EUR',
    basisPoints: 800,
    minAmount: '0.50',
  })
  const tax = await change('POST', 'tax-rates', {
    jurisdiction: 'DE',
    kind: 'commission',
    basisPoints: 1_900,
  })
  const status = await change('PUT', `tax-statuses/${seller.id}`, { reason: 'exempt', note: 'x-1' })
  t.same([rate.statusCode, tax.statusCode, status.statusCode], [202, 202, 202])
  const count = async () => {
    const { rows } = await sql<{ n: number }>`
      select ((select count(*) from commission_rates) + (select count(*) from tax_rates)
        + (select count(*) from tax_statuses))::int as n`.execute(world.db)
    return rows[0]?.n
  }
  t.equal(await count(), 0, 'nothing is changed yet')
  t.same(await list(world, operator(world)), [], 'moderators see refunds')
  const idOf = (answer: typeof rate) => answer.json().approval.id as string
  t.equal((await decide(world, operator(world), idOf(rate))).json().code, 'approval.not_found')
  t.equal((await decide(world, seller, idOf(rate))).json().code, 'approval.about_you')
  t.equal((await decide(world, seller, idOf(status))).json().code, 'approval.about_you')
  for (const answer of [rate, tax, status]) {
    t.equal((await decide(world, other, idOf(answer))).statusCode, 200)
    t.equal((await decide(world, other, idOf(answer))).statusCode, 200, 'again')
  }
  t.equal(await count(), 3)
  const { rows } =
    await sql`select basis_points, min_amount, created_by from commission_rates`.execute(world.db)
  t.same(rows, [{ basis_points: 800, min_amount: 50n, created_by: admin.id }])
})

t.test('a payout by hand above the limit ends when another administrator approves', async (t) => {
  const world = await createWorld(t, { approvals: RULES })
  const [admin, other] = [operator(world, 'admin'), operator(world, 'admin')]
  const sellers = [randomUUID(), randomUUID()]
  for (const [index, sellerId] of sellers.entries()) {
    await world.app.inject({
      method: 'PUT',
      url: `/api/v1/billing/payout-accounts/${sellerId}`,
      headers: admin.headers,
      payload: { reference: `creditor-${index}` },
    })
    await sell(world, sellerId, index === 0 ? 500n : 501n)
  }
  await payOut(world)
  const end = async (amount: bigint) => {
    const payout = (await payoutsOfWorld(world)).find((one) => one.amount === amount)
    return world.app.inject({
      method: 'POST',
      url: `/api/v1/billing/payouts/${payout?.id}/outcome`,
      headers: admin.headers,
      payload: { outcome: 'done', reference: 'bank-1' },
    })
  }
  t.equal((await end(500n)).statusCode, 204, 'at the limit one is enough')
  const answer = await end(501n)
  t.equal(answer.statusCode, 202)
  const states = async () =>
    Object.fromEntries((await payoutsOfWorld(world)).map((one) => [String(one.amount), one.state]))
  t.same(await states(), { 500: 'done', 501: 'planned' })
  const id = answer.json().approval.id as string
  t.equal(answer.json().approval.sellerId, sellers[1], 'whose payout it is')
  t.match((await readOne(world, other, id)).json(), { id, sellerId: sellers[1] })
  t.match(await list(world, other), [{ id, sellerId: sellers[1] }])
  t.equal((await readOne(world, operator(world), id)).statusCode, 404, 'moderators see refunds')
  t.equal((await decide(world, admin, id)).json().code, 'approval.asked_by_you')
  t.equal((await decide(world, other, id)).json().sellerId, sellers[1])
  t.same(await states(), { 500: 'done', 501: 'done' })
})

t.test('a limit is of a currency, and one that is not named has none', (t) => {
  const money = (amount: bigint, currencyCode: string) => ({ amount, currencyCode })
  t.notOk(needsApproval(RULES, money(500n, 'EUR')))
  t.ok(needsApproval(RULES, money(501n, 'EUR')))
  t.ok(needsApproval(RULES, { ...money(1n, 'EUR'), before: 500n }))
  t.ok(needsApproval(RULES, money(1n, 'USD')))
  t.notOk(needsApproval({ ...RULES, isOn: false }, money(9_999n, 'USD')))
  t.end()
})
