import {
  CONTACTS_PATH,
  CONTACTS_USERS_MAX,
  type Contact,
  type Contacts,
} from '@auction/common/contracts/contacts.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import type { InternalClient } from '@auction/common/http/internal-client.ts'

/** Asks identity where mails to users go, when they are sent. Users who get none are left out. */
export type ContactSource = (userIds: readonly string[]) => Promise<Map<string, Contact>>

export function createContactSource(identity: InternalClient): ContactSource {
  return async (userIds) => {
    const found = new Map<string, Contact>()
    for (let at = 0; at < userIds.length; at += CONTACTS_USERS_MAX) {
      const { statusCode, body } = await identity.request<Contacts>('POST', CONTACTS_PATH, {
        userIds: userIds.slice(at, at + CONTACTS_USERS_MAX),
      })
      if (statusCode !== 200) throw serviceUnavailable({ service: 'identity' })
      for (const contact of body.contacts) found.set(contact.userId, contact)
    }
    return found
  }
}
