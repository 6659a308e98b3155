import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { readSecrets } from '#src/secrets.ts'
import { platformStateDir, readRunning } from '#src/state.ts'

// An operator's command of identity, with the settings of the platform that runs on this machine.
const [name, ...args] = process.argv.slice(2)
const isHelp = args.includes('--help') || args.includes('-h')
const stateDir = platformStateDir()
const running = readRunning(stateDir)
if (running === undefined && !isHelp) {
  console.error('No platform is running here ("make up").')
  process.exit(2)
}
// Help needs no platform.
const secrets = running === undefined ? undefined : readSecrets(stateDir)
const { status } = spawnSync(process.execPath, [`src/cmd/${name}.ts`, ...args], {
  cwd: fileURLToPath(new URL('../../../services/identity', import.meta.url)),
  stdio: 'inherit',
  env: {
    PATH: process.env.PATH,
    LOG_LEVEL: 'warn',
    POSTGRES_HOST: '127.0.0.1',
    POSTGRES_PORT: String(running?.postgresPort ?? ''),
    POSTGRES_USERNAME: 'identity',
    POSTGRES_PASSWORD: secrets?.postgresServices,
    POSTGRES_DATABASE: 'identity',
    KEY_ENCRYPTION_KEY: secrets?.keyEncryptionKey,
  },
})
process.exit(status ?? 1)
