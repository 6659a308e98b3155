import { CONTACTS_PATH, Contacts, ContactsRequest } from '@auction/common/contracts/contacts.ts'
import { answers } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import type { EmailVerification } from '#src/app/accounts/require-verified-email.ts'
import { mailboxOf } from '#src/domain/email.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { readContacts } from '#src/infra/postgres/users/contacts.ts'

// Five hundred ids of 36 characters, with quotes and commas.
const BODY_LIMIT_BYTES = 32 * 1024

export interface ContactDependencies {
  db: Kysely<Database>
  emailVerification: EmailVerification
}

/** Answers the service that sends mails where those to users go. */
export async function contactRoutes(
  app: App,
  { db, emailVerification }: ContactDependencies,
): Promise<void> {
  app.post(
    CONTACTS_PATH,
    {
      config: { auth: 'service' },
      bodyLimit: BODY_LIMIT_BYTES,
      schema: { body: ContactsRequest, response: answers({ 200: Contacts }) },
    },
    async ({ body }) => {
      const contacts = await readContacts(db, body.userIds)
      return {
        contacts: contacts
          // Where accounts are open without it, no user would get a mail otherwise.
          .filter(({ isVerified }) => isVerified || emailVerification === 'optional')
          .map(({ userId, name, email, standing }) => ({
            userId,
            name,
            email: mailboxOf(email),
            standing,
          })),
      }
    },
  )
}
