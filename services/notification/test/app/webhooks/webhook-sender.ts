import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool, type PostgresConfig } from '@auction/common/postgres/pool.ts'
import { createSecretBox } from '@auction/common/secret-box.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { createWebhookDeliverer } from '#src/app/webhooks/deliver-webhooks.ts'
import { createWebhookMetrics } from '#src/app/webhooks/metrics.ts'
import { readNetworks } from '#src/domain/outgoing-address.ts'
import { createGuardedClient } from '#src/infra/http/guarded-client.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { log, PATIENT_POOL } from '#test/helper.ts'

// A process that sends webhooks, for a test that kills it.
const { config, key, network } = JSON.parse(process.argv[2] ?? '') as {
  config: PostgresConfig
  key: string
  network: string
}
await createWebhookDeliverer({
  db: createDatabase<Database>(createPool(config, { ...PATIENT_POOL, log })),
  client: createGuardedClient({
    ownHost: 'auction.example',
    allowedNetworks: readNetworks(network),
  }),
  box: createSecretBox(key),
  log,
  metrics: createWebhookMetrics(createRegistry('notification')),
}).run()
