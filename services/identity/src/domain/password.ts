const PASSWORD_LENGTH_MIN = 8
const PASSWORD_LENGTH_MAX = 128

export type PasswordVerdict = 'fine' | 'too-short' | 'too-long' | 'malformed'

/** Judges a new password by length alone; nothing is trimmed or cut, no composition is asked. */
export function judgePassword(password: string): PasswordVerdict {
  // A lone surrogate becomes U+FFFD in UTF-8, so different passwords would be the same.
  if (!password.isWellFormed()) return 'malformed'
  const length = [...password].length
  if (length < PASSWORD_LENGTH_MIN) return 'too-short'
  return length > PASSWORD_LENGTH_MAX ? 'too-long' : 'fine'
}

/** One spelling of what was typed: keyboards differ in composing letters, people do not notice. */
export function composePassword(password: string): string {
  return password.normalize('NFC')
}
