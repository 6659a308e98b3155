import { randomUUID } from 'node:crypto'
import type { OutboxEvent } from '@auction/common/contracts/event.ts'
import { connectBroker } from '@auction/common/rabbitmq/connection.ts'
import { createPublisher, type Publisher } from '@auction/common/rabbitmq/publisher.ts'
import { createTestBroker } from '@auction/common/testing/broker.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { ConfirmChannel } from 'amqplib'
import t from 'tap'
import { ONE_SELLER_ITEMS_MIN } from '#src/domain/review-flags.ts'
import { history, placed } from '../bid-history.ts'
import { build, call, createPublished, inMinutes } from '../helper.ts'
import { INTERNAL_SECRET, log } from '../neighbours.ts'
import { startProcess, stop } from '../processes.ts'

async function publish(publisher: Publisher, events: readonly OutboxEvent[]): Promise<void> {
  await waitFor('the publisher', () => publisher.isReady())
  for (const { exchange, key, envelope } of events) {
    const outcome = await publisher.publish({
      exchange,
      routingKey: key,
      content: Buffer.from(JSON.stringify(envelope)),
      options: { messageId: envelope.id, mandatory: true, persistent: true, type: key },
    })
    if (outcome !== 'confirmed') throw new Error(`${key} was ${outcome}`)
  }
}

t.test('the worker', async (t) => {
  const fixture = await build(t)
  const broker = await createTestBroker(t)
  const connection = connectBroker({ url: broker.url, name: 'test', log })
  t.teardown(() => connection.close())
  const publisher = createPublisher(connection, 'bid stand-in')
  const received: string[] = []
  let listener: ConfirmChannel | undefined
  let isListening = false
  connection.openChannel('listener', async (channel) => {
    listener = channel
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, 'auction.item', 'item.#')
    await channel.consume(
      queue,
      (message) => {
        if (message === null) return
        const { payload, sequence } = JSON.parse(message.content.toString())
        received.push(`${payload.id} ${sequence} ${message.fields.routingKey}`)
      },
      { noAck: true },
    )
    isListening = true
  })
  await waitFor('the listener', () => isListening)
  const worker = await startProcess(t, 'worker', {
    ...fixture.database.config,
    RABBITMQ_URL: broker.url,
    INTERNAL_JWT_SECRET: INTERNAL_SECRET,
    BID_URL: fixture.bid.url,
    IDENTITY_URL: 'http://127.0.0.1:1',
  })
  const show = async (id: string) => (await call(fixture, 'GET', `/api/v1/items/${id}`)).body
  // Asked of the queue itself: the management API's figures are seconds old.
  const depth = async (queue: string) => (await listener?.checkQueue(queue))?.messageCount ?? 0

  t.test(
    'carries an item from publication to sale and publishes every step in order',
    async (t) => {
      const endDate = inMinutes(60)
      const id = await createPublished(fixture, { endDate })
      const steps = [{ price: '100.00' }, { price: '110.00', extended: true }]
      const buyerId = randomUUID()
      const { events } = history({ itemId: id, endDate, steps, outcome: 'sold', buyerId })
      await publish(publisher, events.slice(0, steps.length))
      await waitFor('the bids', async () => (await show(id)).bidCount === steps.length)
      await publish(publisher, events.slice(steps.length))
      await waitFor('the sale', async () => (await show(id)).status === 'sold')
      const expected = ['created', 'published', 'updated', 'extended', 'ended', 'sold']
      const ours = () => received.filter((line) => line.startsWith(id))
      await waitFor('the last event', () => ours().length >= expected.length)
      t.strictSame(
        ours(),
        expected.map((name, index) => `${id} ${index + 1} item.${name}.v1`),
      )
    },
  )

  t.test('makes a poison message a dead letter and goes on with its neighbours', async (t) => {
    const id = await createPublished(fixture)
    const good = placed(id, 1, { amount: '100.00' })
    const euros = placed(id, 2, { amount: '900.00', currencyCode: 'EUR' })
    const broken = { ...good, envelope: { ...good.envelope, id: randomUUID(), payload: {} } }
    await publish(publisher, [broken, euros, good])
    await waitFor('the price', async () => (await show(id)).bidCount === 1)
    await waitFor('the dead letters', async () => (await depth('auction.bid.placed.v1.dlq')) === 2)
    t.match(await show(id), { currentPrice: '100.00', bidCount: 1 })
  })

  t.test('starts scheduled items and pushes terms that bid missed, by itself', async () => {
    fixture.bid.mode = 'down'
    const id = await createPublished(fixture, { startDate: inMinutes(30) })
    fixture.bid.mode = 'up'
    await fixture.database.pool.query(
      'update items set start_date = clock_timestamp() where id = $1',
      [id],
    )
    await waitFor('the start', async () => (await show(id)).status === 'active')
    await waitFor('the lot', () => fixture.bid.lots.has(id))
  })

  t.test('reviews bidders, also while identity is down', async (t) => {
    const { pool } = fixture.database
    const bidderId = randomUUID()
    for (let count = 0; count < ONE_SELLER_ITEMS_MIN; count += 1) {
      const itemId = await createPublished(fixture)
      await pool.query('insert into bidder_items (bidder_id, item_id) values ($1, $2)', [
        bidderId,
        itemId,
      ])
    }
    await pool.query('insert into bidder_checks (bidder_id, due_at) values ($1, now())', [bidderId])
    const kinds = async () => {
      const { rows } = await pool.query('select kind from review_flags where user_id = $1', [
        bidderId,
      ])
      return rows.map(({ kind }) => kind)
    }
    await waitFor('the flag', async () => (await kinds()).length > 0)
    t.strictSame(await kinds(), ['only_one_seller'])
    const metrics = async () => await (await fetch(`${worker.opsUrl}/metrics`)).text()
    const flagged = /^auction_review_flags\{[^}]*kind="only_one_seller"[^}]*\} 1$/m
    await waitFor('the metric', async () => flagged.test(await metrics()))
  })

  t.test('has metrics', async (t) => {
    const metrics = await (await fetch(`${worker.opsUrl}/metrics`)).text()
    for (const name of ['outbox_unsent_rows', 'postgres_pool_connections', 'consumer_']) {
      t.match(metrics, name)
    }
  })

  t.test('stops in order when asked', async (t) => {
    await stop(worker.process)
    t.equal(worker.process.exitCode, 0)
    await t.rejects(fetch(`${worker.opsUrl}/health/live`), { cause: { code: 'ECONNREFUSED' } })
  })
})
