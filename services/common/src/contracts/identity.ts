import { Type } from 'typebox'
import { defineEvent, field } from './event.ts'

export const userRegistered = defineEvent({
  event: 'identity.user.registered',
  version: 'v1',
  payload: Type.Object({ userId: field.id, name: field.text, email: field.text }),
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
