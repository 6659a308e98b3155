import { randomUUID } from 'node:crypto'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import t from 'tap'
import { decide } from '#src/app/approvals/decide.ts'
import type { AdvanceDependencies } from '#src/app/payments/advance.ts'
import { createPayoutMetrics } from '#src/app/payouts/payout-metrics.ts'
import { createWorld } from '#test/helper.ts'
import { captured } from '../payments/buyer.ts'
import { type Life, liveUntil } from '../payments/killed-life.ts'
import { freshly, refund } from '../payments/refunds.ts'
import { cut } from '../payouts/killed-payouts.ts'

const EFFECTS_MAX = 100

t.test(
  'an approval that dies anywhere is done whole or not at all, and once when it is repeated',
  async (t) => {
    const world = await createWorld(t, {
      approvals: { isOn: true, limitOf: () => 0n, expiryMs: 3_600_000 },
    })
    const first = world.person({ roles: ['user', 'moderator'], auth_time: freshly() })
    const second = { id: randomUUID(), roles: ['user', 'moderator'] }
    const { order, payment } = await captured(world, world.person())
    let deaths = 0
    for (; deaths < EFFECTS_MAX; deaths += 1) {
      const body = { orderId: order.orderId, amount: '0.01' }
      const id = (await refund(world, first, payment.id, body)).json().approval.id as string
      const approve = async (dependencies: AdvanceDependencies) => {
        const payoutMetrics = createPayoutMetrics(createRegistry('payment'))
        await decide({ ...dependencies, payoutMetrics }, { id, state: 'executed' }, second)
      }
      const life: Life = {
        database: world.database.config,
        sandboxUrl: world.sandbox.url,
        orderUrl: world.orders.url,
        buyerId: order.buyerId,
        orderId: order.orderId,
        dieAfter: deaths + 1,
      }
      const isAlive = await liveUntil(life, cut, approve)
      const known = async () => {
        const refunds = await world.db.selectFrom('refunds').select('id').execute()
        const row = await world.db
          .selectFrom('approvals')
          .select(['state', 'result_id as resultId'])
          .where('id', '=', id)
          .executeTakeFirstOrThrow()
        return { ...row, count: refunds.length }
      }
      const { state, count } = await known()
      t.equal(count, state === 'executed' ? deaths + 1 : deaths, `died after effect ${deaths + 1}`)
      await approve(world.advance)
      const after = await known()
      t.match(after, { state: 'executed', resultId: /./, count: deaths + 1 })
      if (isAlive) break
    }
    t.ok(deaths > 15, `${deaths} deaths`)
    t.ok(deaths < EFFECTS_MAX, 'the last one lived to its end')
  },
)
