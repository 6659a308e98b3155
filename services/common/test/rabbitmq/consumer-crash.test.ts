import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { deadLetterQueue } from '#src/rabbitmq/topology.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import { createMessagingWorld, itemId, placed, QUEUE } from './helper.ts'

const DEAD = deadLetterQueue(QUEUE)
const bids = (amounts: string[]) => amounts.map((amount) => placed(itemId(), amount, 1))
const many = (count: number) => Array.from({ length: count }, () => '10.00')

for (const kind of ['transactional', 'projection']) {
  t.test(`a message that kills the process is put away: ${kind}`, async (t) => {
    const world = await createMessagingWorld(t)
    world.relay()
    await world.write(bids(['10.00', '11.00', '66.00', ...many(20)]))
    await waitFor('all in the queue', async () => (await world.unsent()) === 0)
    const program = fileURLToPath(new URL('./fixtures/crashing-consumer.ts', import.meta.url))
    const argument = JSON.stringify({ url: world.broker.url, config: world.config, kind })
    let crashes = 0
    for (let isDead = false; !isDead; ) {
      const child = spawn(process.execPath, [program, argument], { stdio: 'ignore' })
      const exited = once(child, 'exit')
      const dead = waitFor('the end of the process or of the poison', async () => {
        return child.exitCode !== null || (await world.depth(DEAD)) === 1
      })
      await dead
      isDead = child.exitCode === null
      if (isDead) {
        await waitFor('the neighbours', async () => (await world.effects()).length === 22)
        child.kill('SIGKILL')
      } else crashes += 1
      await exited
    }
    t.ok(crashes >= 2 && crashes <= 5, `${crashes} crashes`)
    const [letter] = await world.drain(DEAD, 1)
    t.match(letter?.headers, { 'x-reason': /never finished/ })
    t.match(letter?.content, '66.00')
    const ids = (await world.effects()).map(({ message_id }) => message_id)
    t.equal(new Set(ids).size, 22)
  })
}
