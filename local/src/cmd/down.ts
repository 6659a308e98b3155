import { setTimeout as wait } from 'node:timers/promises'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { openState } from '#src/infrastructure.ts'
import { platformStateDir, runningPid } from '#src/state.ts'

readCommandLine({
  help: `make down

Stops the platform that runs on this machine, or ends what a killed run left.`,
})

const stateDir = platformStateDir()
const pid = runningPid(stateDir)
if (pid !== undefined) {
  console.log(`stopping the platform (process ${pid})`)
  process.kill(pid, 'SIGTERM')
  while (runningPid(stateDir) !== undefined) await wait(100)
}
await openState(stateDir, (line) => console.log(line))
console.log('nothing of the platform is running')
