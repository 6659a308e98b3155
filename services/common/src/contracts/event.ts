import { type Static, type TObject, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { contentId, newId, UUID } from '../ids.ts'

/** One kind of event: its names on the wire, its publisher and the shape of its payload. */
export interface EventContract<P extends TObject = TObject> {
  /** `bid.placed` */
  readonly event: string
  readonly version: string
  /** Routing key, `bid.placed.v1`. */
  readonly key: string
  /** The service that publishes it, `bid`. */
  readonly publisher: string
  /** `auction.bid` */
  readonly exchange: string
  readonly payload: P
  /** The seed's PascalCase names, written beside ours when LEGACY_PASCAL_ALIAS is on. */
  readonly legacyNames: Readonly<Record<string, string>>
  /** What is wrong with a payload to be written, which may hold nothing but the contract's fields. */
  readonly checkWritten: (payload: unknown) => string | undefined
  /** What is wrong with a payload that was read; fields of a newer producer are no fault. */
  readonly checkRead: (payload: unknown) => string | undefined
}

export interface Envelope<P = Record<string, unknown>> {
  id: string
  event: string
  version: string
  timestamp: string
  source: string
  sequence?: number
  traceId: string
  correlationId: string
  causationId?: string
  payload: P
}

/** An event with what the relay needs to publish it; this is what an outbox row holds. */
export interface OutboxEvent {
  key: string
  exchange: string
  aggregateId: string
  traceparent?: string
  envelope: Envelope
}

export interface EventContext {
  aggregateId: string
  /** The aggregate's counter of committed changes; readers order by it. */
  sequence?: number
  causationId?: string
  trace: { traceparent: string; traceId: string; correlationId: string }
  legacyAlias?: boolean
}

/** A message that no retry can make right: not JSON, not an envelope, not what the contract says. */
export class InvalidEventError extends Error {
  override readonly name = 'InvalidEventError'
}

interface EventDefinition<P extends TObject> {
  event: string
  version: 'v1'
  payload: P
  legacyNames?: Record<string, string>
}

/** Defines the events of one service: `const defineEvent = eventsOf('bid')`. */
export const eventsOf =
  (publisher: string) =>
  <P extends TObject>(definition: EventDefinition<P>): EventContract<P> =>
    contractOf(publisher, definition)

/** The validators of a contract are compiled once. */
function contractOf<P extends TObject>(
  publisher: string,
  { event, version, payload, legacyNames = {} }: EventDefinition<P>,
): EventContract<P> {
  const strict = Type.Object(payload.properties, { additionalProperties: false })
  const domain = event.slice(0, event.indexOf('.'))
  return {
    event,
    version,
    key: `${event}.${version}`,
    publisher,
    exchange: `auction.${domain}`,
    payload,
    legacyNames,
    checkWritten: checker(strict),
    checkRead: checker(payload),
  }
}

function checker(schema: TObject): (value: unknown) => string | undefined {
  const validator = Compile(schema)
  return (value) => {
    if (validator.Check(value)) return undefined
    const [first] = validator.Errors(value)
    return `${first?.instancePath ?? ''} ${first?.message ?? 'is not valid'}`.trim()
  }
}

/** Makes an event to be written to the outbox. Throws when the payload breaks its contract. */
export function createEvent<P extends TObject>(
  contract: EventContract<P>,
  context: EventContext,
  payload: Static<P>,
): OutboxEvent {
  const problem = contract.checkWritten(payload)
  if (problem !== undefined) throw new Error(`${contract.key} breaks its contract: ${problem}`)
  const { trace, sequence, causationId } = context
  const content = payload as Record<string, unknown>
  return {
    key: contract.key,
    exchange: contract.exchange,
    aggregateId: context.aggregateId,
    traceparent: trace.traceparent,
    envelope: {
      id: newId(),
      event: contract.event,
      version: contract.version,
      timestamp: new Date().toISOString(),
      source: contract.publisher,
      ...(sequence === undefined ? {} : { sequence }),
      traceId: trace.traceId,
      correlationId: trace.correlationId,
      ...(causationId === undefined ? {} : { causationId }),
      payload: context.legacyAlias === true ? withLegacyNames(contract, content) : content,
    },
  }
}

function withLegacyNames(
  { legacyNames }: EventContract,
  payload: Record<string, unknown>,
): Record<string, unknown> {
  const extended = { ...payload }
  for (const [name, legacy] of Object.entries(legacyNames)) {
    if (payload[name] !== undefined) extended[legacy] = payload[name]
  }
  return extended
}

/**
 * Reads a message. Both spellings of payload names are taken, ours first; the seed's envelopes
 * have no id, which then follows from the content, so that a redelivery has the same one.
 * Throws InvalidEventError. Unknown fields are ignored: a newer producer may send them.
 */
export function readEvent<P extends TObject>(
  contract: EventContract<P>,
  content: Buffer,
  messageId?: string,
): Envelope<Static<P>> {
  const raw = parse(content)
  const { payload } = raw
  if (raw.event !== contract.event || raw.version !== contract.version) {
    throw new InvalidEventError(
      `expected ${contract.key}, got ${String(raw.event)}.${String(raw.version)}`,
    )
  }
  if (!isRecord(payload)) throw new InvalidEventError('the envelope has no payload')
  const named = withOurNames(contract, payload)
  const problem = contract.checkRead(named)
  if (problem !== undefined) throw new InvalidEventError(`payload ${problem}`)
  return {
    id: uuidOf(raw.id) ?? messageIdOf(content, messageId),
    event: contract.event,
    version: contract.version,
    timestamp: String(raw.timestamp ?? ''),
    source: String(raw.source ?? 'unknown'),
    ...(isSequence(raw.sequence) ? { sequence: raw.sequence } : {}),
    traceId: String(raw.traceId ?? ''),
    correlationId: String(raw.correlationId ?? ''),
    ...(typeof raw.causationId === 'string' ? { causationId: raw.causationId } : {}),
    payload: named as Static<P>,
  }
}

function parse(content: Buffer): Record<string, unknown> {
  try {
    const raw: unknown = JSON.parse(content.toString('utf8'))
    if (isRecord(raw)) return raw
  } catch {
    // Reported below: what cannot be parsed is not an envelope either.
  }
  throw new InvalidEventError('the message is not a JSON envelope')
}

// The spellings that the seed's services were seen to send or to read, in the order of preference.
const OTHER_SPELLINGS: Readonly<Record<string, readonly string[]>> = {
  itemId: ['ItemID', 'ItemId'],
  bidId: ['BidID', 'BidId', 'ID'],
  userId: ['UserID', 'UserId'],
  buyerId: ['BuyerID', 'BuyerId'],
  amount: ['Amount'],
  finalAmount: ['FinalAmount'],
  timestamp: ['Timestamp'],
  name: ['Name'],
  email: ['Email'],
}

function withOurNames(
  contract: EventContract,
  payload: Record<string, unknown>,
): Record<string, unknown> {
  let named = payload
  for (const [name, spellings] of otherSpellings(contract)) {
    if (payload[name] !== undefined) continue
    const spelling = spellings.find((other) => payload[other] !== undefined)
    if (spelling !== undefined) named = { ...named, [name]: payload[spelling] }
  }
  return named
}

const spellingsByContract = new WeakMap<EventContract, [string, readonly string[]][]>()

function otherSpellings(contract: EventContract): [string, readonly string[]][] {
  let found = spellingsByContract.get(contract)
  if (found === undefined) {
    found = Object.entries(OTHER_SPELLINGS).filter(([name]) => name in contract.payload.properties)
    spellingsByContract.set(contract, found)
  }
  return found
}

function uuidOf(value: unknown): string | undefined {
  return typeof value === 'string' && UUID.test(value) ? value : undefined
}

/**
 * The id under which a message is known: the one it was sent with, else one that follows from its
 * content, so that every copy of it has the same.
 */
export function messageIdOf(content: Buffer, messageId: unknown): string {
  return uuidOf(messageId) ?? contentId(content)
}

function isSequence(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const DAY = '[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'
const TIME = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?'
const OFFSET = '(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])'

/** Building blocks of payloads: ids, money as decimal strings, instants as ISO 8601. */
export const field = {
  id: Type.String({ pattern: UUID.source }),
  money: Type.String({ pattern: '^[0-9]{1,16}(\\.[0-9]{1,4})?$' }),
  instant: Type.String({ pattern: `^${DAY}T${TIME}${OFFSET}$` }),
  currency: Type.String({ pattern: '^[A-Z]{3}$' }),
  text: Type.String({ maxLength: 20_000 }),
  integer: Type.Integer({ minimum: 0 }),
  flag: Type.Boolean(),
}
