import type { FastifyRequest } from 'fastify'
import { moderationErrors } from '#src/errors.ts'

/** The config of routes that only moderators and administrators may call. */
export const MODERATORS = {
  auth: 'bearer',
  access: 'role',
  roles: ['moderator', 'admin'],
  forbidden: moderationErrors.forbidden,
} as const

type Caller = NonNullable<FastifyRequest['caller']>

/** Whether the caller is a moderator or administrator. */
export function isModerator(caller: Caller | null): boolean {
  return caller?.roles.some((role) => role === 'moderator' || role === 'admin') === true
}
