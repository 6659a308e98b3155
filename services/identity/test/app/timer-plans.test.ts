import { explainTimers, UNUSED_CONNECTIONS } from '@auction/common/testing/clock-plans.ts'
import t from 'tap'
import { buildWorker } from '#src/app/worker.ts'
import { readWorkerConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { newKeyEncryptionKey } from '#test/helper.ts'

const config = readWorkerConfig({
  ...UNUSED_CONNECTIONS,
  AUCTION_URL: 'http://unused',
  BID_URL: 'http://unused',
  ORDER_URL: 'http://unused',
  PAYMENT_URL: 'http://unused',
  KEY_ENCRYPTION_KEY: newKeyEncryptionKey(),
  MAIL_SEAL_KEY: newKeyEncryptionKey(),
  PUBLIC_URL: 'http://unused',
})

t.test('every timer finds what is due by an index, at any size', async (t) => {
  const { compared, scanning } = await explainTimers<Database>(t, SERVICE, (context) =>
    buildWorker(config, context),
  )
  t.ok(compared >= 10)
  // One row a month: there will never be many.
  const ofManyRows = scanning.filter((text) => !text.startsWith('update "signing_keys"'))
  t.strictSame(ofManyRows, [])
})
