import { itemPublished } from '@auction/common/contracts/auction.ts'
import { ApplyTermsRequest, internalPaths } from '@auction/common/contracts/terms.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import type { InternalClient } from '@auction/common/http/internal-client.ts'
import { idempotent, PermanentError } from '@auction/common/rabbitmq/consumer.ts'
import type { Pool } from 'pg'
import { Check } from 'typebox/value'
import { type ApplyTermsDependencies, applyLotTerms, readTerms } from '#src/app/apply-terms.ts'
import { readLot } from '#src/infra/postgres/lots.ts'

/** auction's refusal of terms that it does not have, and of no other address. */
const TERMS_NOT_FOUND = 'item.terms.not_found'

export interface ItemPublishedDependencies extends ApplyTermsDependencies {
  auction: InternalClient
  pool: Pool
}

/**
 * Makes the lot of a published item when auction's own call did not arrive. The reserve is in no
 * event, so the terms are fetched; applying them is idempotent by their version.
 */
export function onItemPublished(dependencies: ItemPublishedDependencies) {
  return idempotent({
    kind: 'idempotent',
    consumer: 'bid',
    contract: itemPublished,
    async handle({ payload, trace }) {
      const known = await readLot(dependencies.pool, payload.id)
      if (known !== undefined && known.lot.termsVersion >= payload.termsVersion) return
      const { statusCode, body, code } = await dependencies.auction.request<unknown>(
        'GET',
        internalPaths.itemTerms(payload.id),
        undefined,
        trace,
      )
      // Deleted or withdrawn in the meantime: there is nothing to put under the hammer.
      if (statusCode === 404 && code === TERMS_NOT_FOUND) return
      // Not auction's word: another service at its address, or the gateway.
      if (statusCode === 404) throw serviceUnavailable({ service: 'auction' })
      if (statusCode !== 200 || !Check(ApplyTermsRequest, body)) {
        throw new PermanentError(`auction answered ${statusCode} for the terms of ${payload.id}`)
      }
      await applyLotTerms(dependencies, readTerms(body), trace)
    },
  })
}
