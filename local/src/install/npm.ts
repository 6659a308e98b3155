import { execFile } from 'node:child_process'
import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fillOwnFolder } from './own-folder.ts'

const execute = promisify(execFile)

const FILES = ['package.json', 'package-lock.json']
const INSTALL_TIMEOUT_MS = 20 * 60_000

/**
 * Installs what the two files of `lists` name into `folder`, unless it is there already: tools that few need are no
 * packages of a workspace. Answers where the packages lie.
 */
export async function ensureNpmFolder(
  lists: string,
  folder: string,
  onInstall: () => void,
): Promise<string> {
  const content = await Promise.all(FILES.map((name) => readFile(join(lists, name), 'utf8')))
  await fillOwnFolder(folder, content.join('\n'), async (fresh) => {
    onInstall()
    for (const name of FILES) await copyFile(join(lists, name), join(fresh, name))
    // None of them needs a script of its own, and one of them would report its installation.
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    await execute('npm', ['ci', ...options, '--fetch-retries=5'], {
      cwd: fresh,
      timeout: INSTALL_TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
    })
  })
  return join(folder, 'node_modules')
}
