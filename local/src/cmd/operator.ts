import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { readSecrets } from '#src/secrets.ts'
import { platformStateDir, readRunning } from '#src/state.ts'

// An operator's command of a service, with the settings of the platform that runs on this machine.
const [service = '', name, ...args] = process.argv.slice(2)
const isHelp = args.includes('--help') || args.includes('-h')
// Neither help nor what mails look like needs a platform.
const isAlone = isHelp || args.includes('preview')
const stateDir = platformStateDir()
const running = readRunning(stateDir)
if (running === undefined && !isAlone) {
  console.error('No platform is running here ("make up").')
  process.exit(2)
}
const secrets = running === undefined ? undefined : readSecrets(stateDir)
const { status } = spawnSync(process.execPath, [`src/cmd/${name}.ts`, ...args], {
  cwd: fileURLToPath(new URL(`../../../services/${service}`, import.meta.url)),
  stdio: 'inherit',
  env: {
    PATH: process.env.PATH,
    INIT_CWD: process.env.INIT_CWD,
    LOG_LEVEL: 'warn',
    POSTGRES_HOST: '127.0.0.1',
    POSTGRES_PORT: String(running?.postgresPort ?? ''),
    POSTGRES_USERNAME: service,
    POSTGRES_PASSWORD: secrets?.postgresServices,
    POSTGRES_DATABASE: service,
    KEY_ENCRYPTION_KEY: secrets?.keyEncryptionKey,
    INTERNAL_JWT_SECRET: secrets?.internalJwt,
    PUBLIC_URL: running?.gatewayUrl,
    STRIPE_API_URL: running?.sandboxUrl,
    STRIPE_SECRET_KEY: secrets?.stripeSecretKey,
    STRIPE_WEBHOOK_SECRET: secrets?.stripeWebhookSecret,
    STRIPE_CONNECT: 'true',
  },
})
process.exit(status ?? 1)
