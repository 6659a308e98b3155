import { execFileSync, spawnSync } from 'node:child_process'
import { hasApt, installWithApt } from './apt.ts'

export interface SystemPackage {
  /** What a person calls it. */
  title: string
  /** Its name for apt-get and, where there is one, for Homebrew. */
  apt: string
  brew?: string
  /** Where the program is, once it is installed. */
  find(): string | undefined
  log: (line: string) => void
}

const has = (command: string) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0

/** The path of a program on PATH by one of its names. */
export function onPath(...names: readonly string[]): string | undefined {
  for (const name of names) {
    const { status, stdout } = spawnSync('sh', ['-c', `command -v ${name}`])
    if (status === 0) return stdout.toString().trim()
  }
  return undefined
}

/** Finds a program or installs its package with whatever this machine has for that. */
export function ensureSystemPackage({ title, apt, brew, find, log }: SystemPackage): string {
  const present = find()
  if (present !== undefined) return present
  const attempts: string[] = []
  const attempt = (install: () => void) => {
    try {
      install()
    } catch (error) {
      attempts.push(error instanceof Error ? error.message : String(error))
    }
  }
  if (hasApt()) attempt(() => installWithApt(apt, log))
  if (find() === undefined && brew !== undefined && has('brew')) {
    attempt(() => installWithBrew(brew, log))
  }
  if (attempts.length === 0) attempts.push('there is neither apt-get nor brew here')
  const installed = find()
  if (installed !== undefined) return installed
  throw new Error(
    [
      `${title} is needed and could not be installed.`,
      ...attempts.map((text) => `  - ${text}`),
      `Install ${apt} (for example "sudo apt-get install ${apt}") and start again.`,
    ].join('\n'),
  )
}

function installWithBrew(name: string, log: (line: string) => void): void {
  log(`installing ${name} with brew`)
  try {
    execFileSync('brew', ['install', ...name.split(' ')], { stdio: 'pipe' })
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer }
    const reason = stderr?.toString().trim().split('\n').at(-1)
    throw new Error(`brew: ${reason ?? String(error)}`)
  }
}
