import { parseArgs } from 'node:util'
import { sql } from 'kysely'
import { RELEASES_AT_ONCE, releaseDueDeposits } from '#src/app/deposits/deposit-timers.ts'
import { createPace } from '#src/app/deposits/pace.ts'
import { createWorld } from '#test/helper.ts'
import { closedEvent, publish } from './bidder.ts'
import { holdMany } from './many-held.ts'

/**
 * How long a closed lot takes until the deposits of its losers are released, in one process together with the sandbox:
 * `node test/app/deposits/release-many.ts --deposits 10000 --atOnce 48`. Not a test: it says nothing of a provider's own time.
 */
const { values } = parseArgs({
  options: { deposits: { type: 'string', default: '10000' }, atOnce: { type: 'string' } },
})
const count = Number(values.deposits)
const atOnce = Number(values.atOnce ?? RELEASES_AT_ONCE)
const ends: (() => unknown)[] = []
const world = await createWorld({ teardown: (work: () => unknown) => ends.unshift(work) } as never)
try {
  const lot = world.bids.add()
  await holdMany(world, lot, count)
  const began = performance.now()
  const cpu = process.cpuUsage()
  await publish(world, closedEvent(lot))
  const decidedMs = performance.now() - began
  // What the provider takes in a second is not measured here.
  await sql`update deposits set due_at = clock_timestamp() where due_at is not null`.execute(
    world.db,
  )
  const left = async () => {
    const { rows } = await sql<{ left: number }>`
      select count(*)::integer as left from deposits where state = 'held'`.execute(world.db)
    return rows[0]?.left ?? 0
  }
  while ((await left()) > 0) await releaseDueDeposits(world.advance, createPace(atOnce))
  const seconds = (performance.now() - began) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  console.log(
    `${count} released in ${seconds.toFixed(1)} s (${(count / seconds).toFixed(0)} a second), decided in ${decidedMs.toFixed(0)} ms, ${((user + system) / 1e6).toFixed(1)} s of processor time`,
  )
} finally {
  for (const end of ends) await end()
}
