import {
  type OBLIGATION_SERVICES,
  type Obligation,
  Obligations,
  obligationsPath,
} from '@auction/common/contracts/obligations.ts'
import { defineError } from '@auction/common/http/errors.ts'
import { createJwksCache } from '@auction/common/http/jwks.ts'
import { buildServer } from '@auction/common/http/server.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import { Registry } from 'prom-client'
import { Type } from 'typebox'
import { createObligationCheck } from '#src/app/leaving/obligations.ts'
import { INTERNAL_SECRET } from './helper.ts'

/**
 * What the services answer over the wire, by their contract and with service tokens; a platform
 * with the real ones is in tests/test/leaving.test.ts.
 */
export async function startOwners(t: Teardown) {
  const owed = new Map<string, Obligation[]>()
  const down = new Set<string>()
  const unreadable = new Set<string>()
  const start = async (service: (typeof OBLIGATION_SERVICES)[number]) => {
    const log = createLogger(service, 'silent')
    const app = await buildServer({
      service,
      log,
      registry: new Registry(),
      auth: {
        issuer: 'no-issuer',
        jwks: createJwksCache('http://127.0.0.1:9/', log),
        internalSecret: INTERNAL_SECRET,
        unauthenticated: defineError('owner.unauthenticated', 'Log in to do this.', 401),
      },
    })
    const schema = { response: { 200: Obligations }, params: Type.Object({ id: Type.String() }) }
    app.get(obligationsPath(':id'), { config: { auth: 'service' }, schema }, ({ params }) => {
      if (down.has(service)) throw new Error('down')
      if (unreadable.has(params.id)) throw new Error('broken')
      return { obligations: owed.get(service) ?? [] }
    })
    t.teardown(() => app.close())
    return app.listen({ port: 0, host: '127.0.0.1' })
  }
  const [AUCTION_URL, BID_URL, ORDER_URL, PAYMENT_URL] = await Promise.all([
    start('auction'),
    start('bid'),
    start('order'),
    start('payment'),
  ])
  return {
    owed,
    down,
    /** Users of whom no service can answer. */
    unreadable,
    check: createObligationCheck(
      { AUCTION_URL, BID_URL, ORDER_URL, PAYMENT_URL, INTERNAL_JWT_SECRET: INTERNAL_SECRET },
      { timeoutMs: 60_000 },
    ),
  }
}
