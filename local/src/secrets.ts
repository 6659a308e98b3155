import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Secrets {
  postgresAdmin: string
  postgresServices: string
  rabbitmq: string
  erlangCookie: string
  internalJwt: string
  keyEncryptionKey: string
  mailSealKey: string
}

/** Passwords and keys of one state folder, made at its first use and readable by its owner only. */
export function readSecrets(stateDir: string): Secrets {
  const file = join(stateDir, 'secrets.json')
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Secrets) : undefined
  // Whatever a newer version needs is added to what is there.
  const secrets: Secrets = { ...newSecrets(), ...known }
  if (Object.keys(secrets).length === Object.keys(known ?? {}).length) return secrets
  // Renamed into place: half a file would lose the passwords of the databases that exist.
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, JSON.stringify(secrets, undefined, 2), { mode: 0o600 })
  renameSync(draft, file)
  return secrets
}

function newSecrets(): Secrets {
  const word = () => randomBytes(24).toString('hex')
  const key = () => randomBytes(32).toString('base64')
  return {
    postgresAdmin: word(),
    postgresServices: word(),
    rabbitmq: word(),
    erlangCookie: word(),
    internalJwt: word(),
    keyEncryptionKey: key(),
    mailSealKey: key(),
  }
}
