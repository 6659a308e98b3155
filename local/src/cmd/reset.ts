import { rmSync } from 'node:fs'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { openState } from '#src/infrastructure.ts'
import { removePostgresData } from '#src/postgres.ts'
import { platformStateDir, runningPid } from '#src/state.ts'

readCommandLine({
  help: `make reset

Deletes every account, item and bid of the platform of this machine, which must be stopped.`,
})

const stateDir = platformStateDir()
const pid = runningPid(stateDir)
if (pid !== undefined) {
  console.error(`The platform is running (process ${pid}). Stop it first: "make down".`)
  process.exit(1)
}
await openState(stateDir, (line) => console.log(line))
removePostgresData(stateDir)
// The gateway's program is no data and takes a download, so it stays.
for (const part of ['rabbitmq', 'logs', 'gateway', 'secrets.json', 'running.json']) {
  rmSync(`${stateDir}/${part}`, { recursive: true, force: true })
}
console.log('every account, item and bid of this machine’s platform is gone')
