import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { abandonDeliveries } from '#src/infra/postgres/mail/mail-deliveries.ts'
import { createNoticeMailWorld } from '#test/notice-mail-world.ts'
import type { SenderOrder } from './notice-sender.ts'

const program = fileURLToPath(new URL('./notice-sender.ts', import.meta.url))

t.test('a worker that is killed between sending and its answer sends no second mail', async (t) => {
  const world = await createNoticeMailWorld(t)
  const { reader, win, server, book, states, send, database, db, identity } = world
  await win(reader(), 'Brass lamp')
  server.behaviour = { onData: 'hang' }
  const order: SenderOrder = {
    config: database.config,
    smtpPort: server.port,
    identityUrl: book.url,
    internalSecret: identity.internalSecret,
  }
  const worker = spawn(process.execPath, [program, JSON.stringify(order)], { stdio: 'inherit' })
  await waitFor('the mail to arrive', () => server.received.length === 1)
  worker.kill('SIGKILL')
  await once(worker, 'exit')
  t.strictSame(await states(), ['sending'], 'that is committed before the server was asked')
  server.behaviour = {}
  await send()
  await database.pool.query(
    `update deliveries set changed_at = clock_timestamp() - interval '11 minutes'`,
  )
  t.equal(await abandonDeliveries(db, 600), 1)
  await send()
  t.strictSame(await states(), ['unknown: no_answer'])
  t.equal(server.offered, 1)
})
