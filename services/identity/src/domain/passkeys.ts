/** How long a person may take over what their authenticator shows. */
export const PASSKEY_CHALLENGE_SECONDS = 300

export const PASSKEYS_MAX = 20

/** What an authenticator is asked to sign for; an answer to one is none to another. */
export type PasskeyPurpose = 'register' | 'login' | 'challenge' | 'reauthenticate'

/**
 * An authenticator that counts its signatures counts up; one that goes back has a twin. Many do
 * not count and say 0 for ever.
 */
export function isCounterPlausible(stored: number, presented: number): boolean {
  return presented > stored || (presented === 0 && stored === 0)
}
