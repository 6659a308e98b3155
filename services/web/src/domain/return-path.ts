const LENGTH_MAX = 2_000
/** Parameters that say what was done; each is written by a form of ours when it is done. */
export const DONE_WORDS = ['said', 'imported'] as const

const BASE = 'http://here.invalid'

/**
 * Where a visitor was before they logged in. Only a path of this site counts: a link of a stranger
 * could name any other, and the visitor would arrive there from our login.
 */
export function returnPath(text: unknown, otherwise = '/account'): string {
  if (typeof text !== 'string' || text.length > LENGTH_MAX || !/^\/[!-~]*$/.test(text)) {
    return otherwise
  }
  // Browsers read a backslash as a slash, and two of them begin the name of a host.
  if (/[\\]|^\/\//.test(text) || !URL.canParse(text, BASE)) return otherwise
  const url = new URL(text, BASE)
  // After a login or a proof nothing else was done.
  const { searchParams } = url
  for (const name of DONE_WORDS) if (searchParams.has(name)) searchParams.delete(name)
  const { origin, pathname, search, hash } = url
  if (origin !== BASE || pathname.startsWith('//')) return otherwise
  return /^(\/(en|de|tr))?\/log(in|out)(\/|$)/.test(pathname) ? otherwise : pathname + search + hash
}
