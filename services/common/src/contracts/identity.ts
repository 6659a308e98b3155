import { Type } from 'typebox'
import { defineEvent, field } from './event.ts'

export const userRegistered = defineEvent({
  event: 'identity.user.registered',
  version: 'v1',
  payload: Type.Object({ userId: field.id, name: field.text, email: field.text }),
  legacyNames: { userId: 'UserID', name: 'Name', email: 'Email' },
})
