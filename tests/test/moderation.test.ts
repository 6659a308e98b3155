import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { makeAdmin } from '#src/console.ts'
import { insist, join, logIn, patient, sell } from '#src/people.ts'
import { createPlatform } from './helper.ts'

t.test('a moderator removes what was reported; a seller withdraws, and may leave', async (t) => {
  const { platform, client: hasty, direct } = await createPlatform(t)
  const client = patient(hasty)
  const bidApi = patient(direct('bid-api'))
  const run = randomUUID().slice(0, 8)
  const [seller, ben, olga] = [
    await join(client, 'ann', `ann-${run}`),
    await join(client, 'ben', `ben-${run}`),
    await join(client, 'olga', `olga-${run}`),
  ]
  makeAdmin(platform.postgres.url('identity'), olga.email)
  const token = await logIn(client, olga.email)
  const { id } = await sell(client, seller, {
    name: `ivory ${run}`,
    startPrice: '10.00',
    durationMs: 600_000,
  })
  const bid = (api: typeof client, maxAmount: string) =>
    api.request('POST', `/api/v1/lots/${id}/bids`, {
      token: ben.token,
      body: { maxAmount },
      headers: { 'idempotency-key': randomUUID() },
    })
  const read = (as: string) => client.request('GET', `/api/v1/items/${id}`, { token: as })
  const act = (verb: string) =>
    client.request('POST', `/api/v1/moderation/items/${id}/${verb}`, {
      token,
      body: { reason: 'Forbidden to sell.' },
    })
  const queue = async () => {
    const { body } = await client.request('GET', '/api/v1/moderation/reports', { token })
    return body.items as { itemId: string; reason: string }[]
  }

  t.equal((await bid(client, '20.00')).statusCode, 201)
  await insist(client, 'POST', `/api/v1/items/${id}/report`, {
    token: ben.token,
    body: { reason: 'prohibited' },
    accept: [201],
  })
  // The worker has found the word by itself as well.
  const reasons = await waitFor('both reports', async () => {
    const found = (await queue()).filter(({ itemId }) => itemId === id)
    return found.length === 2 ? found.map(({ reason }) => reason).sort() : undefined
  })
  t.strictSame(reasons, ['prohibited', 'words'])
  t.equal((await act('remove')).statusCode, 204)
  for (const api of [client, bidApi]) {
    t.match(await bid(api, '30.00'), { statusCode: 409, body: { code: 'bid.not_active' } })
  }
  t.match(await client.request('GET', `/api/v1/lots/${id}`), { body: { phase: 'cancelled' } })
  t.match(await read(ben.token), { statusCode: 404, body: { code: 'item.removed' } })
  t.match(await read(seller.token), { body: { removal: { reason: 'Forbidden to sell.' } } })
  t.strictSame(await queue(), [])
  await waitFor('auction to consume the end of the lot', async () => {
    return (await act('restore')).statusCode === 204
  })
  t.match(await read(seller.token), { statusCode: 200, body: { status: 'cancelled' } })

  const leave = () => client.request('DELETE', '/identity/me', { token: seller.token })
  const lamp = await sell(client, seller, {
    name: `lamp ${run}`,
    startPrice: '10.00',
    durationMs: 600_000,
  })
  t.match(await leave(), { statusCode: 409, body: { code: 'identity.has_obligations' } })
  await insist(client, 'POST', `/api/v1/items/${lamp.id}/withdraw`, {
    token: seller.token,
    body: { reason: 'It broke.' },
    accept: [202],
  })
  const late = { token: ben.token, body: { maxAmount: '20.00' } }
  t.match(await bidApi.request('POST', `/api/v1/lots/${lamp.id}/bids`, late), {
    statusCode: 409,
    body: { code: 'bid.not_active' },
  })
  await waitFor('the item to be cancelled', async () => {
    const { body } = await client.request('GET', `/api/v1/items/${lamp.id}`, {
      token: seller.token,
    })
    return body.status === 'cancelled'
  })
  t.equal((await leave()).statusCode, 202, 'nothing is for sale any more')
})
