import { paymentErrors } from '#src/errors.ts'

/** An address of this site; others would make of us a way to send people anywhere. */
export function ownUrl(publicUrl: string, given: string): string {
  try {
    const url = new URL(given, publicUrl)
    // The origin of a blob: is that of the address inside of it.
    const isPage = url.protocol === 'https:' || url.protocol === 'http:'
    if (isPage && url.origin === new URL(publicUrl).origin) return url.toString()
  } catch {
    // Refused below.
  }
  throw paymentErrors.returnUrl()
}
