import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Platform, type PlatformOptions, startPlatform } from '@auction/local/platform.ts'
import { removePostgresData } from '@auction/local/postgres.ts'

export interface OwnPlatformOptions<T> extends Omit<PlatformOptions, 'stateDir' | 'signal'> {
  /** Stands in the name of its folder. */
  name: string
  onFolder?: (stateDir: string) => void
  /** Whether databases and logs are kept; `result` is undefined when the work failed. */
  keeps?: (result: T | undefined) => boolean
}

const INTERRUPTED = 130

/**
 * Gives a command a platform of its own, and stops it and removes its folder whatever happens: its processes do not
 * get the signals of the terminal, so that Ctrl-C would leave all of them.
 */
export async function withOwnPlatform<T>(
  { name, onFolder, keeps = () => false, ...options }: OwnPlatformOptions<T>,
  work: (platform: Platform) => Promise<T>,
): Promise<T> {
  const stateDir = mkdtempSync(join(tmpdir(), `auction-${name}-`))
  onFolder?.(stateDir)
  const startEnd = new AbortController()
  const starting = startPlatform({ ...options, stateDir, signal: startEnd.signal })
  let ending: Promise<void> | undefined
  const end = async (isKept: boolean) => {
    const platform = await starting.catch(() => undefined)
    await platform?.stop()
    if (isKept) {
      console.log(`databases and logs are kept in ${stateDir}`)
      return
    }
    removePostgresData(stateDir)
    rmSync(stateDir, { recursive: true, force: true })
  }
  const interrupt = () => {
    startEnd.abort()
    ending ??= end(false)
    void ending.finally(() => process.exit(INTERRUPTED))
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, interrupt)
  let result: T | undefined
  try {
    result = await work(await starting)
    return result
  } catch (error) {
    // What fails while the platform is stopped says nothing, and the process ends soon.
    if (ending !== undefined) await new Promise(() => {})
    throw error
  } finally {
    ending ??= end(keeps(result))
    await ending
    for (const signal of signals) process.off(signal, interrupt)
  }
}
