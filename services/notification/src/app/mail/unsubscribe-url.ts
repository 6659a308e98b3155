import { deriveKey } from '#src/infra/crypto/derived-key.ts'

export const UNSUBSCRIBE_PATH = '/api/v1/notifications/unsubscribe'

/** The page that ends mails, and the address that ends them with one click. */
export function unsubscribeUrl(publicUrl: string, token: string): string {
  const url = new URL(UNSUBSCRIBE_PATH, publicUrl)
  url.searchParams.set('token', token)
  return url.href
}

/** Signs the links that end mails; worker and API have the same. */
export const unsubscribeKey = ({ INTERNAL_JWT_SECRET }: { INTERNAL_JWT_SECRET: string }): Buffer =>
  deriveKey(INTERNAL_JWT_SECRET, 'links that end mails')
