import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { platformStateDir, readRunning } from '#src/state.ts'

// The operator's command of common, pointed at the platform that runs on this machine unless
// RABBITMQ_URL names another broker.
const args = process.argv.slice(2)
const isHelp = args.includes('--help') || args.includes('-h')
const url = process.env.RABBITMQ_URL ?? readRunning(platformStateDir())?.rabbitmqUrl
if (url === undefined && !isHelp) {
  console.error('No platform is running here ("make up"), and RABBITMQ_URL names no broker.')
  process.exit(2)
}
const program = fileURLToPath(import.meta.resolve('@auction/common/cmd/dlq.ts'))
const { status } = spawnSync(process.execPath, [program, ...args], {
  stdio: 'inherit',
  env: { ...process.env, RABBITMQ_URL: url ?? '' },
})
process.exit(status ?? 1)
