import {
  type ClaimRequest,
  claimPath,
  PAYABLES_PATH,
  Payables,
  type PayablesRequest,
} from '@auction/common/contracts/payables.ts'
import { type ErrorBody, ServiceError, serviceUnavailable } from '@auction/common/http/errors.ts'
import type { InternalClient, InternalResponse } from '@auction/common/http/internal-client.ts'
import { Value } from 'typebox/value'

export type ClaimAnswer = { kind: 'claimed' } | { kind: 'refused'; code: string }

export interface OrderClient {
  /** What a buyer owes. Throws the refusal of the order service as it is. */
  payables(request: PayablesRequest): Promise<Payables>
  /**
   * Takes the orders for a payment. Throws service.unavailable for everything that is neither its yes nor one of its
   * refusals: whether they are taken is not known then.
   */
  claim(paymentId: string, request: ClaimRequest): Promise<ClaimAnswer>
}

/** What the order service may refuse with. A proxy between us and it has none of these codes. */
const REFUSALS: ReadonlyMap<string, number> = new Map([
  ['order.not_found', 404],
  ['order.not_payable', 409],
  ['order.claimed_by_another', 409],
  ['order.amount_mismatch', 422],
  ['order.different_sellers', 422],
  ['order.different_currencies', 422],
])

/** The refusal in an answer. Throws when it is none. */
function refusalIn({ statusCode, body }: InternalResponse<unknown>): Omit<ErrorBody, 'traceId'> {
  const refusal = body as Partial<ErrorBody> | undefined
  const { code, message } = refusal ?? {}
  const isKnown = code !== undefined && REFUSALS.get(code) === statusCode
  if (!isKnown || message === undefined) throw serviceUnavailable({ service: 'order' })
  return { ...refusal, code, message }
}

export function createOrderClient(client: InternalClient): OrderClient {
  return {
    async payables(request) {
      const answer = await client.request<unknown>('POST', PAYABLES_PATH, request)
      // A page of a proxy may come with 200 as well.
      if (answer.statusCode === 200 && Value.Check(Payables, answer.body)) return answer.body
      const { code, message, details } = refusalIn(answer)
      throw new ServiceError(code, message, answer.statusCode, details)
    },
    async claim(paymentId, request) {
      const answer = await client.request<unknown>('PUT', claimPath(paymentId), request)
      return answer.statusCode === 204
        ? { kind: 'claimed' }
        : { kind: 'refused', code: refusalIn(answer).code }
    },
  }
}
