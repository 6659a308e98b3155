import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { addressDigest } from './address-digest.ts'

/** Of which mail, to which address, a report speaks. */
export interface ReturnTicket {
  readonly addressDigest: Buffer
  /** The same for all that is reported of one mail. */
  readonly mailTag: Buffer
  /** To the hour. */
  readonly sentAt: Date
}

const HOUR_MS = 3_600_000
const DIGEST_BYTES = 16
const TAG_BYTES = 5
const MAC_BYTES = 8
const HOURS_BYTES = 3
const BYTES = HOURS_BYTES + TAG_BYTES + DIGEST_BYTES + MAC_BYTES

// Servers on the way may change capitals of an address, so it has none.
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const TOKEN = /(?<![a-z2-7])[a-z2-7]{52}(?![a-z2-7])/gi
const TOKENS_MAX = 5

/**
 * A word that goes out with a mail and comes back with what is reported of it. It is signed: only who got a mail
 * can report it, and so no one can end the mails of a stranger.
 */
export function signReturn(
  key: Buffer,
  { mailId, to, sentAt }: { mailId: string; to: string; sentAt: Date },
): string {
  const hours = Buffer.alloc(HOURS_BYTES)
  hours.writeUIntBE(Math.floor(sentAt.getTime() / HOUR_MS), 0, HOURS_BYTES)
  const tag = createHash('sha256').update(mailId).digest().subarray(0, TAG_BYTES)
  const content = Buffer.concat([hours, tag, addressDigest(to)])
  return encode(Buffer.concat([content, macOf(key, content)]))
}

/** Finds it in an address or header as it came back, also rewritten. Undefined: there is none of ours. */
export function readReturn(key: Buffer, text: string): ReturnTicket | undefined {
  for (const token of (text.match(TOKEN) ?? []).slice(0, TOKENS_MAX)) {
    const bytes = decode(token)
    const content = bytes.subarray(0, BYTES - MAC_BYTES)
    if (!timingSafeEqual(bytes.subarray(BYTES - MAC_BYTES), macOf(key, content))) continue
    return {
      sentAt: new Date(content.readUIntBE(0, HOURS_BYTES) * HOUR_MS),
      mailTag: content.subarray(HOURS_BYTES, HOURS_BYTES + TAG_BYTES),
      addressDigest: content.subarray(HOURS_BYTES + TAG_BYTES),
    }
  }
  return undefined
}

const macOf = (key: Buffer, content: Buffer) =>
  createHmac('sha256', key).update(content).digest().subarray(0, MAC_BYTES)

function encode(bytes: Buffer): string {
  let text = ''
  let [value, bits] = [0, 0]
  for (const byte of bytes) {
    value = (value << 8) | byte
    bits += 8
    for (; bits >= 5; bits -= 5) text += ALPHABET[(value >> (bits - 5)) & 31]
    value &= (1 << bits) - 1
  }
  return bits === 0 ? text : text + ALPHABET[(value << (5 - bits)) & 31]
}

/** Of a text that has only letters of the alphabet, as long as a token. */
function decode(token: string): Buffer {
  const bytes: number[] = []
  let [value, bits] = [0, 0]
  for (const letter of token.toLowerCase()) {
    value = (value << 5) | ALPHABET.indexOf(letter)
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes.push(value >> bits)
    value &= (1 << bits) - 1
  }
  return Buffer.from(bytes)
}
