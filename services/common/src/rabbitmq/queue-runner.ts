import { setTimeout as wait } from 'node:timers/promises'
import type { ConfirmChannel, ConsumeMessage } from 'amqplib'
import { InvalidEventError, readEvent } from '../contracts/event.ts'
import { isUnavailable } from '../errors.ts'
import { runWithTrace, type Span, startSpan } from '../tracing.ts'
import { type Consumer, type ConsumersOptions, type Delivery, PermanentError } from './consumer.ts'
import type { ConsumerMetrics } from './consumer-metrics.ts'
import { deadLetter, retryLater } from './dead-letter.ts'
import { claim, countAttempt } from './inbox.ts'
import { queueName, type RetryTier } from './topology.ts'

export interface RunnerOptions<DB> extends ConsumersOptions<DB> {
  retryTiers: readonly RetryTier[]
  attemptsMax: number
  inProcessDelaysMs: readonly number[]
  metrics: ConsumerMetrics
}

export interface QueueRunner {
  isConsuming(): boolean
  close(): Promise<void>
}

/** A message with the very channel that delivered it: its tag means nothing on any other. */
interface Received {
  channel: ConfirmChannel
  message: ConsumeMessage
}

interface Prepared extends Received {
  event: Delivery
  span: Span
}

const HANDLER_TIMEOUT_MS = 30_000
const PREFETCH_SINGLE = 10
const OUTAGE_PAUSE_MS = 500

/** Consumes one queue: takes what has arrived, handles it, then acknowledges. */
export function startQueueRunner<DB>(
  options: RunnerOptions<DB>,
  consumer: Consumer<DB>,
): QueueRunner {
  const { log, connection } = options
  const queue = queueName(consumer.consumer, consumer.contract)
  const batchMax = consumer.kind === 'projection' ? consumer.batchMax : 1
  let current: { channel: ConfirmChannel; consumerTag: string } | undefined
  let buffer: Received[] = []
  let isClosing = false
  let working: Promise<void> | undefined

  const isOpen = (channel: ConfirmChannel) => current?.channel === channel
  const context: Context<DB> = { options, consumer, queue, isOpen, isClosing: () => isClosing }

  const work = async () => {
    while (buffer.length > 0 && !isClosing) {
      const batch = takeBatch(buffer, batchMax)
      buffer = buffer.slice(batch.length)
      await handleBatch(context, batch)
    }
    working = undefined
  }
  const receive = (channel: ConfirmChannel, message: ConsumeMessage | null) => {
    if (message === null) {
      // The broker cancelled us (the queue was deleted): closing makes everything be set up anew.
      log.warn({ queue }, 'consumer was cancelled by the broker')
      channel.close().catch(() => undefined)
      return
    }
    buffer.push({ channel, message })
    // After the poll phase, so that what arrived together is handled together.
    working ??= new Promise<void>((resolve) => setImmediate(resolve)).then(work)
  }
  const handle = connection.openChannel(queue, async (channel) => {
    channel.once('close', () => {
      if (!isOpen(channel)) return
      current = undefined
      // The broker will deliver these again; acting on them twice helps nobody.
      buffer = []
    })
    await channel.prefetch(consumer.kind === 'projection' ? batchMax * 2 : PREFETCH_SINGLE)
    const { consumerTag } = await channel.consume(queue, (message) => receive(channel, message))
    current = { channel, consumerTag }
  })

  return {
    isConsuming: () => current !== undefined,
    async close() {
      isClosing = true
      const open = current
      if (open !== undefined) await open.channel.cancel(open.consumerTag).catch(() => undefined)
      await working
      // Closing the channel gives back what was not begun.
      await handle.close()
    },
  }
}

/** Redelivered messages run alone, so that one which kills the process takes no neighbour along. */
function takeBatch(buffer: Received[], batchMax: number): Received[] {
  const first = buffer[0]
  if (first === undefined) return []
  if (first.message.fields.redelivered) return [first]
  const end = buffer.findIndex(
    ({ channel, message }, index) =>
      index >= batchMax || message.fields.redelivered || channel !== first.channel,
  )
  return end === -1 ? buffer.slice(0, batchMax) : buffer.slice(0, end)
}

interface Context<DB> {
  options: RunnerOptions<DB>
  consumer: Consumer<DB>
  queue: string
  isOpen(channel: ConfirmChannel): boolean
  isClosing(): boolean
}

async function handleBatch<DB>(context: Context<DB>, batch: Received[]): Promise<void> {
  const startedAtMs = performance.now()
  const prepared: Prepared[] = []
  for (const received of batch) {
    const ready = prepare(context, received)
    if (ready instanceof Error) await settleFailure(context, received, ready, true)
    else prepared.push(ready)
  }
  await execute(context, prepared)
  context.options.metrics.duration(context.queue, (performance.now() - startedAtMs) / 1000)
}

function prepare<DB>({ consumer, queue }: Context<DB>, received: Received): Prepared | Error {
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

/** Handles a batch; when it fails for good it is taken apart until the poison stands alone. */
async function execute<DB>(context: Context<DB>, batch: Prepared[]): Promise<void> {
  const last = batch.at(-1)
  if (last === undefined || !context.isOpen(last.channel)) return
  if (await isWornOut(context, batch)) return
  const failure = await attempt(context, batch)
  if (failure === undefined) {
    for (const { span } of batch) span.end()
    acknowledge(context, last, batch.length > 1)
    context.options.metrics.outcome(context.queue, 'handled', batch.length)
    return
  }
  if (failure === 'gone') return
  if (batch.length > 1) {
    for (const single of batch) await execute(context, [single])
    return
  }
  last.span.end(failure)
  await settleFailure(context, last, failure, failure instanceof PermanentError)
}

/**
 * Counts a redelivery before the handler runs. A message that came too often kills processes, and
 * is put away without being handled once more.
 */
async function isWornOut<DB>(context: Context<DB>, batch: Prepared[]): Promise<boolean> {
  const [first] = batch
  if (first?.message.fields.redelivered !== true) return false
  const { options, queue } = context
  const attempts = await untilAvailable(context, first, () =>
    countAttempt(options.db, queue, first.event.id),
  )
  if (attempts === undefined) return true
  if (attempts <= options.attemptsMax) return false
  const error = new PermanentError(`delivered ${attempts} times without ever being finished`)
  await settleFailure(context, first, error, true)
  return true
}

/** undefined = done; an Error = failed after every try; 'gone' = the channel was lost meanwhile. */
async function attempt<DB>(
  context: Context<DB>,
  batch: Prepared[],
): Promise<Error | 'gone' | undefined> {
  const { inProcessDelaysMs } = context.options
  const [first] = batch
  if (first === undefined) return undefined
  for (let tries = 0; ; tries += 1) {
    try {
      const done = await untilAvailable(context, first, async () => {
        await withTimeout(runHandler(context, batch))
        return true
      })
      return done === undefined ? 'gone' : undefined
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error))
      const delayMs = inProcessDelaysMs[tries]
      if (failure instanceof PermanentError || delayMs === undefined) return failure
      // A batch is taken apart at once; only what stands alone is worth waiting for.
      if (batch.length > 1) return failure
      await wait(delayMs * (0.5 + Math.random()))
    }
  }
}

/**
 * While PostgreSQL is away the same work is tried again and again: an outage is no fault of the
 * message and costs it no attempt. undefined when the channel was lost or we are closing.
 */
async function untilAvailable<DB, T>(
  context: Context<DB>,
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

async function runHandler<DB>({ options, consumer, queue }: Context<DB>, batch: Prepared[]) {
  const [first] = batch
  if (first === undefined) return
  const events = batch.map(({ event }) => event)
  switch (consumer.kind) {
    case 'projection':
      await options.db.transaction().execute((tx) => consumer.handle(tx, events))
      options.onCommitted?.()
      return
    case 'idempotent':
      await runWithTrace(first.event.trace, () => consumer.handle(first.event))
      return
    case 'transactional':
      await options.db.transaction().execute(async (tx) => {
        if (!(await claim(tx, queue, first.event.id))) return
        await runWithTrace(first.event.trace, () => consumer.handle(tx, first.event))
      })
      options.onCommitted?.()
  }
}

async function withTimeout(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`handler took longer than ${HANDLER_TIMEOUT_MS} ms`)),
      HANDLER_TIMEOUT_MS,
    )
  })
  try {
    await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}

/** Moves a failed message to a delay tier or the dead-letter queue, then acknowledges it here. */
async function settleFailure<DB>(
  context: Context<DB>,
  received: Received,
  error: Error,
  isPermanent: boolean,
): Promise<void> {
  const { options, queue } = context
  const { publisher, log, retryTiers, attemptsMax, metrics } = options
  for (;;) {
    if (!context.isOpen(received.channel)) return
    const outcome = isPermanent
      ? await deadLetter(publisher, queue, received.message, error)
      : await retryLater(publisher, queue, received.message, error, retryTiers, attemptsMax)
    if (outcome !== 'failed') {
      const messageId: unknown = received.message.properties.messageId
      if (outcome === 'dead_lettered')
        log.error({ err: error, queue, messageId }, 'message dead-lettered')
      else log.warn({ err: error, queue, messageId }, 'message will be retried')
      acknowledge(context, received, false)
      metrics.outcome(queue, outcome, 1)
      return
    }
    // The copy is not safely at the broker, so the original must not go. Closing gives it back.
    if (context.isClosing()) return
    await wait(OUTAGE_PAUSE_MS)
  }
}

function acknowledge<DB>(
  context: Context<DB>,
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
