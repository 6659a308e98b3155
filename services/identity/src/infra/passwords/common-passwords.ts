import { dictionary } from '@zxcvbn-ts/language-common'

const PASSWORDS: ReadonlySet<string> = new Set(dictionary['passwords-common'])

/** How many passwords the list has. */
export const COMMON_PASSWORD_COUNT = PASSWORDS.size

/** Whether very many people use this password; it is compared in lower case. */
export const isCommonPassword = (password: string): boolean => PASSWORDS.has(password.toLowerCase())
