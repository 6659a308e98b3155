import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { PostgresConfig } from '@auction/common/postgres/pool.ts'

const SERVICE = fileURLToPath(new URL('..', import.meta.url))

/** Runs one of the commands for people in cmd/ against a test's database. */
export async function runCommand(
  name: string,
  config: PostgresConfig,
  args: readonly string[] = [],
  settings: Record<string, string> = {},
) {
  const postgres = Object.entries(config).map(([key, value]) => [key, String(value)])
  const child = spawn(process.execPath, [`src/cmd/${name}.ts`, ...args], {
    cwd: SERVICE,
    env: {
      PATH: process.env.PATH,
      LOG_LEVEL: 'warn',
      ...Object.fromEntries(postgres),
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [output, errors] = [text(child.stdout), text(child.stderr)]
  const [code] = await once(child, 'exit')
  return { code: code as number | null, output: await output, errors: await errors }
}
