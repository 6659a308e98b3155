import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { installWithApt } from '#src/install/apt.ts'
import { pipInstall } from '#src/install/python-program.ts'

/** A PATH on which these programs come first; `calls` counts how often each was started. */
function machine(t: Test, programs: Record<string, string>) {
  const folder = t.testdir()
  for (const [name, body] of Object.entries(programs)) {
    const path = join(folder, name)
    writeFileSync(path, `#!/bin/sh\necho "$*" >> ${path}.calls\nhere=${folder}\n${body}\n`)
    chmodSync(path, 0o755)
  }
  const calls = (name: string) => {
    const file = join(folder, `${name}.calls`)
    return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []
  }
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` }
  return { env, calls, folder }
}

// For a run as an ordinary user; root does not ask it.
const SUDO = 'shift\nexec "$@"'

const install = (world: ReturnType<typeof machine>, waitSeconds = 60) =>
  installWithApt('toys', () => undefined, {
    env: world.env,
    policyFile: join(world.folder, 'policy-rc.d'),
    waitSeconds,
    retrySeconds: 1,
  })

t.test('apt-get is asked again while another program holds its locks', async (t) => {
  const world = machine(t, {
    sudo: SUDO,
    // The first update and the first installation come while the machine updates itself.
    'apt-get': `
case "$*" in *--version*) exit;; *install*) what=install;; *) what=update;; esac
[ -e "$here/$what" ] && exit
touch "$here/$what"
echo "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (unattended-upgr)"
exit 100`,
  })
  install(world)
  const calls = world.calls('apt-get')
  t.equal(calls.filter((call) => / update$/.test(call)).length, 2)
  t.equal(calls.filter((call) => / install .*toys$/.test(call)).length, 2)
  t.notOk(existsSync(join(world.folder, 'policy-rc.d')), 'nothing is left behind')
})

t.test('a lock that is never given back is named', async (t) => {
  const lock = 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt)'
  const world = machine(t, { sudo: SUDO, 'apt-get': `echo '${lock}'; exit 100` })
  t.throws(() => install(world, 1), { message: `apt-get: ${lock}` })
})

t.test('services are denied their start only while apt-get runs', async (t) => {
  const world = machine(t, {
    sudo: SUDO,
    // A try that waits for the lock itself would do so with the file in place.
    'apt-get': `
[ -e "$here/policy-rc.d" ] && touch "$here/denied-in-apt"
case "$*" in *Lock::Timeout=0*) ;; *) touch "$here/waits-in-apt";; esac
[ -e "$here/again" ] && exit
touch "$here/again"
echo "E: Could not get lock /var/lib/dpkg/lock-frontend"
exit 100`,
    sleep: '[ -e "$here/policy-rc.d" ] && touch "$here/denied-in-wait"',
  })
  install(world)
  const was = (name: string) => existsSync(join(world.folder, name))
  t.equal(world.calls('sleep').length, 1)
  t.ok(was('denied-in-apt'))
  t.notOk(was('denied-in-wait'))
  t.notOk(was('waits-in-apt'))
})

for (const signal of ['INT', 'TERM', 'HUP']) {
  t.test(`SIG${signal} during an installation leaves no policy-rc.d`, async (t) => {
    const world = machine(t, {
      sudo: SUDO,
      'apt-get': `[ -e "$here/policy-rc.d" ] && touch "$here/denied"\nkill -${signal} $PPID`,
    })
    t.throws(() => install(world))
    t.ok(existsSync(join(world.folder, 'denied')))
    t.notOk(existsSync(join(world.folder, 'policy-rc.d')))
  })
}

t.test('a list that cannot be read does not keep a package from being installed', async (t) => {
  const world = machine(t, {
    sudo: SUDO,
    'apt-get': 'case "$*" in *update*) echo "E: Failed to fetch"; exit 100;; esac',
  })
  t.doesNotThrow(() => install(world))
})

t.test('a package that does not exist is a failure with the words of apt-get', async (t) => {
  const world = machine(t, {
    sudo: SUDO,
    'apt-get': 'case "$*" in *install*) echo "E: Unable to locate package toys"; exit 100;; esac',
  })
  t.throws(() => install(world), { message: 'apt-get: E: Unable to locate package toys' })
  t.equal(world.calls('apt-get').filter((call) => call.includes('install')).length, 1)
})

t.test('a download that fails by chance is tried again, and said so', async (t) => {
  const lines: string[] = []
  const { env, calls } = machine(t, {
    python3: `[ -e "$here/again" ] && exit
touch "$here/again"
echo 'ERROR: the connection was reset' >&2
exit 1`,
  })
  await pipInstall(['toys'], (line) => lines.push(line), env)
  t.equal(calls('python3').length, 2)
  t.match(lines, [/pip failed and is started again in 1 s: .*the connection was reset/])
})
