import { decodeAttestationObject } from '@simplewebauthn/server/helpers'

/**
 * True when an answer names certificates for its authenticator, or cannot be read. None is asked
 * for, and following a stranger's certificates means fetching the addresses written in them.
 */
export function hasCertificates(attestationObject: string): boolean {
  try {
    const decoded = decodeAttestationObject(
      Uint8Array.from(Buffer.from(attestationObject, 'base64url')),
    )
    const format = decoded.get('fmt')
    return (
      format !== 'none' && (format !== 'packed' || decoded.get('attStmt').get('x5c') !== undefined)
    )
  } catch {
    return true
  }
}
