import {
  type ApplyTermsRequest,
  type CancelLotAnswer,
  internalPaths,
  type LotCancellation,
} from '@auction/common/contracts/terms.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import type { InternalClient } from '@auction/common/http/internal-client.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'

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
}

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

const REASONS: Readonly<
  Record<string, Extract<TermsOutcome, { kind: 'refused' }>['reason'] | undefined>
> = {
  'lot.has_bids': 'has_bids',
  'lot.stale_terms': 'stale_terms',
  'lot.not_active': 'not_active',
  'lot.invalid_terms': 'invalid',
  'request.invalid_body': 'invalid',
}
