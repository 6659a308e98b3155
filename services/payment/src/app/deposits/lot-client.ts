import { internalPaths, LotDeposit } from '@auction/common/contracts/terms.ts'
import { type ErrorBody, serviceUnavailable } from '@auction/common/http/errors.ts'
import type { InternalClient } from '@auction/common/http/internal-client.ts'
import { Value } from 'typebox/value'

export interface LotClient {
  /** What a lot wants held, and where it is; undefined: there is none. Throws service.unavailable for everything else. */
  read(itemId: string): Promise<LotDeposit | undefined>
}

export function createLotClient(client: InternalClient): LotClient {
  return {
    async read(itemId) {
      const { statusCode, body } = await client.request<unknown>(
        'GET',
        internalPaths.lotDeposit(itemId),
      )
      // A page of a proxy may come with either of the two as well.
      if (statusCode === 200 && Value.Check(LotDeposit, body)) return body
      const { code } = (body ?? {}) as Partial<ErrorBody>
      if (statusCode === 404 && code === 'lot.not_found') return undefined
      throw serviceUnavailable({ service: 'bid' })
    },
  }
}
