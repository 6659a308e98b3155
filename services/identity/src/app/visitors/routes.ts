import {
  SHARED_ADDRESSES_PATH,
  SharedAddresses,
  SharedAddressesRequest,
} from '@auction/common/contracts/shared-addresses.ts'
import { answers } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'
import { readSharedAddresses } from '#src/infra/postgres/visitors/known-origins.ts'

const ACCOUNTS_MAX = 20
// Two hundred ids of 36 characters, with quotes and commas.
const BODY_LIMIT_BYTES = 16 * 1024

/** Answers other services which users log in from the same addresses, never the addresses. */
export async function sharedAddressRoutes(
  app: App,
  { db }: { db: Kysely<Database> },
): Promise<void> {
  app.post(
    SHARED_ADDRESSES_PATH,
    {
      config: { auth: 'service' },
      bodyLimit: BODY_LIMIT_BYTES,
      schema: { body: SharedAddressesRequest, response: answers({ 200: SharedAddresses }) },
    },
    async (request) => ({
      pairs: await readSharedAddresses(db, request.body.userIds, ACCOUNTS_MAX),
    }),
  )
}
