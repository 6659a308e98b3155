/** Where the objects of images lie. Keys are ours: a UUID, a size and an ending. */
export interface ImageStorage {
  /** Stores an object whole or not at all; doing it again changes nothing. */
  put(key: string, bytes: Buffer): Promise<void>
  /** Undefined when there is none. */
  read(key: string): Promise<Buffer | undefined>
  /** Objects that are not there are no fault. */
  remove(keys: readonly string[]): Promise<void>
}
