import {
  SHARED_ADDRESSES_PATH,
  type SharedAddress,
  SharedAddresses,
  SharedAddressesRequest,
} from '@auction/common/contracts/shared-addresses.ts'
import { defineError } from '@auction/common/http/errors.ts'
import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { createJwksCache } from '@auction/common/http/jwks.ts'
import { buildServer } from '@auction/common/http/server.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import { createAddressCheck } from '#src/app/bidder-review/review-bidders.ts'
import { INTERNAL_SECRET, ISSUER, log } from './neighbours.ts'

const unauthenticated = defineError('identity.unauthenticated', 'Log in.', 401)
const down = defineError('service.unavailable', 'Down.', 503)

/** identity as the worker knows it: who logs in from the address of others, over real HTTP. */
export async function startAddresses(t: Teardown) {
  const addresses = { url: '', shared: [] as SharedAddress[], isDown: false }
  const app = await buildServer({
    service: 'identity',
    log,
    registry: createRegistry('identity'),
    auth: {
      issuer: ISSUER,
      internalSecret: INTERNAL_SECRET,
      unauthenticated,
      jwks: createJwksCache('http://127.0.0.1:1/', log),
    },
  })
  app.post(
    SHARED_ADDRESSES_PATH,
    {
      config: { auth: 'service' },
      schema: { body: SharedAddressesRequest, response: { 200: SharedAddresses } },
    },
    async ({ body: { userIds } }) => {
      if (addresses.isDown) throw down()
      return { pairs: addresses.shared.filter(({ userId }) => userIds.includes(userId)) }
    },
  )
  addresses.url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const client = createInternalClient({
    service: 'auction',
    target: 'identity',
    baseUrl: addresses.url,
    secret: INTERNAL_SECRET,
    timeoutMs: 60_000,
  })
  return { addresses, sharedAddressesOf: createAddressCheck(client) }
}
