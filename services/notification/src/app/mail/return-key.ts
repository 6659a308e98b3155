import { deriveKey } from '#src/infra/crypto/derived-key.ts'

/** Signs what mails carry to come back with; worker, API and commands have the same. */
export const returnKey = ({ INTERNAL_JWT_SECRET }: { INTERNAL_JWT_SECRET: string }): Buffer =>
  deriveKey(INTERNAL_JWT_SECRET, 'reports of mails')
