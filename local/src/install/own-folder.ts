import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const MARK = 'installed'

/**
 * Fills a folder of ours, unless it holds `content` already. It is filled beside its place and moved there when it is
 * whole, so that neither a download that is cut off nor a second installer leaves half of it.
 */
export async function fillOwnFolder(
  folder: string,
  content: string,
  fill: (fresh: string) => Promise<void>,
): Promise<void> {
  if (await holds(folder, content)) return
  await mkdir(dirname(folder), { recursive: true })
  const fresh = await mkdtemp(`${folder}-`)
  const before = `${fresh}-before`
  try {
    await fill(fresh)
    await writeFile(join(fresh, MARK), content)
    // Moved in one step: one that is deleted file by file may be replaced by another installer meanwhile.
    await rename(folder, before).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
    await rename(fresh, folder).catch(async (error) => {
      if (!(await holds(folder, content))) throw error
    })
  } finally {
    for (const left of [fresh, before]) await rm(left, { recursive: true, force: true })
  }
}

async function holds(folder: string, content: string): Promise<boolean> {
  return (await readFile(join(folder, MARK), 'utf8').catch(() => undefined)) === content
}
