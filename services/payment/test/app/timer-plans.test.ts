import { explainTimers, UNUSED_CONNECTIONS } from '@auction/common/testing/clock-plans.ts'
import { startSandbox } from '@auction/local/sandbox/server.ts'
import t from 'tap'
import { buildWorker } from '#src/app/worker.ts'
import { readWorkerConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

// One of each provider, what has no invoice yet, what waits for a second operator.
const FEW_ROWS = /^update reconciliations|from invoice_tasks|^update approvals/

t.test('every timer finds what is due by an index, at any size', async (t) => {
  const secretKey = 'sk_test_plans'
  const sandbox = await startSandbox({ secretKey })
  t.teardown(() => sandbox.close())
  const config = readWorkerConfig({
    ...UNUSED_CONNECTIONS,
    PUBLIC_URL: 'http://unused',
    ORDER_URL: 'http://unused',
    BID_URL: 'http://unused',
    STRIPE_API_URL: sandbox.url,
    STRIPE_SECRET_KEY: secretKey,
    STRIPE_WEBHOOK_SECRET: 'whsec_unused',
    STRIPE_CONNECT: 'true',
    STRIPE_CONNECT_WEBHOOK_SECRET: 'whsec_unused',
  })
  const { compared, scanning } = await explainTimers<Database>(
    t,
    SERVICE,
    (context) => buildWorker(config, context),
    { provider: ['stripe', 'mollie'] },
  )
  t.ok(compared >= 5, 'payments, deposits and payouts are looked at by the clock')
  t.strictSame(
    scanning.filter((text) => !FEW_ROWS.test(text)),
    [],
  )
})
