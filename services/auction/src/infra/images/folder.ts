import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ImageStorage } from './image-storage.ts'

/** Objects as files of one folder, which every process of the service must see. */
export function createFolderStorage(folder: string): ImageStorage {
  const root = resolve(folder)
  return {
    async put(key, bytes) {
      const path = join(root, key)
      // The file gets its name when it is complete on the disk, so half a file is never read.
      const part = `${path}.part`
      await mkdir(root, { recursive: true })
      const file = await open(part, 'w', 0o640)
      try {
        await file.writeFile(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(part, path)
    },
    async read(key) {
      try {
        return await readFile(join(root, key))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    async remove(keys) {
      for (const key of keys) {
        await rm(join(root, key), { force: true })
        await rm(join(root, `${key}.part`), { force: true })
      }
    },
  }
}
