import { fileURLToPath } from 'node:url'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { startInfrastructure } from '#src/infrastructure.ts'
import { ensureS3Server } from '#src/install/s3-server.ts'
import { ensureTraefik } from '#src/install/traefik.ts'
import { PROGRAMS_DIR } from '#src/platform.ts'
import { claimState } from '#src/state.ts'

readCommandLine({
  help: `npm run infra -w local

Runs PostgreSQL and RabbitMQ for single tests until Ctrl-C and prints what to export.`,
})

// PostgreSQL and RabbitMQ for running single tests by hand; `make test` starts its own.
const stateDir = fileURLToPath(new URL('../../../.local/infra', import.meta.url))
const release = claimState(stateDir)
const log = (line: string) => console.log(`# ${line}`)
const starting = startInfrastructure({ stateDir, log })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, async () => {
    const started = await starting.catch(() => undefined)
    await started?.stop()
    release()
    process.exit(0)
  })
}
const infrastructure = await starting
const traefik = await ensureTraefik(PROGRAMS_DIR, log)
const s3Server = await ensureS3Server(PROGRAMS_DIR, log)
await Promise.all([infrastructure.postgresReady, infrastructure.rabbitmqReady])
console.log(`export TEST_POSTGRES_URL=${infrastructure.postgres.adminUrl}`)
console.log(`export TEST_RABBITMQ_URL=${infrastructure.rabbitmq.url}`)
console.log(`export TEST_RABBITMQ_MANAGEMENT_URL=${infrastructure.rabbitmq.managementUrl}`)
console.log(`export TEST_TRAEFIK=${traefik}`)
console.log(`export TEST_S3_SERVER=${s3Server}`)
console.log('# Ctrl-C stops both')
