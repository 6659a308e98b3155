import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const IDENTITY = fileURLToPath(new URL('../../services/identity', import.meta.url))

/** What an operator types on the console of identity. */
export function makeAdmin(databaseUrl: string, email: string): string {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl)
  const { stdout } = spawnSync(process.execPath, ['src/cmd/admin.ts', 'grant', email], {
    cwd: IDENTITY,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      LOG_LEVEL: 'warn',
      POSTGRES_HOST: hostname,
      POSTGRES_PORT: port,
      POSTGRES_USERNAME: username,
      POSTGRES_PASSWORD: decodeURIComponent(password),
      POSTGRES_DATABASE: pathname.slice(1),
    },
  })
  return stdout
}
