import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { ApiClient } from '#src/api-client.ts'
import { sellTo } from '#src/in-time.ts'
import { insist, join, logIn, type Person } from '#src/people.ts'
import type { Cast } from './cast.ts'
import { type Operation, sample } from './operations.ts'

/** Ids of what belongs to the victim, by the parameter that takes them. */
export interface Belongings {
  readonly draftId: string
  readonly attributeId: string
  readonly commentId: string
  readonly commentedId: string
  readonly notificationId: string
  /** Of an order that the victim pays. */
  readonly orderId: string
  /** Of one that another user pays to the victim. */
  readonly soldOrderId: string
  /** Of a lot of the victim below its reserve, which was offered to another user. */
  readonly offeredId: string
  readonly madeOfferId: string
  /** Of an offer that another user made to the victim. */
  readonly receivedOfferId: string
  readonly savedSearchId: string
  readonly sessionId: string
  readonly userId: string
}

const SALE_MS = 10_000
const OFFER_MAX_MS = 120_000

/** Finds or makes one of each. */
export async function gather(client: ApiClient, cast: Cast): Promise<Belongings> {
  const { victim, attacker, targets } = cast
  const { token } = victim
  const trader = await join(client, 'trader', `trader-${victim.id}`)
  await trade(client, trader, victim)
  await trade(client, victim, trader)
  const [made, received] = await Promise.all([
    offer(client, victim, trader),
    offer(client, trader, victim),
  ])
  const draftPath = targets.find(({ name }) => name === 'a foreign draft')?.path ?? ''
  const commentsPath = targets.find(({ name }) => name === 'a comment')?.path ?? ''
  const comment = await insist(client, 'POST', commentsPath, {
    token,
    body: { content: 'by the victim' },
    accept: [201],
  })
  // The victim is notified of the answer.
  await insist(client, 'POST', commentsPath, {
    token: attacker.token,
    body: { content: 'by the attacker', parent_id: comment.body.id },
    accept: [201],
  })
  const attributes = await insist(client, 'POST', `${draftPath}/attributes`, {
    token,
    body: { attributes: [{ key: 'maker', value: 'the victim' }] },
    accept: [200, 201],
  })
  const saved = await insist(client, 'POST', '/api/v1/saved-searches', {
    token,
    body: { name: 'of the victim', filters: {} },
    accept: [201],
  })
  // A session of its own, so that ending it takes nothing from the others.
  const other = await logIn(client, victim.email)
  const { sid } = JSON.parse(
    Buffer.from(other.split('.')[1] ?? '', 'base64url').toString(),
  ) as Record<string, unknown>
  return {
    draftId: draftPath.split('/').at(-1) ?? '',
    attributeId: String((attributes.body.items as { id: string }[])[0]?.id),
    commentId: String(comment.body.id),
    commentedId: commentsPath.split('/').at(-2) ?? '',
    notificationId: await waitFor('the notification', () => firstNotification(client, token)),
    orderId: await waitFor('the order', () => firstOrder(client, token, 'buyer')),
    soldOrderId: await waitFor('the sale', () => firstOrder(client, token, 'seller')),
    offeredId: made.itemId,
    madeOfferId: made.offerId,
    receivedOfferId: received.offerId,
    savedSearchId: String(saved.body.id),
    sessionId: String(sid),
    userId: victim.id,
  }
}

/** One sells to the other, in a few seconds; answers the lot. */
async function trade(
  client: ApiClient,
  seller: Person,
  buyer: Person,
  terms: Record<string, unknown> = {},
): Promise<string> {
  const listing = { name: 'a sale', startPrice: '10.00', durationMs: SALE_MS, terms }
  return (await sellTo(client, { seller, bidder: buyer }, listing, '10.00')).id
}

/** The reserve is not met, so the seller offers the lot to the leader when it is over. */
async function offer(
  client: ApiClient,
  seller: Person,
  leader: Person,
): Promise<{ itemId: string; offerId: string }> {
  const itemId = await trade(client, seller, leader, { reservePrice: '50.00' })
  const make = async () => {
    const { statusCode, body } = await insist(client, 'POST', `/api/v1/lots/${itemId}/offers`, {
      token: seller.token,
      body: { kind: 'below_reserve', days: 3 },
      headers: { 'idempotency-key': `offer-${itemId}` },
      accept: [201, 409],
    })
    return statusCode === 201 ? String(body.offerId) : undefined
  }
  return { itemId, offerId: await waitFor('the offer', make, OFFER_MAX_MS, 500) }
}

async function firstOrder(
  client: ApiClient,
  token: string,
  role: 'buyer' | 'seller',
): Promise<string | undefined> {
  const { body } = await insist(client, 'GET', `/api/v1/orders?role=${role}`, {
    token,
    accept: [200],
  })
  return (body.orders as { id: string }[])[0]?.id
}

async function firstNotification(client: ApiClient, token: string): Promise<string | undefined> {
  const { body } = await insist(client, 'GET', '/api/v1/notifications', { token, accept: [200] })
  return (body.notifications as { id: string }[])[0]?.id
}

/** The path with the victim's ids in it; what the victim has none of gets an id of nothing. */
export function fillPath({ path, parameters }: Operation, has: Belongings): string {
  return path.replaceAll(/\{([^}]+)\}/g, (_whole, parameter: string, at: number) => {
    const before = path.slice(0, at)
    if (parameter === 'role') return 'admin'
    if (parameter === 'month') return '2026-01'
    if (parameter === 'commentId') return has.commentId
    if (parameter === 'attributeId') return has.attributeId
    if (before.endsWith('/items/')) {
      return path.includes('{commentId}') ? has.commentedId : has.draftId
    }
    if (before.endsWith('/saved-searches/')) return has.savedSearchId
    if (before.endsWith('/notifications/')) return has.notificationId
    if (before.endsWith('/orders/')) return has.orderId
    if (before.endsWith('/sessions/')) return has.sessionId
    if (before.endsWith('/users/') || before.endsWith('/user-profiles/')) return has.userId
    if (before.endsWith('/offers/')) {
      return path.endsWith('/withdrawal') ? has.madeOfferId : has.receivedOfferId
    }
    if (before.endsWith('/lots/')) {
      return path.endsWith('/offers') ? has.offeredId : has.commentedId
    }
    return String(sample(parameters.get(parameter) ?? {}))
  })
}

/** The smallest body that the operation takes; items that it names are of the victim as well. */
export function fillBody({ body }: Operation, has: Belongings): unknown {
  if (body === undefined) return undefined
  const filled = sample(body)
  const namesItem = body.properties?.fromItemId !== undefined
  return namesItem ? { ...(filled as object), fromItemId: has.draftId } : filled
}
