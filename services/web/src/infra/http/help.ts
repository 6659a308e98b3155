import { type Static, Type } from 'typebox'
import { UpstreamError } from './service-client.ts'
import type { Services, ServiceUrls } from './services.ts'

const Fees = Type.Object({
  rates: Type.Array(
    Type.Object({
      categoryId: Type.Optional(Type.String()),
      currencyCode: Type.Optional(Type.String()),
      basisPoints: Type.Integer(),
      minAmount: Type.Optional(Type.String()),
      maxAmount: Type.Optional(Type.String()),
    }),
  ),
})
export type FeeView = Static<typeof Fees>['rates'][number]

/** What counts now for every seller. */
export function createFees({ payment }: Services): () => Promise<FeeView[]> {
  return async () => {
    const fees = await payment.read('/api/v1/billing/fees', Fees)
    if (fees === undefined) throw new UpstreamError('the fees are not there')
    return fees.rates
  }
}

const PARTS = ['lots', 'bids', 'accounts', 'orders', 'payments', 'notices'] as const

export interface ServiceStates {
  at: string
  states: Record<(typeof PARTS)[number], boolean>
}

const NO_ID = '00000000-0000-7000-8000-000000000000'
/** Who reloads all the time asks no more often than others do. */
const KEPT_MS = 5_000

/**
 * Asks each service for something small that it reads from its database, where it has such a thing for all. An answer
 * is one, also when it says that there is no such thing.
 */
export function createStatusBoard(
  urls: ServiceUrls,
  lookTimeoutMs: number,
  monotonicMs: () => number = () => performance.now(),
): () => Promise<ServiceStates> {
  const looks: Record<(typeof PARTS)[number], URL> = {
    lots: new URL('/api/v1/categories', urls.auctionUrl),
    bids: new URL(`/api/v1/lots/${NO_ID}`, urls.bidUrl),
    accounts: new URL(`/api/v1/user-profiles/${NO_ID}`, urls.identityUrl),
    orders: new URL('/api/v1/orders/openapi.json', urls.orderUrl),
    payments: new URL('/api/v1/billing/fees', urls.paymentUrl),
    notices: new URL('/api/v1/notifications/push-key', urls.notificationUrl),
  }
  const answers = async (url: URL): Promise<boolean> => {
    try {
      const response = await fetch(url, {
        redirect: 'error',
        signal: AbortSignal.timeout(lookTimeoutMs),
      })
      await response.body?.cancel()
      return response.status < 500
    } catch {
      return false
    }
  }
  const look = async (): Promise<ServiceStates> => {
    const states = await Promise.all(
      PARTS.map(async (part) => [part, await answers(looks[part])] as const),
    )
    return {
      at: new Date().toISOString(),
      states: Object.fromEntries(states) as ServiceStates['states'],
    }
  }
  let kept: { beganAtMs: number; seen: Promise<ServiceStates> } | undefined
  return () => {
    const now = monotonicMs()
    if (kept === undefined || now - kept.beganAtMs >= KEPT_MS) {
      kept = { beganAtMs: now, seen: look() }
    }
    return kept.seen
  }
}
