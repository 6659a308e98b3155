import {
  type ApplyTermsRequest,
  type CancelLotAnswer,
  internalPaths,
  type LotCancellation,
  RelistLotAnswer,
  type RelistLotRequest,
} from '@auction/common/contracts/terms.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import type { InternalClient } from '@auction/common/http/internal-client.ts'
import { Uuid } from '@auction/common/http/schemas.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { Type } from 'typebox'
import { Check } from 'typebox/value'

/** The bid service's decision on terms, made under the lot's lock. */
export type TermsOutcome =
  | { kind: 'applied' }
  | { kind: 'refused'; reason: 'has_bids' | 'stale_terms' | 'not_active' | 'invalid' }

export interface TermsClient {
  /** Throws service.unavailable when the outcome is unknown; the same version may be sent again. */
  apply(terms: ApplyTermsRequest, trace: Trace): Promise<TermsOutcome>
  /** Ends the lot without a winner; `over` when it had ended before. Throws like apply. */
  cancel(terms: ApplyTermsRequest, trace: Trace): Promise<'cancelled' | 'over'>
  /**
   * The same on behalf of the seller, who cannot cancel a lot with bids in its last hours. `unchanged`
   * when the lot was cancelled before.
   */
  withdraw(
    terms: ApplyTermsRequest,
    trace: Trace,
  ): Promise<CancelLotAnswer['outcome'] | 'over' | 'has_bids'>
  /** Whether the item of a lot goes into a new round, as this new item. Throws like apply. */
  relist(itemId: string, request: RelistLotRequest, trace: Trace): Promise<RelistOutcome>
}

export type RelistOutcome =
  | { kind: 'relisted' }
  /** `newItemId`: it has gone on as this item before. */
  | { kind: 'refused'; newItemId: string | undefined }
  | { kind: 'later'; notBefore: Date | undefined }

/** Sends terms to the bid service over its internal API. */
export function createTermsClient(client: InternalClient): TermsClient {
  // Any other answer (a wrong secret, another service at this address) says nothing about the lot.
  const unknown = () => serviceUnavailable({ service: 'bid' })
  const put = async (path: string, terms: ApplyTermsRequest | LotCancellation, trace: Trace) => {
    const answer = await client.request<{ code?: unknown; outcome?: unknown }>(
      'PUT',
      path,
      terms,
      trace,
    )
    const { code, outcome } = answer.body
    return answer.statusCode === 200 ? { outcome } : { code: String(code) }
  }
  return {
    async apply(terms, trace) {
      const { code } = await put(internalPaths.lotTerms(terms.itemId), terms, trace)
      if (code === undefined) return { kind: 'applied' }
      const reason = REASONS[code]
      if (reason === undefined) throw unknown()
      return { kind: 'refused', reason }
    },
    async cancel(terms, trace) {
      const { code } = await put(internalPaths.lotCancellation(terms.itemId), terms, trace)
      if (code === undefined) return 'cancelled'
      if (code === 'lot.not_active') return 'over'
      throw unknown()
    },
    async relist(itemId, request, trace) {
      const path = internalPaths.lotRelisting(itemId)
      const { statusCode, body } = await client.request<unknown>('PUT', path, request, trace)
      if (statusCode === 409 && Check(NotRelistable, body)) {
        return { kind: 'refused', newItemId: body.details?.newItemId }
      }
      if (statusCode !== 200 || !Check(RelistLotAnswer, body)) throw unknown()
      if (body.outcome === 'relisted') return { kind: 'relisted' }
      const { notBefore } = body
      return { kind: 'later', notBefore: notBefore === undefined ? undefined : new Date(notBefore) }
    },
    async withdraw(terms, trace) {
      const path = internalPaths.lotCancellation(terms.itemId)
      const { code, outcome } = await put(path, { ...terms, bySeller: true }, trace)
      if (code === undefined) return outcome === 'cancelled' ? 'cancelled' : 'unchanged'
      if (code === 'lot.not_active') return 'over'
      if (code === 'lot.has_bids') return 'has_bids'
      throw unknown()
    },
  }
}

const NotRelistable = Type.Object({
  code: Type.Literal('item.not_relistable'),
  details: Type.Optional(Type.Object({ newItemId: Type.Optional(Uuid) })),
})

const REASONS: Readonly<
  Record<string, Extract<TermsOutcome, { kind: 'refused' }>['reason'] | undefined>
> = {
  'lot.has_bids': 'has_bids',
  'lot.stale_terms': 'stale_terms',
  'lot.not_active': 'not_active',
  'lot.invalid_terms': 'invalid',
  'request.invalid_body': 'invalid',
}
