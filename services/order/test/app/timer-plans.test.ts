import { explainTimers, UNUSED_CONNECTIONS } from '@auction/common/testing/clock-plans.ts'
import t from 'tap'
import { buildWorker } from '#src/app/worker.ts'
import { readWorkerConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

const config = readWorkerConfig({
  ...UNUSED_CONNECTIONS,
  AUCTION_URL: 'http://unused',
  BID_URL: 'http://unused',
})

t.test('every timer finds what is due by an index, at any size', async (t) => {
  const { compared, scanning } = await explainTimers<Database>(t, SERVICE, (context) =>
    buildWorker(config, context),
  )
  t.ok(compared >= 1, 'the due timers look at the clock')
  t.strictSame(scanning, [])
})
