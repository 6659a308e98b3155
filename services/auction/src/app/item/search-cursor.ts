import { createHmac, timingSafeEqual } from 'node:crypto'

const MAC_LENGTH = 12

export interface Cursors {
  /** A position as signed text. */
  write(position: readonly (string | number)[]): string
  /** The position, or undefined when the text was not written for this search. */
  read(text: string): (string | number)[] | undefined
}

/** Cursors of one kind of list; `scope` names the list and its filters, so a cursor fits no other list. */
export function createCursors(secret: string, scope: string): Cursors {
  const macOf = (body: Buffer) =>
    createHmac('sha256', secret)
      .update(`cursor\0${scope}\0`)
      .update(body)
      .digest()
      .subarray(0, MAC_LENGTH)
  return {
    write(position) {
      const body = Buffer.from(JSON.stringify(position))
      return Buffer.concat([macOf(body), body]).toString('base64url')
    },
    read(text) {
      const bytes = Buffer.from(text, 'base64url')
      const body = bytes.subarray(MAC_LENGTH)
      if (body.length === 0 || !timingSafeEqual(bytes.subarray(0, MAC_LENGTH), macOf(body))) {
        return undefined
      }
      return JSON.parse(body.toString('utf8')) as (string | number)[]
    },
  }
}
