import { type Static, Type } from 'typebox'
import { STRICT, Uuid } from '../http/schemas.ts'

/** POST to identity, for service tokens only: who logs in from the addresses of these people. */
export const SHARED_ADDRESSES_PATH = '/internal/v1/shared-addresses'
export const SHARED_ADDRESSES_USERS_MAX = 200

export const SharedAddressesRequest = Type.Object(
  { userIds: Type.Array(Uuid, { minItems: 1, maxItems: SHARED_ADDRESSES_USERS_MAX }) },
  STRICT,
)

/**
 * Pairs of accounts that were logged in to from one network address. The address itself is not sent; what very
 * many share says nothing and is left out.
 */
export const SharedAddresses = Type.Object({
  pairs: Type.Array(Type.Object({ userId: Uuid, otherId: Uuid })),
})
export type SharedAddresses = Static<typeof SharedAddresses>
export type SharedAddress = SharedAddresses['pairs'][number]
