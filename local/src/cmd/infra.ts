import { fileURLToPath } from 'node:url'
import { startInfrastructure } from '../infrastructure.ts'
import { claimState } from '../state.ts'

// PostgreSQL and RabbitMQ for running single tests by hand; `make test` starts its own.
const stateDir = fileURLToPath(new URL('../../../.local/infra', import.meta.url))
const release = claimState(stateDir)
const infrastructure = await startInfrastructure({
  stateDir,
  log: (line) => console.log(`# ${line}`),
})
await Promise.all([infrastructure.postgresReady, infrastructure.rabbitmqReady])
console.log(`export TEST_POSTGRES_URL=${infrastructure.postgres.adminUrl}`)
console.log(`export TEST_RABBITMQ_URL=${infrastructure.rabbitmq.url}`)
console.log(`export TEST_RABBITMQ_MANAGEMENT_URL=${infrastructure.rabbitmq.managementUrl}`)
console.log('# Ctrl-C stops both')
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, async () => {
    await infrastructure.stop()
    release()
    process.exit(0)
  })
}
