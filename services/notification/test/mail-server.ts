import type { AddressInfo } from 'node:net'
import type { Certificate } from '@auction/common/testing/certificate.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'

export interface ReceivedMail extends ParsedMail {
  envelope: { from: string; to: string[] }
  /** As it came over the network. */
  raw: Buffer
}

/** What the server does with mails, until it is set otherwise. */
export interface Behaviour {
  /** Its answer to a recipient, such as `550 5.1.1 no such user`; none: it takes the recipient. */
  onRecipient?: (address: string) => string | undefined
  /** Its answer to the sender. */
  onSender?: string
  /** `hang`: it stores the mail and says nothing. An answer such as `451 later`: it does not store it. */
  onData?: 'hang' | string
  /** Ends before the server answers to a mail. */
  whileData?: () => Promise<void>
}

export interface TestMailServer {
  port: number
  received: ReceivedMail[]
  /** How many mails were offered, those included that it did not take. */
  offered: number
  behaviour: Behaviour
  /** Who tried to log in, and whether over TLS. */
  logins: { username: string; isSecure: boolean }[]
  /** Closes the port, as when the server is down. */
  down(): Promise<void>
  up(): Promise<void>
  /** Ends every connection that is open, as servers do with idle ones. */
  hangUp(): void
}

/** How connections to it are made; without it there is no TLS and no login. */
export interface ServerTls {
  /** `implicit`: TLS from the first byte; `starttls`: offered; `none`: not offered. */
  mode: 'implicit' | 'starttls' | 'none'
  certificate: Certificate
  /** Mails are taken after this login only. */
  login?: { username: string; password: string }
}

/** A real SMTP server that does on purpose what others do on bad days. */
export async function startMailServer(t: Teardown, tls?: ServerTls): Promise<TestMailServer> {
  let smtp: SMTPServer | undefined
  const server: TestMailServer = {
    port: 0,
    received: [],
    offered: 0,
    behaviour: {},
    logins: [],
    async down() {
      // It would wait half a minute for connections that are idle.
      server.hangUp()
      const closing = smtp
      smtp = undefined
      await new Promise<void>((resolve) => {
        if (closing === undefined) return resolve()
        closing.close(() => resolve())
      })
    },
    async up() {
      smtp = createServer(server, tls)
      const { server: listener } = smtp
      await new Promise<void>((resolve, reject) => {
        listener.once('error', reject)
        listener.listen(server.port, '127.0.0.1', resolve)
      })
      server.port = (listener.address() as AddressInfo).port
    },
    hangUp() {
      for (const connection of smtp?.connections ?? []) connection.close()
    },
  }
  await server.up()
  t.teardown(() => server.down())
  return server
}

function createServer(
  server: TestMailServer,
  tls: ServerTls | undefined,
): SMTPServer & { connections?: Set<{ close(): void }> } {
  const smtp = new SMTPServer({
    ...(tls === undefined
      ? { hideSTARTTLS: true }
      : {
          secure: tls.mode === 'implicit',
          cert: tls.certificate.pem,
          key: tls.certificate.key,
          disabledCommands: tls.mode === 'none' ? ['STARTTLS'] : [],
        }),
    authOptional: tls?.login === undefined,
    // Offered everywhere: a client that gives its password away would be seen.
    allowInsecureAuth: true,
    onAuth({ username = '', password }, { secure }, done) {
      server.logins.push({ username, isSecure: secure })
      const { login } = tls ?? {}
      if (username === login?.username && password === login.password) {
        return done(null, { user: username })
      }
      done(Object.assign(new Error('wrong'), { responseCode: 535 }))
    },
    disableReverseLookup: true,
    closeTimeout: 0,
    onMailFrom(_address, _session, done) {
      done(failure(server.behaviour.onSender))
    },
    onRcptTo({ address }, _session, done) {
      done(failure(server.behaviour.onRecipient?.(address)))
    },
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', async () => {
        server.offered += 1
        const { onData, whileData } = server.behaviour
        await whileData?.()
        if (onData !== undefined && onData !== 'hang') return done(failure(onData))
        const raw = Buffer.concat(chunks)
        server.received.push({
          ...(await simpleParser(raw)),
          raw,
          envelope: {
            from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
            to: envelope.rcptTo.map(({ address }) => address),
          },
        })
        if (onData !== 'hang') done()
      })
    },
  })
  // Clients of these tests die in the middle.
  smtp.on('error', () => undefined)
  return smtp
}

function failure(answer: string | undefined): Error | null {
  if (answer === undefined) return null
  const [code = '', ...words] = answer.split(' ')
  return Object.assign(new Error(words.join(' ')), { responseCode: Number(code) })
}
