import { trimText } from '@auction/common/text.ts'

export interface EmailAddress {
  /** As the person typed it, without what was pasted around it. This is shown. */
  readonly shown: string
  /** The form under which it is unique, in ASCII. It is compared and never written to. */
  readonly normalised: string
}

const EMAIL_LENGTH_MAX = 254
const LOCAL_BYTES_MAX = 64
const LOCAL =
  /^[a-z0-9!#$%&'*+/=?^_`{|}~\u{80}-\u{10ffff}-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~\u{80}-\u{10ffff}-]+)*$/u
const DOMAIN = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$/
const ASCII = /^[\x21-\x7e]+$/
const WRITTEN = /^[\x21-\x7e\p{L}\p{M}\p{N}]+$/u
const UNSEEN = /\p{Default_Ignorable_Code_Point}/u
// Marks of direction come along when an address is copied out of a page or a mail.
const MARKS = '[\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]+'
const MARKS_AROUND = new RegExp(`^${MARKS}|${MARKS}$`, 'g')

/**
 * Reads an address, or answers undefined when it is none. Letters of every script pass, but none that folding or
 * mapping turns into ASCII (the Kelvin sign into k): a stranger could claim the account of another user by it.
 */
export function readEmail(text: string): EmailAddress | undefined {
  const shown = trimText(trimText(text).replace(MARKS_AROUND, '')).normalize('NFC')
  if (Buffer.byteLength(shown) > EMAIL_LENGTH_MAX || !isOfOwnLetters(text)) return undefined
  // Letters that are not seen make an address that looks like the one of another user.
  if (!WRITTEN.test(shown) || UNSEEN.test(shown)) return undefined
  const at = shown.lastIndexOf('@')
  const local = normaliseLocal(shown.slice(0, Math.max(at, 0)))
  const domain = toAsciiDomain(shown.slice(at + 1))
  if (local === undefined || domain === undefined) return undefined
  const normalised = `${local}@${domain}`
  return normalised.length > EMAIL_LENGTH_MAX ? undefined : { shown, normalised }
}

/** The form under which an address is unique, or undefined when it is none. */
export function normaliseEmail(text: string): string | undefined {
  return readEmail(text)?.normalised
}

/**
 * Where mail to an address goes: its domain in ASCII, as it is looked up. A server that maps the domain in another
 * way than `normalised` does would deliver to another mailbox.
 */
export function mailboxOf(shown: string): string {
  const at = shown.lastIndexOf('@')
  const domain = toAsciiDomain(shown.slice(at + 1))
  return domain === undefined || ASCII.test(shown) ? shown : `${shown.slice(0, at)}@${domain}`
}

/** An address for a header, which takes ASCII alone. */
export function headerEmail(shown: string): string {
  return ASCII.test(shown) ? shown : (normaliseEmail(shown) ?? '')
}

/** The beginning of normalised addresses, for a search by what an operator typed of one; nothing typed is that of all. */
export function emailPrefix(text: string): string {
  const whole = readEmail(text)
  if (whole !== undefined) return whole.normalised
  const typed = trimText(text).toWellFormed().normalize('NFC')
  if (typed === '') return ''
  if (ASCII.test(fold(typed))) return fold(typed)
  const at = typed.lastIndexOf('@')
  if (at === -1) return encodeLocal(fold(typed)).slice(0, -1)
  // The ASCII form of half a domain begins otherwise than that of the whole one, so it is left out.
  return `${normaliseLocal(typed.slice(0, at)) ?? ''}@`
}

/** A sigma is small in two ways, by its place, and a letter with a mark may be one letter only when it is small. */
const fold = (text: string) => text.toLowerCase().replaceAll('ς', 'σ').normalize('NFC')

function normaliseLocal(text: string): string | undefined {
  const local = fold(text)
  if (Buffer.byteLength(local) > LOCAL_BYTES_MAX || !LOCAL.test(local)) return undefined
  return ASCII.test(local) ? local : encodeLocal(local)
}

/** In quotation marks, which no other local part here has, so it is the form of no ASCII address. */
function encodeLocal(local: string): string {
  return `"${local.replace(/[%\u{80}-\u{10ffff}]+/gu, encodeURIComponent).toLowerCase()}"`
}

/** The domain as DNS knows it (UTS 46), or undefined when it is none. */
function toAsciiDomain(text: string): string | undefined {
  const domain = text.toLowerCase()
  if (ASCII.test(domain)) return DOMAIN.test(domain) ? domain : undefined
  // What else has a meaning in a URL is no letter of a domain.
  if (!/^[a-z0-9.\u{80}-\u{10ffff}-]+$/u.test(domain) || !URL.canParse(`http://${domain}`))
    return undefined
  const { hostname } = new URL(`http://${domain}`)
  return DOMAIN.test(hostname) ? hostname : undefined
}

/** No letter beyond ASCII is or becomes one of ASCII, composed, in lower case or in its plain form. */
function isOfOwnLetters(text: string): boolean {
  return [...text].every(
    (letter) =>
      letter < '\u{80}' ||
      !/[\x21-\x7e]/.test(letter.normalize('NFKC') + letter.normalize('NFKC').toLowerCase()),
  )
}
