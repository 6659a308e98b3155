import { createDatabase } from '@auction/common/postgres/database.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { createTestDatabase } from '@auction/common/testing/database.ts'
import t from 'tap'
import { createMoneyMetrics } from '#src/app/metrics.ts'
import { createPayoutMetrics } from '#src/app/payouts/payout-metrics.ts'
import { createTimers } from '#src/app/timers.ts'
import { post } from '#src/infra/postgres/ledger/post.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { log } from '#test/helper.ts'

t.test('the timers of the worker seal what was posted and measure what waits', async (t) => {
  const { pool } = await createTestDatabase(t, SERVICE.migrations)
  const db = createDatabase<Database>(pool)
  const registry = createRegistry('payment')
  const timers = createTimers({
    db,
    log,
    metrics: createMoneyMetrics(registry, 1),
    payoutMetrics: createPayoutMetrics(registry),
    payoutRules: { minimumOf: () => 1n, intervalMs: 1 },
    payoutProviders: [],
    issuer: { name: 'Auction', address: '', taxId: '' },
  })
  await db.transaction().execute((tx) =>
    post(tx, {
      key: 'one',
      kind: 'correction',
      postings: [
        { account: 'refund:due', currencyCode: 'EUR', amount: -5n },
        { account: 'dispute:held', currencyCode: 'EUR', amount: 5n },
      ],
    }),
  )
  const run = (name: string) => timers.find((timer) => timer.name === name)?.run()
  const readMetric = async (name: string) => {
    const metric = await registry.getSingleMetric(name)?.get()
    return metric?.values[0]?.value
  }
  await run('backlog of money')
  t.ok(Number(await readMetric('payment_ledger_unsealed_seconds')) > 0)
  await run('seals of the ledger')
  await run('payouts')
  await run('invoices')
  await run('backlog of money')
  t.equal(await readMetric('payment_ledger_unsealed_seconds'), 0)
  t.equal(await readMetric('payment_ledger_sealed_total'), 1)
  t.equal(await readMetric('payment_payouts_open'), 0)
})
