import { createHmac, timingSafeEqual } from 'node:crypto'
import { UUID } from '@auction/common/ids.ts'
import { CATEGORIES, type Category } from '#src/domain/notices.ts'

/** Whose mails of which categories are to end. */
export interface Unsubscription {
  readonly userId: string
  readonly categories: readonly Category[]
}

const MAC_BYTES = 16

/** Signed, so that only who got the mail can end these mails. It does not expire: mails are read late. */
export function signUnsubscription(key: Buffer, { userId, categories }: Unsubscription): string {
  const text = `${userId}.${categories.join('_')}`
  return `${text}.${macOf(key, text).toString('base64url')}`
}

/** Undefined when it is not whole, not ours, or about what there is no more. */
export function readUnsubscription(key: Buffer, token: string): Unsubscription | undefined {
  const [userId = '', names = '', mac = '', ...rest] = token.split('.')
  const given = Buffer.from(mac, 'base64url')
  const expected = macOf(key, `${userId}.${names}`)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  const categories = CATEGORIES.filter((category) => names.split('_').includes(category))
  if (rest.length > 0 || !UUID.test(userId) || categories.length === 0) return undefined
  return { userId, categories }
}

const macOf = (key: Buffer, text: string) =>
  createHmac('sha256', key).update(text).digest().subarray(0, MAC_BYTES)
