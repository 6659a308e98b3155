import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { PASSKEY_CHALLENGE_SECONDS } from '#src/domain/passkeys.ts'
import { hasCertificates } from './attestation.ts'

/** EdDSA, ES256 and RS256, as COSE numbers them. */
const ALGORITHMS = [-8, -7, -257]
const TIMEOUT_MS = PASSKEY_CHALLENGE_SECONDS * 1000

export interface KnownPasskey {
  id: string
  transports: string[]
}

export interface NewPasskey extends KnownPasskey {
  publicKey: Buffer
  counter: number
  isBackedUp: boolean
}

export interface RelyingParty {
  registrationOptions(
    user: { id: string; email: string; name: string },
    known: readonly KnownPasskey[],
    challenge: string,
  ): Promise<PublicKeyCredentialCreationOptionsJSON>
  /** Without known passkeys any that the authenticator has for this site will do. */
  assertionOptions(
    known: readonly KnownPasskey[],
    challenge: string,
  ): Promise<PublicKeyCredentialRequestOptionsJSON>
  verifyRegistration(
    response: RegistrationResponseJSON,
    challenge: string,
  ): Promise<NewPasskey | undefined>
  verifyAssertion(
    response: AuthenticationResponseJSON,
    challenge: string,
    publicKey: Buffer,
  ): Promise<{ counter: number; isBackedUp: boolean } | undefined>
}

/**
 * This site, as authenticators know it. Name and origin come from the public address that is
 * configured, never from a request: a forged Host must not choose what signatures are good for.
 * User verification is required throughout, so a passkey is two factors in one.
 */
export function createRelyingParty(publicUrl: string, name: string): RelyingParty {
  const { hostname: rpID, origin: expectedOrigin } = new URL(publicUrl)
  const expected = { expectedOrigin, expectedRPID: rpID, requireUserVerification: true }
  return {
    registrationOptions: (user, known, challenge) =>
      generateRegistrationOptions({
        rpID,
        rpName: name,
        timeout: TIMEOUT_MS,
        challenge: bytesOf(challenge),
        userID: Uint8Array.from(Buffer.from(user.id)),
        userName: user.email,
        userDisplayName: user.name,
        attestationType: 'none',
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        excludeCredentials: [...known],
        supportedAlgorithmIDs: ALGORITHMS,
      }),
    assertionOptions: (known, challenge) =>
      generateAuthenticationOptions({
        rpID,
        timeout: TIMEOUT_MS,
        challenge: bytesOf(challenge),
        userVerification: 'required',
        allowCredentials: [...known],
      }),
    async verifyRegistration(response, expectedChallenge) {
      if (hasCertificates(response.response.attestationObject)) return undefined
      const result = await verifyRegistrationResponse({
        ...expected,
        response,
        expectedChallenge,
        supportedAlgorithmIDs: ALGORITHMS,
      }).catch(asRefusal)
      if (result?.verified !== true) return undefined
      const { credential, credentialBackedUp: isBackedUp } = result.registrationInfo
      const { id, counter, transports = [] } = credential
      return { id, counter, transports, isBackedUp, publicKey: Buffer.from(credential.publicKey) }
    },
    async verifyAssertion(response, expectedChallenge, publicKey) {
      // The counter is judged by us, after the signature and under a lock.
      const credential = { id: response.id, publicKey: Uint8Array.from(publicKey), counter: 0 }
      const result = await verifyAuthenticationResponse({
        ...expected,
        response,
        expectedChallenge,
        credential,
      }).catch(asRefusal)
      if (result?.verified !== true) return undefined
      const { newCounter, credentialBackedUp } = result.authenticationInfo
      return { counter: newCounter, isBackedUp: credentialBackedUp }
    },
  }
}

/** The library throws for everything that it does not like, and it does no I/O. */
const asRefusal = () => undefined

const bytesOf = (challenge: string) => Uint8Array.from(Buffer.from(challenge, 'base64url'))
