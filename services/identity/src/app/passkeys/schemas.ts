import { STRICT } from '@auction/common/http/schemas.ts'
import { Type } from 'typebox'

// Long enough for RSA keys; the limit of the body is the real one.
const Base64Url = Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength: 4_096 })
const CredentialId = Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength: 1_400 })
const Transport = Type.String({ pattern: '^[a-z-]{1,32}$' })

const CREDENTIAL = {
  id: CredentialId,
  rawId: CredentialId,
  type: Type.Literal('public-key'),
  authenticatorAttachment: Type.Optional(
    Type.Union([Type.Literal('platform'), Type.Literal('cross-platform')]),
  ),
  /** What extensions answered; nothing is asked that matters here. */
  clientExtensionResults: Type.Object({}),
}

/** RegistrationResponseJSON of WebAuthn: what `credential.toJSON()` gives after `create`. */
export const CreatedCredential = Type.Object(
  {
    ...CREDENTIAL,
    response: Type.Object(
      {
        clientDataJSON: Base64Url,
        attestationObject: Base64Url,
        authenticatorData: Type.Optional(Base64Url),
        publicKey: Type.Optional(Base64Url),
        publicKeyAlgorithm: Type.Optional(Type.Integer()),
        transports: Type.Optional(Type.Array(Transport, { maxItems: 8 })),
      },
      STRICT,
    ),
  },
  { ...STRICT, title: 'CreatedCredential' },
)

/** AuthenticationResponseJSON of WebAuthn: what `credential.toJSON()` gives after `get`. */
export const SignedCredential = Type.Object(
  {
    ...CREDENTIAL,
    response: Type.Object(
      {
        clientDataJSON: Base64Url,
        authenticatorData: Base64Url,
        signature: Base64Url,
        userHandle: Type.Optional(Base64Url),
      },
      STRICT,
    ),
  },
  { ...STRICT, title: 'SignedCredential' },
)

/** Options for `PublicKeyCredential.parse…OptionsFromJSON`. */
export const PasskeyOptions = Type.Object(
  { challenge: Type.String({ description: 'Good for one answer within five minutes.' }) },
  {
    title: 'PasskeyOptions',
    additionalProperties: true,
    description: 'Options for navigator.credentials, as JSON.',
  },
)
