import { type Static, Type } from 'typebox'
import { STRICT, Uuid } from '../http/schemas.ts'

/** POST to identity, for service tokens only: where mails to these users go. */
export const CONTACTS_PATH = '/internal/v1/contacts'
export const CONTACTS_USERS_MAX = 500

export const ContactsRequest = Type.Object(
  { userIds: Type.Array(Uuid, { minItems: 1, maxItems: CONTACTS_USERS_MAX }) },
  STRICT,
)

/**
 * Users who are not there get no mail: the account is deleted, or no one has shown yet whose the address is.
 */
export const Contacts = Type.Object({
  contacts: Type.Array(
    Type.Object({
      userId: Uuid,
      name: Type.String(),
      /** As mail servers take it: a domain of other letters is in its ASCII form. */
      email: Type.String(),
      /** Suspended: also closed by its owner, and not deleted yet. */
      standing: Type.Union([Type.Literal('active'), Type.Literal('suspended')]),
    }),
  ),
})
export type Contacts = Static<typeof Contacts>
export type Contact = Contacts['contacts'][number]
