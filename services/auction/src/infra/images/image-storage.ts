/** Stores the objects of images. Keys are ours: a UUID, a size and an extension. */
export interface ImageStorage {
  /** Stores an object whole or not at all; doing it again changes nothing. */
  put(key: string, bytes: Buffer): Promise<void>
  /** Undefined when there is none. */
  read(key: string): Promise<Buffer | undefined>
  /** Deletes objects; missing ones are no error. */
  remove(keys: readonly string[]): Promise<void>
}
