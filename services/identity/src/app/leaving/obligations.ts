import {
  type Obligation,
  type Obligations,
  obligationsPath,
} from '@auction/common/contracts/obligations.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import { createInternalClient } from '@auction/common/http/internal-client.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'

/** Asks those who know what a user still owes; service.unavailable when one does not answer. */
export type ObligationCheck = (userId: string, trace: Trace) => Promise<Obligation[]>

export interface ObligationSettings {
  AUCTION_URL: string
  BID_URL: string
  INTERNAL_JWT_SECRET: string
}

export function createObligationCheck(settings: ObligationSettings): ObligationCheck {
  const secret = settings.INTERNAL_JWT_SECRET
  const clients = (['auction', 'bid'] as const).map((target) => {
    const baseUrl = target === 'auction' ? settings.AUCTION_URL : settings.BID_URL
    return {
      target,
      client: createInternalClient({ service: 'identity', target, baseUrl, secret }),
    }
  })
  return async (userId, trace) => {
    const answered = await Promise.all(
      clients.map(async ({ target, client }) => {
        const path = obligationsPath(userId)
        const { statusCode, body } = await client.request<Obligations>(
          'GET',
          path,
          undefined,
          trace,
        )
        // An answer that is none says nothing of the user, least of all that they owe nothing.
        if (statusCode !== 200) throw serviceUnavailable({ service: target })
        return body.obligations
      }),
    )
    return answered.flat()
  }
}
