import { createDatabase } from '@auction/common/postgres/database.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { explainByClock } from '@auction/common/testing/clock-plans.ts'
import { createTestDatabase } from '@auction/common/testing/database.ts'
import t from 'tap'
import { watchPayments } from '#src/app/payments/watch-payments.ts'
import { postponeLotCheck } from '#src/infra/postgres/deposits/deposits.ts'
import { isDifferenceKnown } from '#src/infra/postgres/payments/differences.ts'
import { wakeAccount } from '#src/infra/postgres/payouts/accounts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { readPayoutEntries } from '#src/infra/postgres/verify/pages.ts'
import { SERVICE } from '#src/service.ts'

const ID = '01900000-0000-7000-8000-000000000001'
const GROWING = new Set(['payments', 'deposits', 'payouts', 'payout_reversals', 'payout_accounts'])

t.test('nothing that goes on by itself reads all payments, deposits or payouts', async (t) => {
  const { whole, indexes } = await explainByClock(
    await createTestDatabase(t, SERVICE.migrations),
    async (pool) => {
      const db = createDatabase<Database>(pool)
      const registry = createRegistry(SERVICE.name)
      watchPayments(db, registry, ['stripe'])
      await registry.metrics()
      await postponeLotCheck(db, ID, { endsAt: new Date(), afterEndMs: 1_000, atMostMs: 1_000 })
      await wakeAccount(db, 'stripe', ['acct_1'])
      await isDifferenceKnown(db, { provider: 'stripe', kind: 'foreign_refund', reference: 're_1' })
      await readPayoutEntries(db, 0n, 100)
    },
    { provider: ['stripe', 'mollie'] },
  )
  const reads = whole.filter(
    ({ table, text }) =>
      GROWING.has(table) ||
      (table === 'payment_differences' && !text.includes('closed_at is null')),
  )
  t.strictSame(reads, [])
  for (const index of [
    'payments_mismatched',
    'payout_accounts_by_reference',
    'payment_differences_by_name',
    'deposits_of_item',
  ])
    t.ok(indexes.has(index), index)
})
