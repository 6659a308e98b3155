import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { connectBroker } from '#src/rabbitmq/connection.ts'
import { deadLetterQueue } from '#src/rabbitmq/topology.ts'
import { startTcpRelay } from '#src/testing/tcp-relay.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import {
  createMessagingWorld,
  FAST_TIERS,
  fold,
  itemId,
  placed,
  QUEUE,
  SUBSCRIBED,
  store,
} from './helper.ts'

type Test = { [K in 'equal' | 'match' | 'ok']: (typeof t)[K] }
type World = Awaited<ReturnType<typeof createMessagingWorld>>

const DEAD = deadLetterQueue(QUEUE)
const KILLER = '66.00'
const program = fileURLToPath(new URL('./fixtures/crashing-consumer.ts', import.meta.url))

/** Puts so many messages into the queue, with killers at even distances. */
async function enqueue(world: World, total: number, killers: number): Promise<void> {
  const distance = Math.floor(total / killers)
  const amounts = Array.from({ length: total }, (_, index) =>
    index % distance === distance >> 1 && index < distance * killers ? KILLER : '10.00',
  )
  const relay = world.relay()
  await world.write(amounts.map((amount) => placed(itemId(), amount, 1)))
  await waitFor('all in the queue', async () => (await world.unsent()) === 0)
  await relay.close()
}

const handledOf = async (world: World) =>
  new Set((await world.effects()).map(({ message_id }) => message_id))

/**
 * Every innocent had its effect, every killer is a dead letter, and nothing is counted any more. An effect is there
 * once, but for a projection: a connection that dies can take the acknowledgement along of what is committed, and a
 * projection is idempotent by its own sequence guard, which the one of these tests does not have. That is one message
 * for each death, since what comes again is taken one by one, and once the innocents that came first in one batch.
 */
async function judge(
  t: Test,
  world: World,
  kind: string,
  { total, killers, deaths }: { total: number; killers: number; deaths: number },
): Promise<void> {
  const letters = await world.drain(DEAD, killers)
  t.equal(letters.length, killers, 'no innocent is among the dead letters')
  for (const { headers, content } of letters) {
    t.match(headers, { 'x-reason': /never finished/ })
    t.match(content, KILLER)
  }
  t.equal((await handledOf(world)).size, total - killers)
  const repeated = (await world.effects()).length - (total - killers)
  const allowed = kind === 'projection' ? deaths + Math.floor(total / killers) : 0
  t.ok(repeated <= allowed, `${repeated} effects are repeated, ${allowed} may be`)
  await untilNothingIsCounted(world)
}

const untilNothingIsCounted = (world: World) =>
  waitFor('no attempts to be left', async () => {
    const { rows } = await world.pool.query('select 1 from inbox_attempts')
    return rows.length === 0
  })

/** Starts the process again and again, until all that is left are dead letters. */
async function restartUntilOver(
  world: World,
  order: { kind: string; attemptsMax?: number },
  total: number,
  killers: number,
): Promise<number> {
  const argument = JSON.stringify({ url: world.broker.url, config: world.config, ...order })
  const isOver = async () =>
    (await world.depth(DEAD)) >= killers && (await handledOf(world)).size >= total - killers
  for (let crashes = 0; ; crashes += 1) {
    const child = spawn(process.execPath, [program, argument], { stdio: 'ignore' })
    const exited = once(child, 'exit')
    const isAlive = () => child.exitCode === null && child.signalCode === null
    await waitFor('a crash or the end', async () => !isAlive() || (await isOver()))
    const isDone = isAlive()
    if (isDone) {
      await untilNothingIsCounted(world)
      child.kill('SIGKILL')
    }
    await exited
    if (isDone) return crashes
  }
}

for (const kind of ['transactional', 'projection']) {
  t.test(`a message that kills the process is put away: ${kind}`, async (t) => {
    const world = await createMessagingWorld(t)
    await enqueue(world, 23, 1)
    const crashes = await restartUntilOver(world, { kind }, 23, 1)
    t.ok(crashes >= 2 && crashes <= 5, `${crashes} crashes`)
    await judge(t, world, kind, { total: 23, killers: 1, deaths: crashes })
  })
}

t.test('ten killers among what was fetched together take no neighbour along', async (t) => {
  const world = await createMessagingWorld(t)
  const [total, killers, attemptsMax] = [200, 10, 2]
  await enqueue(world, total, killers)
  const order = { kind: 'projection', attemptsMax }
  const crashes = await restartUntilOver(world, order, total, killers)
  t.ok(crashes >= killers && crashes <= killers * attemptsMax, `${crashes} crashes`)
  await judge(t, world, order.kind, { total, killers, deaths: crashes })
})

// To the broker a process that died is a connection that is gone, and this is faster.
for (const kind of ['transactional', 'projection']) {
  t.test(`more deaths than the broker delivers a message cost no neighbour: ${kind}`, async (t) => {
    const world = await createMessagingWorld(t)
    const [total, killers] = [200, 13]
    await enqueue(world, total, killers)
    const amqp = new URL(world.broker.directUrl)
    const network = await startTcpRelay(amqp.hostname, Number(amqp.port))
    t.teardown(() => network.stop())
    amqp.host = `127.0.0.1:${network.port}`
    let deaths = 0
    for (let isOver = false; !isOver; ) {
      const connection = connectBroker({
        url: amqp.href,
        name: 'dying',
        log: world.log,
        subscriptions: SUBSCRIBED,
        retryTiers: FAST_TIERS,
      })
      let isDead = false
      const die = async (amount: string) => {
        if (amount !== KILLER) return
        network.cut()
        await waitFor('the loss', () => !consumers.isReady())
        isDead = true
        throw new Error('dead')
      }
      const dieOfAny = async (amounts: string[]) => {
        for (const amount of amounts) await die(amount)
      }
      const consumer = kind === 'projection' ? fold(100, dieOfAny) : store(die)
      const consumers = world.consume([consumer], { connection })
      await waitFor('a death or the end', async () => {
        if (isDead) return true
        isOver =
          (await world.depth(DEAD)) >= killers && (await handledOf(world)).size >= total - killers
        return isOver
      })
      if (isOver) await untilNothingIsCounted(world)
      else deaths += 1
      await consumers.close()
      await connection.close()
    }
    t.ok(deaths > 50 && deaths <= killers * 5, `${deaths} deaths`)
    await judge(t, world, kind, { total, killers, deaths })
  })
}
