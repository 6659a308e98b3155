import { createECDH, randomBytes } from 'node:crypto'
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
  webhookSealKey: string
  mailReportSecret: string
  orderSealKey: string
  vapidPublicKey: string
  vapidPrivateKey: string
  /** Of the payment sandbox of this machine. */
  stripeSecretKey: string
  stripeWebhookSecret: string
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
    webhookSealKey: key(),
    mailReportSecret: key(),
    orderSealKey: key(),
    ...vapidKeys(),
    stripeSecretKey: `sk_test_${word()}`,
    stripeWebhookSecret: `whsec_${word()}`,
  }
}

/** A pair of keys as push services take them (RFC 8292). */
function vapidKeys(): Pick<Secrets, 'vapidPublicKey' | 'vapidPrivateKey'> {
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  // A private key that begins with zeros is shorter here, and must not be there.
  const privateKey = Buffer.concat([Buffer.alloc(32), pair.getPrivateKey()]).subarray(-32)
  return {
    vapidPublicKey: pair.getPublicKey().toString('base64url'),
    vapidPrivateKey: privateKey.toString('base64url'),
  }
}
