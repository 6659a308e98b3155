import { X509Certificate } from 'node:crypto'
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { type Cluster, run } from './commands.ts'

export const TLS_SECRET = 'auction-tls'
export const CA_CONFIG_MAP = 'auction-ca'
const DAYS = 30
const LEAST_LEFT_MS = 24 * 60 * 60_000

export interface Certificate {
  /** PEM; it signed itself, so it is also the authority to believe. */
  cert: string
  key: string
  file: string
}

/** A certificate for the host, made by openssl once and kept in the folder until it ends. */
export async function ensureCertificate(folder: string, host: string): Promise<Certificate> {
  const file = join(folder, `${host}.pem`)
  const keyFile = join(folder, `${host}.key`)
  const read = async () => ({
    cert: await readFile(file, 'utf8'),
    key: await readFile(keyFile, 'utf8'),
    file,
  })
  const kept = await read().catch(() => undefined)
  if (kept !== undefined && isGood(kept.cert)) return kept
  await mkdir(folder, { recursive: true })
  const bare = host.replace(/^\[|\]$/g, '')
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-days', String(DAYS), '-subj', '/CN=auction cluster test', '-keyout', keyFile],
    ...['-addext', `subjectAltName=${isIP(bare) === 0 ? 'DNS' : 'IP'}:${bare}`, '-out', file],
  ])
  await chmod(keyFile, 0o600)
  return read()
}

const isGood = (cert: string) =>
  Date.parse(new X509Certificate(cert).validTo) - Date.now() > LEAST_LEFT_MS

/** What the gateway answers with, and what the smoke test's pod believes. */
export async function installCertificate(
  { apply }: Cluster,
  { cert, key }: Certificate,
): Promise<void> {
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: TLS_SECRET },
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': cert, 'tls.key': key },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: CA_CONFIG_MAP },
      data: { 'ca.crt': cert },
    },
  ]
  await apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
}

/** Values of the platform for a gateway at this address, with TLS where it has it. */
export function gatewayValues(url: string): string[] {
  const { hostname, protocol } = new URL(url)
  const isName = isIP(hostname.replace(/^\[|\]$/g, '')) === 0
  const values = [`global.publicUrl=${new URL(url).origin}`]
  if (isName) values.push(`gateway.host=${hostname}`)
  if (protocol === 'https:') {
    values.push(
      'gateway.tls.enabled=true',
      `gateway.tls.secretName=${TLS_SECRET}`,
      `global.caBundle.configMap=${CA_CONFIG_MAP}`,
      'tests.gatewayUrl=https://traefik.traefik',
    )
  }
  return values.map((value) => `--set=${value}`)
}
