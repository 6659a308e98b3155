import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { seedDemo } from '@auction/local/demo.ts'
import type { Platform } from '@auction/local/platform.ts'
import { readSecrets } from '@auction/local/secrets.ts'

/** Fills a platform with the demo of `make up`; answers false when something is there already. */
export function seedShop(platform: Platform, stateDir: string): Promise<boolean> {
  return seedDemo({
    gatewayUrl: platform.gatewayUrl,
    log: () => {},
    grantAdmin: (email) => grantAdmin(platform, stateDir, email),
  })
}

function grantAdmin(platform: Platform, stateDir: string, email: string): void {
  const secrets = readSecrets(stateDir)
  const { status } = spawnSync(process.execPath, ['src/cmd/admin.ts', 'grant', email], {
    cwd: fileURLToPath(new URL('../../../services/identity', import.meta.url)),
    env: {
      PATH: process.env.PATH,
      LOG_LEVEL: 'warn',
      POSTGRES_HOST: '127.0.0.1',
      POSTGRES_PORT: String(platform.postgres.port),
      POSTGRES_USERNAME: 'identity',
      POSTGRES_PASSWORD: secrets?.postgresServices,
      POSTGRES_DATABASE: 'identity',
      KEY_ENCRYPTION_KEY: secrets?.keyEncryptionKey,
    },
  })
  if (status !== 0) throw new Error(`${email} could not be made an admin`)
}
