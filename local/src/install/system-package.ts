import { execFileSync, spawnSync } from 'node:child_process'

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

// Some packages start a server of their own on its usual port; policy-rc.d is Debian's way to say no.
const aptScript = (name: string) => `set -e
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends ${name}`

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
  const attempt = (name: string, command: string, args: string[]) => {
    log(`installing ${apt} with ${name}`)
    try {
      execFileSync(command, args, { stdio: 'pipe' })
    } catch (error) {
      const { stderr } = error as { stderr?: Buffer }
      attempts.push(`${name}: ${stderr?.toString().trim().split('\n').at(-1) ?? String(error)}`)
    }
  }
  if (has('apt-get')) {
    if (process.getuid?.() === 0) attempt('apt-get', 'sh', ['-c', aptScript(apt)])
    else if (has('sudo')) attempt('sudo apt-get', 'sudo', ['-n', 'sh', '-c', aptScript(apt)])
    else attempts.push('apt-get: needs root, and there is no sudo')
  }
  if (find() === undefined && brew !== undefined && has('brew')) {
    attempt('brew', 'brew', ['install', ...brew.split(' ')])
  }
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
