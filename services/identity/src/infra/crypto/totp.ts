import { generateSecret, generateURI, verify } from 'otplib'
import { TOTP_STEP_SECONDS, TOTP_WINDOW_STEPS } from '#src/domain/two-factor.ts'

const SECRET_LENGTH = 20

/** A new secret of 160 random bits, in the base 32 that authenticator apps take. */
export function createTotpSecret(): string {
  return generateSecret({ length: SECRET_LENGTH })
}

/** What an authenticator app reads from a QR code. */
export function totpUri(secret: string, issuer: string, label: string): string {
  return generateURI({ issuer, label, secret, period: TOTP_STEP_SECONDS })
}

/** The time step to which a six-digit code belongs, or undefined when it is of no step nearby. */
export async function findTotpStep(
  secret: string,
  code: string,
  nowSeconds: number,
): Promise<number | undefined> {
  const result = await verify({
    strategy: 'totp',
    secret,
    token: code,
    epoch: nowSeconds,
    period: TOTP_STEP_SECONDS,
    epochTolerance: TOTP_STEP_SECONDS * TOTP_WINDOW_STEPS,
  })
  return result.valid && 'timeStep' in result ? result.timeStep : undefined
}
