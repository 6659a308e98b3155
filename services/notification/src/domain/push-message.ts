import { noticeText, type Reader } from './notice-text.ts'
import { kindOf, type NoticeData, type Template } from './notices.ts'

/** The most bytes that push services take, before they are encrypted. */
export const PAYLOAD_BYTES_MAX = 3_993

const HOUR_SECONDS = 3_600
const characters = new Intl.Segmenter('en', { granularity: 'grapheme' })
// UTF-8 of what JSON makes of the text.
const bytesOf = (text: string) => new TextEncoder().encode(text).length

export interface PushNotice {
  readonly template: Template
  readonly aggregateId: string
  readonly data: NoticeData
  readonly happenedAt: Date
}

/** What a browser shows: one of a tag replaces the one before. A body that is too long is cut. */
export function pushPayload({ template, aggregateId, data }: PushNotice, reader: Reader): string {
  const { title, body, path } = noticeText(template, data, reader)
  const write = (text: string) => JSON.stringify({ title, body: text, path, tag: aggregateId })
  if (bytesOf(write(body)) <= PAYLOAD_BYTES_MAX) return write(body)
  const parts = [...characters.segment(body)].map(({ segment }) => segment)
  let [low, high] = [0, parts.length]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const fits = bytesOf(write(`${parts.slice(0, middle).join('')}…`)) <= PAYLOAD_BYTES_MAX
    if (fits) low = middle
    else high = middle - 1
  }
  return write(`${parts.slice(0, low).join('')}…`)
}

/** A push service keeps the last message of a topic only; it has 32 letters at most. */
export const topicOf = (aggregateId: string) => aggregateId.replaceAll('-', '')

/** How long a push service keeps a message for a browser that is off: as long as it is news. */
export function secondsToLive({ template, happenedAt }: PushNotice, now: Date): number {
  const ageSeconds = (now.getTime() - happenedAt.getTime()) / 1_000
  return Math.max(0, Math.floor(kindOf(template).outdatedHours * HOUR_SECONDS - ageSeconds))
}
