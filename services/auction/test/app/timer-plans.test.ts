import { explainTimers, UNUSED_CONNECTIONS } from '@auction/common/testing/clock-plans.ts'
import t from 'tap'
import { buildWorker } from '#src/app/worker.ts'
import { readWorkerConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

const config = readWorkerConfig({
  ...UNUSED_CONNECTIONS,
  BID_URL: 'http://unused',
  IDENTITY_URL: 'http://unused',
})

t.test('every timer finds what is due by an index, at any size', async (t) => {
  const { compared, scanning } = await explainTimers<Database>(t, SERVICE, (context) =>
    buildWorker(config, context),
  )
  t.ok(compared >= 10)
  // A queue in the order of its numbers: what is postponed in front is passed over, and is little.
  const byClock = scanning.filter((text) => !/from "search_matchings"/.test(text))
  t.strictSame(byClock, [])
})
