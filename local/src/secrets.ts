import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Secrets {
  postgresAdmin: string
  postgresServices: string
  rabbitmq: string
  erlangCookie: string
  internalJwt: string
  keyEncryptionKey: string
}

/** Passwords and keys of one state folder, made at its first use and readable by its owner only. */
export function readSecrets(stateDir: string): Secrets {
  const file = join(stateDir, 'secrets.json')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Secrets
  const word = () => randomBytes(24).toString('hex')
  const secrets: Secrets = {
    postgresAdmin: word(),
    postgresServices: word(),
    rabbitmq: word(),
    erlangCookie: word(),
    internalJwt: word(),
    keyEncryptionKey: randomBytes(32).toString('base64'),
  }
  writeFileSync(file, JSON.stringify(secrets, undefined, 2), { mode: 0o600 })
  return secrets
}
