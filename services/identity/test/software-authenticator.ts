import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomUUID,
  sign,
} from 'node:crypto'
import { PUBLIC_URL } from './helper.ts'

const FLAGS = { userPresent: 0x01, userVerified: 0x04, attested: 0x40 }

export interface Behaviour {
  origin?: string
  rpId?: string
  type?: string
  isUserVerified?: boolean
  crossOrigin?: boolean
  /** Format and statement of the attestation, encoded already. */
  attestation?: { fmt: string; statement: Buffer }
  counter?: number
  signWith?: KeyObject
}

interface CreationOptions {
  challenge: string
  user: { id: string }
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest()

/** The few kinds of CBOR that authenticators speak. */
export const cbor = {
  head: (major: number, length: number) =>
    length < 24
      ? Buffer.from([(major << 5) | length])
      : length < 256
        ? Buffer.from([(major << 5) | 24, length])
        : Buffer.from([(major << 5) | 25, length >> 8, length & 255]),
  int: (value: number) => (value < 0 ? cbor.head(1, -1 - value) : cbor.head(0, value)),
  bytes: (value: Buffer) => Buffer.concat([cbor.head(2, value.length), value]),
  text: (value: string) => Buffer.concat([cbor.head(3, value.length), Buffer.from(value)]),
  list: (...items: Buffer[]) => Buffer.concat([cbor.head(4, items.length), ...items]),
  map: (...entries: [Buffer, Buffer][]) =>
    Buffer.concat([cbor.head(5, entries.length), ...entries.flat()]),
}

/** An authenticator in software, together with the browser around it: ES256, no attestation. */
export function createAuthenticator({ counts = true } = {}) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const credentialId = randomBytes(32)
  const id = credentialId.toString('base64url')
  let counter = 0
  let userHandle = Buffer.from(randomUUID()).toString('base64url')

  const clientData = (type: string, challenge: string, behaviour: Behaviour) =>
    Buffer.from(
      JSON.stringify({
        type: behaviour.type ?? type,
        challenge,
        origin: behaviour.origin ?? PUBLIC_URL,
        crossOrigin: behaviour.crossOrigin ?? false,
      }),
    )

  const authenticatorData = (behaviour: Behaviour, attested = Buffer.alloc(0)) => {
    const { isUserVerified = true } = behaviour
    if (counts) counter += 1
    const count = Buffer.alloc(4)
    count.writeUInt32BE(behaviour.counter ?? counter)
    const flags =
      FLAGS.userPresent |
      (isUserVerified ? FLAGS.userVerified : 0) |
      (attested.length > 0 ? FLAGS.attested : 0)
    const rpIdHash = sha256(behaviour.rpId ?? new URL(PUBLIC_URL).hostname)
    return Buffer.concat([rpIdHash, Buffer.from([flags]), count, attested])
  }

  const credential = <R>(response: R) => ({
    id,
    rawId: id,
    type: 'public-key',
    clientExtensionResults: {},
    response,
  })

  return {
    id,
    /** `navigator.credentials.create`. */
    create({ challenge, user }: CreationOptions, behaviour: Behaviour = {}) {
      userHandle = user.id
      const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
      const key = cbor.map(
        [cbor.int(1), cbor.int(2)],
        [cbor.int(3), cbor.int(-7)],
        [cbor.int(-1), cbor.int(1)],
        [cbor.int(-2), cbor.bytes(Buffer.from(x, 'base64url'))],
        [cbor.int(-3), cbor.bytes(Buffer.from(y, 'base64url'))],
      )
      const idLength = Buffer.from([0, credentialId.length])
      const attested = Buffer.concat([Buffer.alloc(16), idLength, credentialId, key])
      const { fmt = 'none', statement = cbor.map() } = behaviour.attestation ?? {}
      const attestationObject = cbor.map(
        [cbor.text('fmt'), cbor.text(fmt)],
        [cbor.text('attStmt'), statement],
        [cbor.text('authData'), cbor.bytes(authenticatorData(behaviour, attested))],
      )
      return credential({
        clientDataJSON: clientData('webauthn.create', challenge, behaviour).toString('base64url'),
        attestationObject: attestationObject.toString('base64url'),
        transports: ['internal'],
      })
    },
    /** `navigator.credentials.get`. */
    get({ challenge }: { challenge: string }, behaviour: Behaviour = {}) {
      const client = clientData('webauthn.get', challenge, behaviour)
      const data = authenticatorData(behaviour)
      const signature = sign(
        'sha256',
        Buffer.concat([data, sha256(client)]),
        behaviour.signWith ?? privateKey,
      )
      return credential({
        clientDataJSON: client.toString('base64url'),
        authenticatorData: data.toString('base64url'),
        signature: signature.toString('base64url'),
        userHandle,
      })
    },
  }
}
