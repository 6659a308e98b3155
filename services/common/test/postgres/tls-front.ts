import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'

export interface Certificate {
  pem: string
  key: string
}

/** A certificate that vouches for itself, made for each run: no key lies in the repository. */
export async function certificateFor(name: string): Promise<Certificate> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  })
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const key = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`
  return { pem: certificate.toString('pem'), key }
}

/** Speaks TLS as PostgreSQL does (the client asks first) and hands on to a server without it. */
export async function startTlsFront(host: string, port: number, { pem, key }: Certificate) {
  let encrypted = 0
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    sockets.add(near)
    near.on('error', () => undefined)
    // SSLRequest is eight bytes, and nothing follows it until it is answered.
    near.once('data', () => {
      near.pause()
      near.write('S')
      const secured = new TLSSocket(near, { isServer: true, cert: pem, key })
      secured.on('error', () => near.destroy())
      secured.on('secure', () => {
        encrypted += 1
        const far = connect(port, host)
        far.on('error', () => near.destroy())
        secured.pipe(far).pipe(secured)
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    /** Connections that came to be encrypted. */
    encrypted: () => encrypted,
    stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
