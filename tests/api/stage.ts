import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { Platform } from '@auction/local/platform.ts'
import type { ApiClient } from '#src/api-client.ts'
import { makeAdmin } from '#src/console.ts'
import { inTime, sellInTime } from '#src/in-time.ts'
import { insist, join, logIn, PASSWORD, type Person, sell } from '#src/people.ts'

/** In the order in which they are tried: what moderators remove is no longer there for the others. */
export const ROLES = ['visitor', 'bidder', 'seller', 'moderator'] as const
export type Role = (typeof ROLES)[number]

/** As whom requests are sent, and what stands in their paths. */
export interface Part {
  readonly token: string | null
  /** Of another account of the role, for requests that end sessions or accounts. */
  readonly spareToken: string | null
  /** Ids by the operation, or by the segment of the path before them: `items`, `users`. */
  readonly ids: Readonly<Record<string, readonly (string | number)[]>>
  /** What fields and parameters of that name mostly have; null: they are not sent. */
  readonly values: Readonly<Record<string, readonly unknown[]>>
}

const LOT_MS = 3_600_000
/** One pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** Accounts of each role, and at least one of everything that a path can name. */
export async function createStage(client: ApiClient, platform: Platform) {
  const run = randomUUID().slice(0, 8)
  const enter = (name: string) => join(client, name, `${name}-${run}`)
  const people = {
    bidder: [await enter('bidder'), await enter('second-bidder')],
    seller: [await enter('seller'), await enter('second-seller')],
    moderator: [await enter('moderator'), await enter('second-moderator')],
  } as const
  const victim = await enter('victim')
  for (const { email } of people.moderator) makeAdmin(platform.postgres.url('identity'), email)
  const [seller] = people.seller
  const [bidder] = people.bidder
  const [moderator] = people.moderator
  const as = async (person: Person, method: string, path: string, body?: object) => {
    const options = { token: person.token, ...(body === undefined ? {} : { body }) }
    const accept = [200, 201, 202, 204]
    return (await insist(client, method, path, { ...options, accept })).body
  }
  const idOf = async (...asked: Parameters<typeof as>) => String((await as(...asked)).id)
  const list = (name: string) =>
    sell(client, seller, { name, startPrice: '10.00', durationMs: LOT_MS })

  moderator.token = await logIn(client, moderator.email)
  const category = await idOf(moderator, 'POST', '/api/v1/categories', { name: `Lamps ${run}` })
  const below = { name: `Brass ${run}`, parent_id: category }
  const subcategory = await idOf(moderator, 'POST', '/api/v1/categories', below)
  const short = await inTime(5_000, (durationMs) =>
    sellInTime(client, seller, { name: 'a lot that ends soon', startPrice: '10.00', durationMs }),
  )
  const main = await list('a lot without bids')
  const withdrawn = await list('a lot that its seller withdraws')
  const removed = await list('a lot that a moderator removes')
  const contested = await list('a lot with bids')
  for (const [person, maxAmount] of [
    [bidder, '20.00'],
    [victim, '30.00'],
  ] as const) {
    await as(person, 'POST', `/api/v1/lots/${contested.id}/bids`, { maxAmount })
  }
  const path = `/api/v1/items/${main.id}`
  const comment = await idOf(bidder, 'POST', `${path}/comments`, { content: 'Does it burn?' })
  await as(bidder, 'POST', `${path}/report`, { reason: 'prohibited' })
  await as(seller, 'PUT', `/api/v1/blocks/${people.bidder[1].id}`)
  await as(seller, 'PUT', `${path}/categories`, { categories: [subcategory] })
  const { items: attributes } = await as(seller, 'POST', `${path}/attributes`, {
    attributes: [{ key: 'maker', value: 'Tilley' }],
  })
  const image = await upload(platform.gatewayUrl, seller, `${path}/images`)
  const { items: reports } = await as(moderator, 'GET', '/api/v1/moderation/reports')
  await waitFor('the short lot to be over', async () => {
    const { status } = await as(seller, 'GET', `/api/v1/items/${short.id}`)
    return status === 'expired'
  })

  const idsOf = (value: unknown) => (value as { id: string }[]).map(({ id }) => id)
  const shared = {
    // Not the main one: a bid would freeze it.
    lots: [contested.id, short.id],
    withdrawItem: [withdrawn.id],
    removeItem: [removed.id],
    restoreItem: [removed.id],
    categories: [category, subcategory],
    comments: [comment],
    images: [image],
    attributes: idsOf(attributes),
    reports: idsOf(reports),
    bidders: [1, 2],
    blocks: [victim.id],
    statements: [new Date().toISOString().slice(0, 7), '2026-01'],
    'payout-accounts': [victim.id],
    'tax-statuses': [victim.id],
  }
  const soon = (ms: number) => new Date(Date.now() + ms).toISOString()
  const csv =
    'name,currencyCode,startPrice,startDate,endDate\n' +
    `A lamp,USD,10.00,${soon(LOT_MS)},${soon(2 * LOT_MS)}\n`
  const values = {
    startDate: [soon(LOT_MS)],
    endDate: [soon(2 * LOT_MS)],
    until: [soon(LOT_MS)],
    currencyCode: ['USD', 'JPY', 'KWD'],
    startPrice: ['10', '12'],
    bidIncrement: ['1', null],
    reservePrice: ['15', null],
    buyoutPrice: ['40', null],
    extensionThresholdMinutes: [0, 5],
    'placeBid.currencyCode': ['USD', null],
    name: ['A lamp', `Lampe à pétrole ${run}`],
    reason: ['It is forbidden.'],
    content: ['Does it burn?'],
    maxAmount: ['35', '45', '60'],
    minPrice: ['1'],
    maxPrice: ['100'],
    // Another one than the present is refused.
    version: [null],
    termsVersion: [null],
    confirmation: [null],
    cursor: [null],
    before: [null],
    category: [category],
    categories: [[subcategory], [category]],
    parent_id: [null, category, comment],
    seller: [seller.id],
    attribute: ['maker:Tilley', 'width:1..2'],
    ids: [[image]],
    email: [victim.email, `new-${run}@example.test`],
    password: [PASSWORD],
    png: [PNG],
    'idempotency-key': ['the-first-key', 'the-second-key', 'the-third-key'],
    csv: [csv, csv, 'name;currencyCode\n"A lamp'],
  }
  /** What only this role has is made when its turn comes: tokens last for minutes. */
  return async (role: Role): Promise<Part> => {
    if (role === 'visitor') {
      const items = [main.id, contested.id, short.id]
      const ids = { ...shared, items, users: [victim.id], 'user-profiles': [seller.id, victim.id] }
      return { token: null, spareToken: null, ids, values }
    }
    const [self, spare] = people[role]
    self.token = await logIn(client, self.email)
    const listing = {
      name: 'a draft',
      currencyCode: 'USD',
      startPrice: '5.00',
      startDate: soon(LOT_MS),
      endDate: soon(2 * LOT_MS),
    }
    const draft = await idOf(self, 'POST', '/api/v1/items', listing)
    const spareDraft = await idOf(self, 'POST', '/api/v1/items', listing)
    const search = await idOf(self, 'POST', '/api/v1/saved-searches', { name: run, filters: {} })
    await logIn(client, self.email)
    const { sessions } = await as(self, 'GET', '/identity/sessions')
    const others = (sessions as { id: string; current?: boolean }[]).filter(
      ({ current }) => !current,
    )
    return {
      token: self.token,
      spareToken: await logIn(client, spare.email),
      ids: {
        ...shared,
        items: [main.id, draft, contested.id, short.id],
        deleteItem: [spareDraft],
        users: [victim.id],
        'user-profiles': [self.id, victim.id],
        sessions: idsOf(others),
        'saved-searches': [search],
      },
      values: { ...values, currentPassword: [PASSWORD] },
    }
  }
}

async function upload(gatewayUrl: string, { token }: Person, path: string): Promise<string> {
  const form = new FormData()
  form.set('image', new Blob([Buffer.from(PNG, 'base64')], { type: 'image/png' }), 'lamp.png')
  const headers = { authorization: `Bearer ${token}` }
  const answer = await waitFor('the platform to take a picture', async () => {
    const answer = await fetch(new URL(path, gatewayUrl), { method: 'POST', headers, body: form })
    return answer.status === 503 ? undefined : answer
  })
  const body = (await answer.json()) as { id: string }
  if (answer.status !== 201) throw new Error(JSON.stringify(body))
  return body.id
}
