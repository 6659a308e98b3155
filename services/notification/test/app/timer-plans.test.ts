import { explainTimers, UNUSED_CONNECTIONS } from '@auction/common/testing/clock-plans.ts'
import t from 'tap'
import { buildWorker } from '#src/app/worker.ts'
import { readWorkerConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

const config = readWorkerConfig({
  ...UNUSED_CONNECTIONS,
  PUBLIC_URL: 'http://unused',
  AUCTION_URL: 'http://unused',
  IDENTITY_URL: 'http://unused',
  MAIL_SEAL_KEY: Buffer.alloc(32).toString('base64'),
  SMTP_HOST: 'unused',
  MAIL_FROM: 'unused@example.test',
  WEBHOOK_SEAL_KEY: Buffer.alloc(32).toString('base64'),
})

t.test('every timer finds what is due by an index, at any size', async (t) => {
  const { compared, scanning } = await explainTimers<Database>(t, SERVICE, (context) =>
    buildWorker(config, context),
  )
  t.ok(compared >= 5, 'the dispatcher and the purges look at the clock')
  t.strictSame(scanning, [])
})
