import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  ApplyTermsAnswer,
  ApplyTermsRequest,
  CancelLotAnswer,
  internalPaths,
  LotCancellation,
  RelistLotAnswer,
  RelistLotRequest,
} from '@auction/common/contracts/terms.ts'
import { defineError } from '@auction/common/http/errors.ts'
import { createJwksCache, type JwksCache } from '@auction/common/http/jwks.ts'
import { buildServer } from '@auction/common/http/server.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import { createTestIdentity } from '@auction/common/testing/tokens.ts'
import { Type } from 'typebox'

const identity = createTestIdentity()

export const ISSUER = identity.issuer
export const INTERNAL_SECRET = identity.internalSecret
export const log = createLogger('auction-test', process.env.TEST_LOG_LEVEL ?? 'silent')

export interface Person {
  id: string
  /** Headers of a request of this person's. */
  headers: { authorization: string }
}

export interface Identity {
  jwks: JwksCache
  /** With the id of another person it is that one, in other roles. */
  person(roles?: string[], id?: string): Person
}

/** Users of the identity service, with tokens that verify. */
export function createIdentity(): Identity {
  return {
    jwks: identity.jwks,
    person(roles = [], id = randomUUID()) {
      return { id, headers: { authorization: `Bearer ${identity.token(id, { roles })}` } }
    },
  }
}

/** Serves the keys of those tokens over HTTP, for a process; returns the address. */
export async function serveJwks(t: Teardown): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys: [identity.publicJwk] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}/jwks.json`
}

export interface Lot {
  terms: ApplyTermsRequest
  bidCount: number
  isClosed: boolean
  applied: number
  isCancelled?: boolean
}

export interface Bid {
  url: string
  lots: Map<string, Lot>
  /** How the next calls fare: answered, refused as if down, or applied without an answer. */
  mode: 'up' | 'down' | 'silent'
  /** How relists fare, and the new item of each that was allowed. Only automatic ones wait. */
  relisting: 'relisted' | 'refused' | RelistLotAnswer
  relisted: Map<string, string>
  /** Called while terms are being judged, before the answer: a rival that comes in between. */
  onApply: ((terms: ApplyTermsRequest) => Promise<void> | void) | undefined
}

const lotErrors = {
  unauthenticated: defineError('bid.unauthenticated', 'Log in.', 401),
  down: defineError('service.unavailable', 'Down.', 503),
  hasBids: defineError('lot.has_bids', 'There are bids.', 409),
  stale: defineError('lot.stale_terms', 'Newer terms.', 409),
  notRelistable: defineError('item.not_relistable', 'Sold.', 409),
  notActive: defineError('lot.not_active', 'Closed.', 409),
}

/** bid as this service knows it: PUT terms, judged as contracts/terms.ts says, over real HTTP. */
export async function startBid(t: Teardown): Promise<Bid> {
  const bid: Bid = {
    url: '',
    lots: new Map(),
    mode: 'up',
    relisting: 'relisted',
    relisted: new Map(),
    onApply: undefined,
  }
  const app = await buildServer({
    service: 'bid',
    log,
    registry: createRegistry('bid'),
    auth: {
      issuer: ISSUER,
      jwks: createJwksCache('http://127.0.0.1:1/', log),
      internalSecret: INTERNAL_SECRET,
      unauthenticated: lotErrors.unauthenticated,
    },
  })
  app.put(
    internalPaths.lotTerms(':itemId'),
    {
      config: { auth: 'service' },
      schema: {
        params: Type.Object({ itemId: Type.String() }),
        body: ApplyTermsRequest,
        response: { 200: ApplyTermsAnswer },
      },
    },
    async (request, reply) => {
      if (bid.mode === 'down') throw lotErrors.down()
      const terms = request.body
      await bid.onApply?.(terms)
      const outcome = judge(bid, terms)
      if (bid.mode === 'silent') {
        reply.raw.destroy()
        return reply.hijack() as never
      }
      return { outcome, termsVersion: terms.termsVersion, sequence: 0 }
    },
  )
  app.put(
    internalPaths.lotCancellation(':itemId'),
    {
      config: { auth: 'service' },
      schema: {
        params: Type.Object({ itemId: Type.String() }),
        body: LotCancellation,
        response: { 200: CancelLotAnswer },
      },
    },
    async ({ body: { bySeller = false, ...terms } }) => {
      if (bid.mode !== 'up') throw lotErrors.down()
      const known = bid.lots.get(terms.itemId)
      if (known?.isClosed) throw lotErrors.notActive()
      if (known?.isCancelled) return { outcome: 'unchanged' as const }
      if (bySeller && (known?.bidCount ?? 0) > 0) throw lotErrors.hasBids()
      const lot = known ?? { terms, bidCount: 0, isClosed: false, applied: 0 }
      bid.lots.set(terms.itemId, { ...lot, isCancelled: true })
      return { outcome: 'cancelled' as const }
    },
  )
  app.put(
    internalPaths.lotRelisting(':itemId'),
    {
      config: { auth: 'service' },
      schema: {
        params: Type.Object({ itemId: Type.String() }),
        body: RelistLotRequest,
        response: { 200: RelistLotAnswer },
      },
    },
    async ({ params: { itemId }, body: { newItemId, isAutomatic } }, reply) => {
      if (bid.mode === 'down') throw lotErrors.down()
      const known = bid.relisted.get(itemId)
      if (known !== newItemId) {
        if (known !== undefined) throw lotErrors.notRelistable({ newItemId: known })
        if (bid.relisting === 'refused') throw lotErrors.notRelistable()
        if (bid.relisting !== 'relisted' && isAutomatic) return bid.relisting
        bid.relisted.set(itemId, newItemId)
      }
      if (bid.mode === 'silent') {
        reply.raw.destroy()
        return reply.hijack() as never
      }
      return { outcome: 'relisted' as const }
    },
  )
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  bid.url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  return bid
}

function judge(bid: Bid, terms: ApplyTermsRequest) {
  const { requiresNoBids = false, ...plain } = terms
  const lot = bid.lots.get(terms.itemId)
  if (lot === undefined) {
    bid.lots.set(terms.itemId, { terms: plain, bidCount: 0, isClosed: false, applied: 1 })
    return 'created' as const
  }
  if (plain.termsVersion === lot.terms.termsVersion) return 'unchanged' as const
  if (plain.termsVersion < lot.terms.termsVersion) throw lotErrors.stale()
  if (lot.isClosed || lot.isCancelled) throw lotErrors.notActive()
  if (lot.bidCount > 0 && (requiresNoBids || !isLowerReserveOnly(lot.terms, plain))) {
    throw lotErrors.hasBids()
  }
  lot.terms = plain
  lot.applied += 1
  return 'replaced' as const
}

function isLowerReserveOnly(before: ApplyTermsRequest, after: ApplyTermsRequest): boolean {
  const rest = ({ reservePrice: _reserve, termsVersion: _version, ...others }: ApplyTermsRequest) =>
    JSON.stringify(others)
  if (rest(before) !== rest(after)) return false
  if (after.reservePrice === undefined || before.reservePrice === after.reservePrice) return true
  return Number(after.reservePrice) < Number(before.reservePrice ?? 0)
}

/** Headers of another service's call. */
export function serviceHeaders(): { authorization: string } {
  return { authorization: `Bearer ${identity.serviceToken('auction')}` }
}
