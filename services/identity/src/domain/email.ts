const EMAIL_LENGTH_MAX = 254
const LOCAL_LENGTH_MAX = 64
const LOCAL = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const DOMAIN = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$/
const ASCII = /^[\x21-\x7e]+$/

/**
 * The form under which an address is unique, or undefined when it is none. Only ASCII passes: case
 * folding turns other letters into ASCII ones (the Kelvin sign into k), which would let a stranger
 * claim the account of another user; international domains are written in their xn-- form.
 */
export function normaliseEmail(text: string): string | undefined {
  if (text.length > EMAIL_LENGTH_MAX || !ASCII.test(text)) return undefined
  const normalised = text.toLowerCase()
  const at = normalised.lastIndexOf('@')
  const local = normalised.slice(0, Math.max(at, 0))
  if (local.length > LOCAL_LENGTH_MAX || !LOCAL.test(local)) return undefined
  return DOMAIN.test(normalised.slice(at + 1)) ? normalised : undefined
}
