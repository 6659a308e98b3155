import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { makeAdmin } from '#src/console.ts'
import { insist, join, logIn, PASSWORD, patient, sell } from '#src/people.ts'
import { openPool } from '#src/pools.ts'
import { createPlatform } from './helper.ts'

t.test('an operator suspends and reinstates a bidder, and every service knows', async (t) => {
  const { platform, client: hasty, direct } = await createPlatform(t)
  const client = patient(hasty)
  const bidApi = patient(direct('bid-api'))
  const run = randomUUID().slice(0, 8)
  const seller = await join(client, 'ann', `ann-${run}`)
  const bidder = await join(client, 'ben', `ben-${run}`)
  const admin = await join(client, 'olga', `olga-${run}`)
  const { id } = await sell(client, seller, {
    name: `lot ${run}`,
    startPrice: '10.00',
    durationMs: 600_000,
  })
  const bid = (api: typeof client, token: string, maxAmount: string) =>
    api.request('POST', `/api/v1/lots/${id}/bids`, {
      token,
      body: { maxAmount },
      headers: { 'idempotency-key': randomUUID() },
    })
  const users = `/identity/users/${bidder.id}`

  t.match(await client.request('GET', users), { statusCode: 401 })
  t.match(await client.request('GET', users, { token: admin.token }), {
    statusCode: 403,
    body: { code: 'identity.forbidden' },
  })
  t.match(makeAdmin(platform.postgres.url('identity'), admin.email), 'is an admin now')
  t.match(await client.request('GET', users, { token: admin.token }), { statusCode: 200 })
  t.equal((await bid(client, bidder.token, '20.00')).statusCode, 201)

  const act = (path: string, body: object) =>
    insist(client, 'POST', `${users}/${path}`, { token: admin.token, body, accept: [200] })
  await act('suspend', { reason: 'Does not pay' })
  t.match(await bid(client, bidder.token, '30.00'), { statusCode: 401 }, 'the gateway is closed')
  // The token itself is good for ten minutes, and bid-api would believe it.
  const refused = await waitFor('bid to consume the suspension', async () => {
    const answer = await bid(bidApi, bidder.token, '5.00')
    return answer.statusCode === 403 ? answer : undefined
  })
  t.match(refused.body, { code: 'bid.user_suspended' })
  const body = { email: bidder.email, password: PASSWORD }
  const login = () => client.request('POST', '/identity/login', { body })
  t.match(await login(), { statusCode: 403, body: { code: 'identity.suspended' } })

  await act('reinstate', { reason: 'Paid' })
  const token = await logIn(client, bidder.email)
  await waitFor('bid to consume the reinstatement', async () => {
    const { statusCode } = await bid(client, token, '40.00')
    return statusCode === 201
  })

  await act('suspend', {
    reason: 'For a moment',
    until: new Date(Date.now() + 3_600_000).toISOString(),
  })
  t.match(await login(), { statusCode: 403, body: { code: 'identity.suspended' } })
  // The hour passes at once.
  const pool = openPool(platform.postgres.url('identity'))
  const ended = await pool.query(
    'update suspensions set ends_at = clock_timestamp() where user_id = $1',
    [bidder.id],
  )
  await pool.end()
  t.equal(ended.rowCount, 1)
  const isLetIn = async () => (await login()).statusCode === 200
  await waitFor('the worker to end it', isLetIn)
})
