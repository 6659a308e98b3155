import { setTimeout as wait } from 'node:timers/promises'
import { openState } from '#src/infrastructure.ts'
import { platformStateDir, runningPid } from '#src/state.ts'

const stateDir = platformStateDir()
const pid = runningPid(stateDir)
if (pid !== undefined) {
  console.log(`stopping the platform (process ${pid})`)
  process.kill(pid, 'SIGTERM')
  while (runningPid(stateDir) !== undefined) await wait(100)
}
await openState(stateDir, (line) => console.log(line))
console.log('nothing of the platform is running')
