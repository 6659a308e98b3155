import { type Life, liveUntil } from './killed-life.ts'

await liveUntil(JSON.parse(process.argv[2] ?? '{}') as Life, () =>
  process.kill(process.pid, 'SIGKILL'),
)
