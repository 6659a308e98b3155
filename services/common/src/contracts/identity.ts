import { Type } from 'typebox'
import { eventsOf, field } from './event.ts'

const defineEvent = eventsOf('identity')

/** Languages that users are addressed in. A newer publisher may name others. */
export const LOCALES = ['en', 'de', 'tr'] as const
export type Locale = (typeof LOCALES)[number]

export const userRegistered = defineEvent({
  event: 'identity.user.registered',
  version: 'v1',
  payload: Type.Object({
    userId: field.id,
    name: field.text,
    email: field.text,
    /** What the user asked for, or whose browser did. */
    locale: Type.Optional(field.text),
  }),
  legacyNames: { userId: 'UserID', name: 'Name', email: 'Email' },
})

// The sequence of these is the user's version: a reader keeps the greatest and ignores what is older.

export const userUpdated = defineEvent({
  event: 'identity.user.updated',
  version: 'v1',
  payload: Type.Object({
    userId: field.id,
    changedFields: Type.Array(field.text),
    name: Type.Optional(field.text),
    email: Type.Optional(field.text),
    roles: Type.Optional(Type.Array(field.text)),
  }),
})

export const userVerified = defineEvent({
  event: 'identity.user.verified',
  version: 'v1',
  payload: Type.Object({ userId: field.id, email: field.text }),
})

export const userSuspended = defineEvent({
  event: 'identity.user.suspended',
  version: 'v1',
  payload: Type.Object({
    userId: field.id,
    reason: field.text,
    until: Type.Optional(field.instant),
  }),
})

export const userReinstated = defineEvent({
  event: 'identity.user.reinstated',
  version: 'v1',
  payload: Type.Object({ userId: field.id, reason: field.text }),
})

export const userDeleted = defineEvent({
  event: 'identity.user.deleted',
  version: 'v1',
  payload: Type.Object({ userId: field.id }),
})

/** What mails there are; each is a text of the notification service's. */
export const MAIL_TEMPLATES = [
  'reset_password',
  'password_changed',
  'verify_email',
  'already_registered',
  'confirm_email',
  'email_change_asked',
  'email_changed',
  'account_deletion_asked',
  'account_deletion_soon',
  'account_deletion_refused',
  'account_deletion_withdrawn',
  'account_deleted',
  'two_factor_enabled',
  'two_factor_disabled',
  'recovery_codes_replaced',
  'recovery_code_used',
  'passkey_added',
  'passkey_removed',
] as const

/**
 * A mail to be sent. The secret of its link is sealed for the mailer alone (AES-256-GCM under
 * MAIL_SEAL_KEY, bound to the mailId), so that neither database nor broker ever holds it.
 */
export const mailRequested = defineEvent({
  event: 'identity.mail.requested',
  version: 'v1',
  payload: Type.Object({
    mailId: field.id,
    userId: Type.Optional(field.id),
    to: field.text,
    name: field.text,
    template: field.text,
    /** For a reader of whom nothing else is known. */
    locale: Type.Optional(field.text),
    /** Where the sealed secret belongs: link + '#token=' + secret. */
    link: Type.Optional(field.text),
    sealedSecret: Type.Optional(field.text),
    expiresAt: Type.Optional(field.instant),
  }),
})
