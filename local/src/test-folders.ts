import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { removePostgresData } from './postgres.ts'
import { createProcessTable } from './process-table.ts'

const MEMORY = '/dev/shm'
/** Several times what servers and platforms of a run hold at once. */
const ROOM_MIN_BYTES = 8 * 2 ** 30
const PREFIX = 'auction-test-'
/** Holds the path of the checkout that a folder is of. */
const CHECKOUT = 'checkout'

export interface TestFolders {
  /** Always there. */
  disk: string
  /** For a machine with room in memory. */
  memory: string
}

/** Where the tests of a checkout keep what they need: always the same, so that a run finds what a killed one has left. */
export function testFolders(root: string): TestFolders {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 12)
  return { disk: join(root, '.local/test'), memory: join(MEMORY, `${PREFIX}${name}`) }
}

/**
 * Makes the folder in memory; false when it is not to be used. Every test drops databases, and each time the server writes all of its pages
 * to the disk and waits: PostgreSQL keeps its settings of production, and a disk that is memory makes no one wait.
 */
export function claimMemory(folder: string, root: string): boolean {
  return hasRoomInMemory() && makeOwnFolder(folder, root)
}

function hasRoomInMemory(): boolean {
  // What a container may use, rather than what its machine has.
  if (process.availableMemory() < ROOM_MIN_BYTES) return false
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize >= ROOM_MIN_BYTES
  } catch {
    return false
  }
}

/** Makes a folder, or takes one that is ours; between a look and the making, another user could put a link there. */
export function makeOwnFolder(folder: string, root: string): boolean {
  try {
    // PostgreSQL's own user must be able to pass through to its data.
    mkdirSync(folder, { mode: 0o711 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if (!isOursOrMissing(folder)) return false
  }
  writeFileSync(join(folder, CHECKOUT), root)
  return true
}

/** Every user may write there, so another one could have been first. */
export function isOursOrMissing(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false })
  return found === undefined || (found.isDirectory() && found.uid === process.getuid?.())
}

/** Ends what killed tests have left in a folder of a run, and removes it with their data. */
export async function clearTestFolder(folder: string): Promise<string[]> {
  const platforms = foldersIn(join(folder, 'tmp'))
  const ended: string[] = []
  for (const stateDir of [...platforms, folder]) {
    if (existsSync(join(stateDir, 'processes.json'))) {
      ended.push(...(await createProcessTable(stateDir).clearLeftovers()))
    }
    removePostgresData(stateDir)
  }
  rmSync(folder, { recursive: true, force: true })
  return ended
}

/** Folders of this user in memory whose checkout is gone: no run will ever find them. */
export function abandonedFolders(parent = MEMORY): string[] {
  return foldersIn(parent).filter((folder) => {
    if (!folder.startsWith(join(parent, PREFIX)) || !isOursOrMissing(folder)) return false
    try {
      return !existsSync(readFileSync(join(folder, CHECKOUT), 'utf8'))
    } catch {
      // It does not say of which checkout it is.
      return false
    }
  })
}

function foldersIn(parent: string): string[] {
  if (!existsSync(parent)) return []
  const entries = readdirSync(parent, { withFileTypes: true })
  return entries.filter((each) => each.isDirectory()).map(({ name }) => join(parent, name))
}
