import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Teardown } from '@auction/common/testing/database.ts'
import { type Platform, type PlatformOptions, startPlatform } from '@auction/local/platform.ts'
import { removePostgresData } from '@auction/local/postgres.ts'
import { type ApiClient, createClient } from '#src/api-client.ts'

/** A whole platform of the test's own, gone without a trace afterwards. */
export async function createPlatform(
  t: Teardown,
  options: Omit<PlatformOptions, 'stateDir'> = {},
): Promise<{ platform: Platform; client: ApiClient; direct(name: string): ApiClient }> {
  const stateDir = mkdtempSync(join(tmpdir(), 'platform-test-'))
  const platform = await startPlatform({ stateDir, ...options })
  const clients: ApiClient[] = []
  const open = (baseUrl: string) => {
    const client = createClient({ baseUrl })
    clients.push(client)
    return client
  }
  t.teardown(async () => {
    for (const client of clients) client.close()
    await platform.stop()
    removePostgresData(stateDir)
    rmSync(stateDir, { recursive: true, force: true })
  })
  return {
    platform,
    client: open(platform.gatewayUrl),
    /** Straight to a process, past the gateway. */
    direct: (name) => open(platform.addresses.get(name) ?? ''),
  }
}
