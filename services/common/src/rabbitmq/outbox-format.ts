import type { Envelope, OutboxEvent } from '../contracts/event.ts'

/** An event of an outbox row as the relay needs it. */
export interface StoredEvent {
  key: string
  exchange: string
  aggregateId: string
  traceparent?: string
  /** The envelope as it was written, which is what is sent. */
  body: string
  head: EnvelopeHead
}

/** What the properties and headers of a message repeat of its envelope. */
export type EnvelopeHead = Pick<
  Envelope,
  'id' | 'timestamp' | 'source' | 'traceId' | 'correlationId'
>

const BEFORE_BODY = ',"envelope":'

/**
 * An event as an element of the JSON array that a row holds. The envelope has a line of its own:
 * JSON.stringify writes no line break, so the relay finds it without parsing it. The column is of type json
 * and not jsonb, and keeps the text as it is.
 */
export function formatEvent({ envelope, ...rest }: OutboxEvent): string {
  const beginning = JSON.stringify(rest).slice(0, -1)
  return `${beginning}${BEFORE_BODY}\n${JSON.stringify(envelope)}\n}`
}

export const joinEvents = (formatted: readonly string[]): string => `[${formatted.join(',')}]`

/** Reads the text of a row. The version before wrote it without line breaks. */
export function readEvents(text: string): StoredEvent[] {
  const lines = text.split('\n')
  if (lines.length === 1) return (JSON.parse(text) as OutboxEvent[]).map(storedEvent)
  const events: StoredEvent[] = []
  // `[{…,"envelope":`, an envelope, `},{…,"envelope":`, an envelope, and so on until `}]`.
  for (let index = 0; index + 1 < lines.length; index += 2) {
    const opening = lines[index] ?? ''
    const body = lines[index + 1] ?? ''
    const rest = `${opening.slice(opening.indexOf('{'), -BEFORE_BODY.length)}}`
    events.push({ ...JSON.parse(rest), body, head: readHead(body) })
  }
  return events
}

function storedEvent({ envelope, ...rest }: OutboxEvent): StoredEvent {
  return { ...rest, body: JSON.stringify(envelope), head: envelope }
}

const BEFORE_PAYLOAD = ',"payload":'

/**
 * Reads an envelope up to its payload, which `createEvent` writes last and which is most of it. Inside
 * a string every quotation mark has a backslash before it, so the first such text is no string's.
 */
function readHead(body: string): EnvelopeHead {
  const end = body.indexOf(BEFORE_PAYLOAD)
  return JSON.parse(end === -1 ? body : `${body.slice(0, end)}}`)
}
