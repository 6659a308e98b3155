export type Weakness = 'common' | 'like_email' | 'like_name'

const PART_LENGTH_MIN = 4

export interface Owner {
  email: string
  name: string
}

/**
 * Why a password would be among the first guesses: it is one that very many people use, or it is
 * little more than the owner's address or name. `isCommon` looks it up in lower case.
 */
export function judgeWeakness(
  password: string,
  { email, name }: Owner,
  isCommon: (password: string) => boolean,
): Weakness | 'fine' {
  const folded = fold(password)
  // Digits and signs at the ends are what people add to a common word when they are asked to.
  const core = folded.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '')
  if (
    isCommon(folded) ||
    (core.length >= PART_LENGTH_MIN && isCommon(core) && folded.length - core.length <= 3)
  ) {
    return 'common'
  }
  if (isMostly(folded, [email, ...email.split(/[@.+_-]/)])) return 'like_email'
  return isMostly(folded, [name, ...name.split(/\s+/)]) ? 'like_name' : 'fine'
}

/** True when one of the parts makes up more than half of the password. */
function isMostly(folded: string, parts: readonly string[]): boolean {
  return parts
    .map(fold)
    .some(
      (part) =>
        part.length >= PART_LENGTH_MIN && folded.includes(part) && part.length * 2 > folded.length,
    )
}

const fold = (text: string) => text.normalize('NFKC').toLowerCase()
