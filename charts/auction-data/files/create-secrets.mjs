// Creates the Secrets that are missing and changes none: a password that is lost or replaced behind
// a database's back locks its service out, so the first value stays, whatever runs again.
import { createECDH, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { env } from 'node:process'

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
const token = await readFile(`${ACCOUNT}/token`, 'utf8')
const namespace = await readFile(`${ACCOUNT}/namespace`, 'utf8')
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT_HTTPS: port } = env
const address = host.includes(':') ? `[${host}]` : host
const url = `https://${address}:${port}/api/v1/namespaces/${namespace}/secrets`

const GENERATORS = {
  // Letters and digits: it may be pasted into any address or shell.
  password: () =>
    randomBytes(48)
      .toString('base64')
      .replace(/[^A-Za-z0-9]/g, '')
      .slice(0, 40),
  key: () => randomBytes(32).toString('base64'),
  // A pair as push services take it (RFC 8292).
  pushPublicKey: (pair) => pair.getPublicKey().toString('base64url'),
  // One that begins with zeros is shorter here, and must not be there.
  pushPrivateKey: (pair) =>
    Buffer.concat([Buffer.alloc(32), pair.getPrivateKey()])
      .subarray(-32)
      .toString('base64url'),
}

for (const { name, labels, fixed, generated } of JSON.parse(env.SECRETS)) {
  const values = { ...fixed }
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  for (const [key, kind] of Object.entries(generated)) values[key] = GENERATORS[kind](pair)
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      // Not a part of the release, so that no uninstall takes the passwords of data that stays.
      metadata: { name, labels },
      stringData: values,
    }),
  })
  if (response.status === 201) console.log(`${name} created`)
  else if (response.status === 409) console.log(`${name} was there`)
  else throw new Error(`${name}: ${response.status} ${await response.text()}`)
}
