import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestBroker } from '@auction/common/testing/broker.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import { type Platform, type PlatformOptions, startPlatform } from '@auction/local/platform.ts'
import { removePostgresData } from '@auction/local/postgres.ts'
import { type ApiClient, createClient } from '#src/api-client.ts'

export interface TestPlatformOptions extends Omit<PlatformOptions, 'stateDir' | 'broker'> {
  /**
   * A RabbitMQ of the test's own instead of a vhost of the one that all tests share, for tests that kill it or read its log,
   * its metrics or its management API. Its start takes ten seconds of a core.
   */
  hasOwnBroker?: boolean
}

export interface TestPlatform {
  platform: Platform
  stateDir: string
  client: ApiClient
  /** Straight to a process, past the gateway. */
  direct(name: string): ApiClient
}

/** A whole platform of the test's own, gone without a trace afterwards. */
export async function createPlatform(
  t: Teardown,
  { hasOwnBroker = false, ...options }: TestPlatformOptions = {},
): Promise<TestPlatform> {
  // A single test by hand may have no broker to share.
  const isShared = !hasOwnBroker && process.env.TEST_RABBITMQ_URL !== undefined
  // Made first, so that its vhost goes after the platform: what is made last goes first.
  const broker = isShared ? await createTestBroker(t) : undefined
  const stateDir = mkdtempSync(join(tmpdir(), 'platform-test-'))
  const platform = await startPlatform({
    stateDir,
    broker: broker && { url: broker.directUrl, managementUrl: broker.managementUrl },
    ...options,
  })
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
    stateDir,
    client: open(platform.gatewayUrl),
    direct: (name) => open(platform.addresses.get(name) ?? ''),
  }
}
