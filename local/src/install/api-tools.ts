import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Log } from './apt.ts'
import { ensureNpmFolder } from './npm.ts'
import { fillOwnFolder } from './own-folder.ts'
import { ensurePip, pipInstall, reasonOf } from './python-program.ts'

/** Linters, generators of clients and the fuzzer, that tests of the OpenAPI documents run. */
export interface ApiTools {
  /** Where their npm packages lie. */
  readonly nodeModules: string
  /** Where their Python packages lie, for PYTHONPATH. */
  readonly pythonPath: string
}

const LISTS = fileURLToPath(new URL('api-tools', import.meta.url))
const PINS = 'requirements.txt'

/**
 * Finds the tools or installs them: `make up` needs none of them, so they are no packages of a workspace. The files in
 * `api-tools` name each version, those of what they depend on included: what a fuzzer sends follows from them.
 */
export async function ensureApiTools(stateDir: string, log: Log): Promise<ApiTools> {
  const folder = join(stateDir, 'api-tools')
  const [node, python] = [join(folder, 'node'), join(folder, 'python')]
  try {
    await ensureNpmFolder(LISTS, node, () =>
      log('installing linters and generators with npm (about 130 MB)'),
    )
    const pins = join(LISTS, PINS)
    await fillOwnFolder(python, await readFile(pins, 'utf8'), async (fresh) => {
      log('installing Schemathesis and a generator with pip (about 110 MB)')
      await ensurePip(log, process.env)
      await pipInstall(['--quiet', '--target', fresh, '--requirement', pins], log, process.env)
    })
  } catch (error) {
    throw new Error(
      `The tools that try the OpenAPI documents could not be installed: ${reasonOf(error)}`,
      { cause: error },
    )
  }
  return { nodeModules: join(node, 'node_modules'), pythonPath: python }
}
