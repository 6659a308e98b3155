import { randomBytes } from 'node:crypto'
import { createEvent } from '@auction/common/contracts/event.ts'
import { mailRequested } from '@auction/common/contracts/identity.ts'
import { newId } from '@auction/common/ids.ts'
import { deadLetterQueue, queueName } from '@auction/common/rabbitmq/topology.ts'
import { createTestBroker } from '@auction/common/testing/broker.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { connect } from 'amqplib'
import t from 'tap'
import { startMailbox } from '#src/mailbox.ts'

const QUEUE = queueName('notification', mailRequested)

t.test('a mail that cannot be read becomes a dead letter, and the next one is shown', async (t) => {
  const broker = await createTestBroker(t)
  const mailbox = await startMailbox(broker.url, randomBytes(32).toString('base64'))
  t.teardown(() => mailbox.close())
  const connection = await connect(broker.url)
  t.teardown(() => connection.close())
  await waitFor('the queue', async () => {
    const probe = await connection.createChannel()
    probe.on('error', () => undefined)
    return probe.checkQueue(QUEUE).then(
      ({ consumerCount }) => consumerCount === 1,
      () => false,
    )
  })
  const channel = await connection.createConfirmChannel()
  const mail = (to: string, more = {}) => {
    const id = newId()
    const trace = { traceparent: '', traceId: id, correlationId: id }
    const payload = { mailId: id, to, name: '<Ann>', template: 'password_changed', ...more }
    const context = { source: 'identity', aggregateId: id, trace }
    return JSON.stringify(createEvent(mailRequested, context, payload).envelope)
  }
  const sealed = { link: 'http://localhost/account/reset', sealedSecret: 'AAAA' }
  for (const body of ['no event', mail('b@example.test', sealed), mail('<a>@example.test')]) {
    channel.sendToQueue(QUEUE, Buffer.from(body))
  }
  await channel.waitForConfirms()
  await waitFor('the mail', async () => mailbox.mails().length === 1)
  t.match(mailbox.mails(), [{ to: '<a>@example.test', template: 'password_changed' }])
  await waitFor('the dead letters', async () => {
    const { messageCount } = await channel.checkQueue(deadLetterQueue(QUEUE))
    return messageCount === 2
  })
  const page = await (await fetch(mailbox.url)).text()
  t.ok(page.includes('&#60;a&#62;@example.test'), 'shown as text')
  t.match(await (await fetch(`${mailbox.url}/mails.json`)).json(), [{ to: '<a>@example.test' }])
})
