import { spawnSync } from 'node:child_process'

export type Log = (line: string) => void

const LOCK_WAIT_SECONDS = 900
const LOCK_RETRY_SECONDS = 5

// A fresh machine updates itself in its first minutes and holds the locks meanwhile. apt-get can wait
// for the lock of dpkg but not for that of its lists, so it is started again until both are free; it
// waits for neither itself, since policy-rc.d would be there meanwhile.
// What apt-get prints goes to stdout, where a failure is read; stderr is for the person who waits.
// Some packages start a server on its usual port; policy-rc.d is Debian's way to say no.
const SCRIPT = `
policy=$1 wait_seconds=$2 retry_seconds=$3
shift 3
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
said=$(mktemp)
made=
trap 'rm -f "$said" $made' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# Only while apt-get runs: who holds the lock meanwhile may start services.
deny_starts() {
  [ -e "$policy" ] && return
  made=$policy
  printf '#!/bin/sh\\nexit 101\\n' > "$policy" && chmod +x "$policy"
}
allow_starts() {
  rm -f $made
  made=
}
apt() {
  waited=0
  until deny_starts; apt-get -q -o DPkg::Lock::Timeout=0 -o Acquire::Retries=3 "$@" > "$said" 2>&1; do
    allow_starts
    cat "$said"
    grep -Eq 'Could not get lock|Unable to (acquire|lock)' "$said" || return 1
    [ "$waited" -lt "$wait_seconds" ] || return 1
    if [ "$waited" -eq 0 ]; then
      holder=$(grep -Eo 'held by process [0-9]+( \\([^)]*\\))?' "$said" | head -n 1)
      echo "waiting up to $((wait_seconds / 60)) minutes for the package lock\${holder:+, $holder}" >&2
    fi
    waited=$((waited + retry_seconds))
    sleep "$retry_seconds"
  done
  allow_starts
  cat "$said"
}
# One list that cannot be read is no reason: the package may be in another one, or known already.
apt update
apt install -y --no-install-recommends "$@"`

export interface AptOptions {
  env?: NodeJS.ProcessEnv
  policyFile?: string
  waitSeconds?: number
  retrySeconds?: number
}

/** Whether this machine has apt-get. */
export function hasApt(env: NodeJS.ProcessEnv = process.env): boolean {
  return spawnSync('apt-get', ['--version'], { env }).status === 0
}

/**
 * Installs a Debian package, as root or with sudo. It waits while another program installs, and says
 * so. Throws an error that says why it could not.
 */
export function installWithApt(name: string, log: Log, options: AptOptions = {}): void {
  const { env = process.env, policyFile = '/usr/sbin/policy-rc.d' } = options
  const { waitSeconds = LOCK_WAIT_SECONDS, retrySeconds = LOCK_RETRY_SECONDS } = options
  const isRoot = process.getuid?.() === 0
  if (!isRoot && spawnSync('sudo', ['-n', 'true'], { env }).status !== 0) {
    throw new Error('apt-get needs root, and sudo asks for a password or is not there')
  }
  log(`installing ${name} with ${isRoot ? '' : 'sudo '}apt-get`)
  const numbers = [waitSeconds, retrySeconds].map(String)
  const script = ['sh', '-c', SCRIPT, 'sh', policyFile, ...numbers, name]
  const [command = '', ...args] = isRoot ? script : ['sudo', '-n', ...script]
  const { status, stdout, error } = spawnSync(command, args, {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status === 0) return
  throw new Error(`apt-get: ${error?.message ?? reasonIn(stdout)}`)
}

/** The lines in which apt-get says why, or its last one. */
function reasonIn(output: string): string {
  const lines = output.trim().split('\n')
  const errors = lines.filter((line) => line.startsWith('E: '))
  return errors.length > 0 ? errors.slice(-3).join(' ') : (lines.at(-1) ?? '')
}
