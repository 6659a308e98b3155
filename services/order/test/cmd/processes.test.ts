import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { createWorld, newWin, wonEvent } from '#test/helper.ts'
import {
  apiSettings,
  createNeighbours,
  end,
  startProcess,
  workerSettings,
} from '#test/processes.ts'

t.test('a thousand wins make a thousand orders, also when a worker dies among them', async (t) => {
  const world = await createWorld(t)
  const { broker, publish } = await createNeighbours(t)
  const settings = workerSettings(world, broker)
  const first = await startProcess(t, 'worker', settings)
  const second = await startProcess(t, 'worker', settings)
  const count = async (table: string, condition = 'true') => {
    const { rows } = await world.database.pool.query<{ count: number }>(
      `select count(*)::int as count from ${table} where ${condition}`,
    )
    return rows[0]?.count ?? 0
  }
  const events = Array.from({ length: 1_000 }, () => wonEvent(newWin()))
  await publish([...events, ...events])
  await waitFor('some of them', async () => (await count('orders')) > 0)
  await end(first.process, 'SIGKILL')
  await waitFor('all of them', async () => (await count('orders')) === 1_000)
  await waitFor('their events', async () => (await count('outbox', 'sent_at is null')) === 0)
  t.equal(await count('order_changes'), 1_000)
  t.equal(await count('timers'), 2_000)
  t.equal((await world.published('order.created')).length, 1_000)
  const metrics = await (await fetch(`${second.opsUrl}/metrics`)).text()
  for (const name of ['order_timer_lag_seconds', 'order_timers_total', 'order_claim_age_seconds'])
    t.match(metrics, new RegExp(`^${name}`, 'm'))
  await end(second.process, 'SIGTERM')
  t.equal(second.process.exitCode, 0)
})

t.test('the API answers services as it is deployed', async (t) => {
  const world = await createWorld(t)
  const { url } = await startProcess(t, 'api', apiSettings(world))
  const order = await world.win()
  const headers = { authorization: `Bearer ${world.identity.serviceToken('order')}` }
  const answer = await fetch(`${url}/internal/v1/payments/${randomUUID()}/claim`, {
    method: 'PUT',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({
      orders: [{ orderId: order.id, total: '18.50' }],
      currencyCode: 'USD',
      buyerId: order.buyerId,
    }),
  })
  t.equal(answer.status, 204)
  const document = await fetch(`${url}/api/v1/orders/openapi.json`)
  t.equal(document.status, 200)
})
