import { paymentErrors } from '#src/errors.ts'

/** The config of routes that only administrators may call. */
export const ADMINISTRATORS = {
  auth: 'bearer',
  access: 'role',
  roles: ['admin'],
  forbidden: paymentErrors.forbidden,
} as const
