import { setTimeout as wait } from 'node:timers/promises'
import type { ConfirmChannel, ConsumeMessage } from 'amqplib'
import { InvalidEventError, readEvent } from '../contracts/event.ts'
import { isTransient, isUnavailable } from '../http/errors.ts'
import { CORRELATION_ATTRIBUTE, type Span, startSpan } from '../telemetry/tracing.ts'
import { type Consumer, type ConsumersOptions, type Delivery, PermanentError } from './consumer.ts'
import type { ConsumerMetrics } from './consumer-metrics.ts'
import { attemptsOf, deadLetter, retryLater } from './dead-letter.ts'
import { countAttempt, forgetAttempts } from './inbox.ts'
import { runHandler } from './run-handler.ts'
import type { RetryTier } from './topology.ts'

export interface RunnerOptions<DB> extends ConsumersOptions<DB> {
  retryTiers: readonly RetryTier[]
  attemptsMax: number
  inProcessDelaysMs: readonly number[]
  handlerTimeoutMs: number
  metrics: ConsumerMetrics
}

export interface RunnerContext<DB> {
  options: RunnerOptions<DB>
  consumer: Consumer<DB>
  queue: string
  isOpen(channel: ConfirmChannel): boolean
  isClosing(): boolean
}

/** A message with the very channel that delivered it: its tag means nothing on any other. */
export interface Received {
  channel: ConfirmChannel
  message: ConsumeMessage
}

interface Prepared extends Received {
  event: Delivery
  span: Span
}

/**
 * `stopped`: the channel is lost or we are closing. Nothing after it may be acknowledged on this
 * channel, because acknowledging a batch covers everything before it.
 */
type BatchResult = 'settled' | 'stopped'

const OUTAGE_PAUSE_MS = 500

/** Handles what arrived together and settles every message of it, unless the channel is lost. */
export async function handleBatch<DB>(
  context: RunnerContext<DB>,
  batch: Received[],
): Promise<void> {
  const { metrics } = context.options
  const startedAtMs = performance.now()
  const prepared: Prepared[] = []
  for (const received of batch) {
    const ready = prepare(context, received)
    if (!(ready instanceof Error)) prepared.push(ready)
    else if ((await settleFailure(context, received, ready, true)) === 'stopped') return
  }
  await execute(context, prepared)
  metrics.duration(context.queue, (performance.now() - startedAtMs) / 1000)
  const publishedAtMs = Date.parse(prepared[0]?.event.timestamp ?? '')
  if (!Number.isNaN(publishedAtMs)) metrics.lag(context.queue, (Date.now() - publishedAtMs) / 1000)
}

function prepare<DB>({ consumer, queue }: RunnerContext<DB>, received: Received): Prepared | Error {
  const { properties, content } = received.message
  try {
    const messageId = typeof properties.messageId === 'string' ? properties.messageId : undefined
    const envelope = readEvent(consumer.contract, content, messageId)
    const header: unknown = properties.headers?.traceparent
    const span = startSpan(`${queue} process`, {
      kind: 'consumer',
      traceparent: typeof header === 'string' ? header : undefined,
      attributes: { 'messaging.system': 'rabbitmq', 'messaging.destination.name': queue },
    })
    const { traceparent, traceId } = span
    const trace = { traceparent, traceId, correlationId: envelope.correlationId || traceId }
    return { ...received, span, event: { ...envelope, trace } as Delivery }
  } catch (error) {
    return error instanceof InvalidEventError ? error : new InvalidEventError(String(error))
  }
}

const correlated = ({ trace }: Delivery) => ({ [CORRELATION_ATTRIBUTE]: trace.correlationId })

/** Handles a batch; when it fails for good it is halved until the poison stands alone. */
async function execute<DB>(context: RunnerContext<DB>, batch: Prepared[]): Promise<BatchResult> {
  const last = batch.at(-1)
  if (last === undefined) return 'settled'
  if (!context.isOpen(last.channel)) return 'stopped'
  const failure = (await countRedelivery(context, batch)) ?? (await attempt(context, batch))
  if (failure === 'stopped') return 'stopped'
  if (!(failure instanceof Error)) {
    for (const { span, event } of batch) span.end(undefined, correlated(event))
    acknowledge(context, last, batch.length > 1)
    context.options.metrics.outcome(context.queue, failure, batch.length)
    return 'settled'
  }
  if (batch.length > 1) {
    const middle = batch.length >> 1
    const isFirstSettled = (await execute(context, batch.slice(0, middle))) === 'settled'
    return isFirstSettled ? execute(context, batch.slice(middle)) : 'stopped'
  }
  last.span.end(failure, correlated(last.event))
  return settleFailure(context, last, failure, failure instanceof PermanentError)
}

/**
 * Counts a redelivery before the handler runs. A message that came too often kills processes, and
 * is put away without being handled once more.
 */
async function countRedelivery<DB>(
  context: RunnerContext<DB>,
  batch: Prepared[],
): Promise<PermanentError | 'stopped' | undefined> {
  const [first] = batch
  if (first?.message.fields.redelivered !== true) return undefined
  const { options, queue } = context
  const attempts = await untilAvailable(context, first, () =>
    countAttempt(options.db, queue, first.event.id),
  )
  if (attempts === undefined) return 'stopped'
  if (attempts < options.attemptsMax) return undefined
  return new PermanentError(`delivered ${attempts + 1} times and never finished`)
}

/** A redelivery was counted here, or before the message went through a retry queue. */
const mayBeCounted = ({ message }: Received) =>
  message.fields.redelivered || attemptsOf(message) > 0

async function attempt<DB>(
  context: RunnerContext<DB>,
  batch: Prepared[],
): Promise<'handled' | 'repeated' | 'stopped' | Error> {
  const { options, consumer, queue } = context
  const [first] = batch
  if (first === undefined) return 'handled'
  const events = batch.map(({ event }) => event)
  const countedIds = batch.filter(mayBeCounted).map(({ event }) => event.id)
  for (let tries = 0; ; tries += 1) {
    try {
      const outcome = await untilAvailable(context, first, () =>
        runHandler(options, consumer, queue, events, countedIds),
      )
      return outcome ?? 'stopped'
    } catch (error) {
      const delayMs = options.inProcessDelaysMs[tries]
      // Only what passes within a second (a deadlock, a lock) is worth keeping the queue waiting.
      if (!isTransient(error) || delayMs === undefined) {
        return error instanceof Error ? error : new Error(String(error))
      }
      await wait(delayMs * (0.5 + Math.random()))
    }
  }
}

/**
 * While PostgreSQL is away the same work is tried again and again: an outage is no fault of the
 * message and costs it no attempt. undefined when the channel was lost or we are closing.
 */
async function untilAvailable<DB, T>(
  context: RunnerContext<DB>,
  { channel }: Received,
  work: () => Promise<T>,
): Promise<T | undefined> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isUnavailable(error)) throw error
      if (context.isClosing() || !context.isOpen(channel)) return undefined
      await wait(OUTAGE_PAUSE_MS * (0.5 + Math.random()))
    }
  }
}

/** Moves a failed message to a delay tier or the dead-letter queue, then acknowledges it here. */
async function settleFailure<DB>(
  context: RunnerContext<DB>,
  received: Received | Prepared,
  error: Error,
  isPermanent: boolean,
): Promise<BatchResult> {
  const { options, queue } = context
  const { publisher, retryTiers, attemptsMax, metrics } = options
  const { message } = received
  for (;;) {
    if (!context.isOpen(received.channel)) return 'stopped'
    const outcome = isPermanent
      ? await deadLetter(publisher, { queue, message, error })
      : await retryLater(publisher, { queue, message, error, tiers: retryTiers, attemptsMax })
    if (outcome !== 'failed') {
      logFailure(context, message, error, outcome)
      acknowledge(context, received, false)
      metrics.outcome(queue, outcome, 1)
      if (outcome === 'dead_lettered' && 'event' in received && mayBeCounted(received)) {
        // An operator may send it back. Without a database it is left to the purge of old attempts.
        await forgetAttempts(options.db, queue, [received.event.id]).catch(() => undefined)
      }
      return 'settled'
    }
    // The copy is not safely at the broker, so the original must not go. Closing gives it back.
    if (context.isClosing()) return 'stopped'
    await wait(OUTAGE_PAUSE_MS)
  }
}

function logFailure<DB>(
  { options, queue }: RunnerContext<DB>,
  { properties }: ConsumeMessage,
  error: Error,
  outcome: 'dead_lettered' | 'retried',
): void {
  const headers: Record<string, unknown> = properties.headers ?? {}
  const fields = {
    err: error,
    queue,
    messageId: properties.messageId as unknown,
    traceId: headers['x-trace-id'],
    correlationId: headers['x-correlation-id'],
  }
  if (outcome === 'dead_lettered') options.log.error(fields, 'message dead-lettered')
  else options.log.warn(fields, 'message will be retried')
}

function acknowledge<DB>(
  context: RunnerContext<DB>,
  { channel, message }: Received,
  upTo: boolean,
): void {
  if (!context.isOpen(channel)) return
  try {
    channel.ack(message, upTo)
  } catch {
    // The channel went this instant; the message comes again and finds its effects done.
  }
}
