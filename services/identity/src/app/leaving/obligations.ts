import {
  OBLIGATION_SERVICES,
  type Obligation,
  type Obligations,
  obligationsPath,
} from '@auction/common/contracts/obligations.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import {
  createInternalClient,
  type InternalClientOptions,
} from '@auction/common/http/internal-client.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'

/** Asks those who know what a user still owes; service.unavailable when one does not answer. */
export type ObligationCheck = (userId: string, trace: Trace) => Promise<Obligation[]>

type Urls = {
  [service in (typeof OBLIGATION_SERVICES)[number] as `${Uppercase<service>}_URL`]: string
}

export interface ObligationSettings extends Urls {
  INTERNAL_JWT_SECRET: string
}

const urlOf = <Service extends string>(service: Service) =>
  `${service.toUpperCase() as Uppercase<Service>}_URL` as const

/** `timeoutMs`: how long each service may take to answer, instead of two seconds. */
export function createObligationCheck(
  settings: ObligationSettings,
  options: Pick<InternalClientOptions, 'timeoutMs'> = {},
): ObligationCheck {
  const secret = settings.INTERNAL_JWT_SECRET
  const clients = OBLIGATION_SERVICES.map((target) => {
    const baseUrl = settings[urlOf(target)]
    return {
      target,
      client: createInternalClient({ service: 'identity', target, baseUrl, secret, ...options }),
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
