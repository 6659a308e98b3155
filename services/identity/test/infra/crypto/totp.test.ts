import { generate } from 'otplib'
import t from 'tap'
import { createRecoveryCode, formatRecoveryCode } from '#src/infra/crypto/recovery-code.ts'
import { createTotpSecret, findTotpStep, totpUri } from '#src/infra/crypto/totp.ts'

const STEP = 57_000_000
const at = (step: number, second = 0) => step * 30 + second

t.test('seed bug 34: a code of the step before and after counts, no other does', async (t) => {
  const secret = createTotpSecret()
  const code = await generate({ secret, epoch: at(STEP) })
  for (const [offset, isFine] of [
    [-2, false],
    [-1, true],
    [0, true],
    [1, true],
    [2, false],
  ] as const) {
    for (const second of [0, 15, 29]) {
      const step = await findTotpStep(secret, code, at(STEP + offset, second))
      t.equal(step, isFine ? STEP : undefined, `${offset} steps and ${second} seconds later`)
    }
  }
  t.equal(await findTotpStep(createTotpSecret(), code, at(STEP)), undefined, 'another secret')
})

t.test('the codes are those of RFC 6238', async (t) => {
  // Appendix B, SHA-1, its last six digits; the secret is the ASCII text 12345678901234567890.
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
  t.equal(await findTotpStep(secret, '287082', 59), 1)
  t.equal(await findTotpStep(secret, '081804', 1_111_111_109), 37_037_036)
  t.equal(await findTotpStep(secret, '353130', 20_000_000_000), 666_666_666)
})

t.test('seed bug 34: a secret has 160 bits, and the address goes into the URI', async (t) => {
  const secret = createTotpSecret()
  t.match(secret, /^[A-Z2-7]{32}$/)
  t.not(secret, createTotpSecret())
  const uri = new URL(totpUri(secret, 'Auction', 'ann+x@example.org'))
  t.equal(`${uri.protocol}//${uri.host}`, 'otpauth://totp')
  t.equal(decodeURIComponent(uri.pathname), '/Auction:ann+x@example.org')
  t.equal(uri.searchParams.get('secret'), secret)
  t.equal(uri.searchParams.get('issuer'), 'Auction')
})

t.test('recovery codes have 120 bits that are all used', async (t) => {
  const codes = Array.from({ length: 2_000 }, createRecoveryCode)
  t.equal(new Set(codes).size, codes.length)
  t.equal(new Set(codes.join('')).size, 32, 'every letter occurs')
  t.ok(codes.every((code) => /^[0-9A-HJKMNP-TV-Z]{24}$/.test(code)))
  t.match(formatRecoveryCode(codes[0] ?? ''), /^(\w{4}-){5}\w{4}$/)
})
