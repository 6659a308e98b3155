import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { containersOf, type EnvironmentEntry, type KubeObject, podsOf } from './objects.ts'
import { type Profile, valuesFile } from './render.ts'

const SERVICES_DIR = fileURLToPath(new URL('../../../services', import.meta.url))
const COMMON_CONFIG = `${SERVICES_DIR}/common/src/process/config.ts`
const KEY = Buffer.alloc(32, 7).toString('base64')

/** What a key of a Secret could hold; a password has every character that needs encoding. */
const SECRET_VALUES: Readonly<Record<string, string>> = {
  username: 'user',
  password: 'p@ss:w/rd%?#',
  INTERNAL_JWT_SECRET: 'x'.repeat(40),
  KEY_ENCRYPTION_KEY: KEY,
  MAIL_SEAL_KEY: KEY,
  WEBHOOK_SEAL_KEY: KEY,
  MAIL_REPORT_SECRET: KEY,
  VAPID_PUBLIC_KEY: 'B'.repeat(87),
  VAPID_PRIVATE_KEY: 'k'.repeat(43),
  VAPID_SUBJECT: 'mailto:operators@example.com',
  ORDER_SEAL_KEY: KEY,
  SMTP_USERNAME: 'user',
  SMTP_PASSWORD: 'p@ss:w/rd%?#',
  DKIM_PRIVATE_KEY: '-----BEGIN PRIVATE KEY-----',
  STRIPE_SECRET_KEY: 'sk_test_key',
  STRIPE_WEBHOOK_SECRET: 'whsec_key',
  STRIPE_CONNECT_WEBHOOK_SECRET: 'whsec_connect_key',
  MOLLIE_API_KEY: 'test_key',
  MOLLIE_WEBHOOK_SECRET: KEY,
  S3_ACCESS_KEY: 'access-key',
  S3_SECRET_KEY: 'p@ss:w/rd%?#',
}

/** A container that runs a program of ours, and the environment that it starts with. */
export interface Program {
  readonly title: string
  readonly service: string
  /** The file that runs. */
  readonly entry: string
  readonly env: Readonly<Record<string, string>>
}

export function programsOf(objects: readonly KubeObject[]): Program[] {
  return podsOf(objects).flatMap((pods) => {
    const service = pods.labels['app.kubernetes.io/name'] ?? ''
    return containersOf(pods).flatMap(({ command = [], env = [] }) => {
      const entry = command.at(-1) ?? ''
      if (!command.includes('@auction/common/telemetry/register.ts')) return []
      const path = fileURLToPath(new URL(entry, `file://${SERVICES_DIR}/${service}/`))
      return [{ title: pods.owner, service, entry: path, env: expand(env) }]
    })
  })
}

/** As the kubelet does it: later entries may name earlier ones, missing optional keys are left out. */
function expand(entries: readonly EnvironmentEntry[]): Record<string, string> {
  const env: Record<string, string> = {}
  for (const { name, value, valueFrom } of entries) {
    const reference = valueFrom?.secretKeyRef
    if (reference !== undefined) {
      const secret = SECRET_VALUES[reference.key]
      if (secret !== undefined) env[name] = secret
      else if (reference.optional !== true) throw new Error(`no value for key ${reference.key}`)
      continue
    }
    if (valueFrom?.fieldRef !== undefined) env[name] = 'auction-pod-0'
    else env[name] = (value ?? '').replace(/\$\((\w+)\)/g, (_, other) => env[other] ?? '')
  }
  return env
}

/**
 * The export of a file that reads the settings of a program: a function, or a schema for readConfig;
 * none: the program has settings of its own.
 */
export async function readerOf({ entry, service }: Program) {
  const source = await readFile(entry, 'utf8')
  if (source.includes('await runMigrations('))
    return { file: COMMON_CONFIG, reader: 'MigrateConfig' }
  const reader = /const config = (read\w+Config)\(process\.env\)/.exec(source)?.[1]
  const file = `${SERVICES_DIR}/${service}/src/config.ts`
  return reader === undefined ? undefined : { file, reader }
}

/** What an operator gives a service in a profile goes to all of its processes, used or not. */
export async function ownSettings(profile: Profile, service: string): Promise<string[]> {
  const file = await valuesFile('auction-platform', profile)
  if (file === undefined) return []
  const values = parse(await readFile(file, 'utf8'), { merge: true }) as Record<
    string,
    { config?: object } | undefined
  >
  return Object.keys(values[service]?.config ?? {})
}
