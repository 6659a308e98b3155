import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { requeueInterrupted } from '#src/infra/postgres/webhooks/delivery-queue.ts'
import { startReceiver } from '#test/receiver.ts'
import { createWebhookWorld, LOCAL } from '#test/webhook-world.ts'

const SENDER = fileURLToPath(new URL('webhook-sender.ts', import.meta.url))

t.test('a worker that is killed while it sends loses no message', async (t) => {
  const world = await createWebhookWorld(t)
  const ids: string[] = []
  let answer = (_response: ServerResponse) => {}
  const { port } = await startReceiver(
    t,
    (request, response) => {
      ids.push(String(request.headers['webhook-id']))
      request.resume()
      answer(response)
    },
    { isPlain: true },
  )
  const { id } = await world.createEndpoint(`http://${LOCAL}:${port}/`)
  const { messageId } = (await world.call('POST', `/${id}/test`)).body
  const settings = { config: world.database.config, key: world.key, network: `${LOCAL}/32` }
  const child = spawn(process.execPath, [SENDER, JSON.stringify(settings)], { stdio: 'inherit' })
  await waitFor('the request', () => ids.length === 1)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const state = async () => (await world.call('GET', `/${id}/deliveries`)).body.deliveries[0].state
  t.equal(await state(), 'sending')
  await world.database.pool.query(
    `update webhook_messages set changed_at = changed_at - interval '61 seconds'`,
  )
  t.equal(await requeueInterrupted(world.db, 60, 100), 1)
  answer = (response) => response.writeHead(204).end()
  await world.deliver()
  t.strictSame(ids, [messageId, messageId], 'at least once, and known by its id')
  t.equal(await state(), 'delivered')
})
