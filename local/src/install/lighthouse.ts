import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Log } from './apt.ts'
import { ensureNpmFolder } from './npm.ts'
import { reasonOf } from './python-program.ts'

const LISTS = fileURLToPath(new URL('lighthouse', import.meta.url))

/** Finds Lighthouse or installs it, and answers the path of its module: nothing but one command needs it. */
export async function ensureLighthouse(stateDir: string, log: Log): Promise<string> {
  try {
    const packages = await ensureNpmFolder(LISTS, join(stateDir, 'lighthouse'), () =>
      log('installing Lighthouse with npm (about 180 MB)'),
    )
    return join(packages, 'lighthouse', 'core', 'index.js')
  } catch (error) {
    throw new Error(`Lighthouse could not be installed: ${reasonOf(error)}`, { cause: error })
  }
}
