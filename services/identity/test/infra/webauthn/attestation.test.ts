import t from 'tap'
import { hasCertificates } from '#src/infra/webauthn/attestation.ts'
import { cbor } from '#test/software-authenticator.ts'

function attestation(fmt: string, statement: Buffer): string {
  return cbor
    .map(
      [cbor.text('fmt'), cbor.text(fmt)],
      [cbor.text('attStmt'), statement],
      [cbor.text('authData'), cbor.bytes(Buffer.alloc(37))],
    )
    .toString('base64url')
}

const certificates = cbor.map([
  cbor.text('x5c'),
  cbor.list(cbor.bytes(Buffer.from('a certificate whose lists are at http://169.254.169.254/'))),
])

t.test('no attestation and one by the key itself name no certificates', async (t) => {
  t.equal(hasCertificates(attestation('none', cbor.map())), false)
  t.equal(hasCertificates(attestation('packed', cbor.map())), false)
})

t.test('every other attestation might, and what cannot be read as well', async (t) => {
  t.equal(hasCertificates(attestation('packed', certificates)), true)
  for (const fmt of ['fido-u2f', 'tpm', 'apple', 'android-key', 'android-safetynet', 'new']) {
    t.equal(hasCertificates(attestation(fmt, cbor.map())), true, fmt)
  }
  for (const text of ['', 'AA', 'not cbor at all']) t.equal(hasCertificates(text), true)
})
