import { randomUUID } from 'node:crypto'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { type Certificate, certificateFor } from '@auction/common/testing/certificate.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import t from 'tap'
import {
  createMailTransport,
  type OutgoingMail,
  type SmtpOptions,
} from '#src/infra/smtp/mail-transport.ts'
import { type ServerTls, startMailServer } from '#test/mail-server.ts'
import { log, smtpOptions } from '#test/mail-world.ts'

const LOGIN = { username: 'auction', password: 'p@ss w0rd' }
const NO_TLS = { kind: 'unreachable', reason: 'no_tls' }
// The client asks for localhost and is to find a certificate of that name.
const certificate = await certificateFor('localhost')

const mail = (): OutgoingMail => ({
  id: randomUUID(),
  to: 'ann@example.test',
  from: { name: 'Auction', address: 'auction@example.test' },
  bounceAddress: 'bounces@example.test',
  subject: 'You won: Brass lamp',
  text: 'Hello\n',
  html: '<p>Hello</p>',
  headers: {},
})

async function open(
  t: Teardown,
  { mode, ofServer = certificate }: { mode: ServerTls['mode']; ofServer?: Certificate },
  changes: Partial<SmtpOptions> = {},
) {
  const server = await startMailServer(t, { mode, certificate: ofServer, login: LOGIN })
  const options = { host: 'localhost', ca: certificate.pem, ...LOGIN, ...changes }
  const transport = createMailTransport(smtpOptions(server.port, options), log)
  t.teardown(() => transport.close())
  return { server, send: () => transport.send(mail()) }
}

for (const mode of ['implicit', 'starttls'] as const) {
  t.test(`${mode}: mail and login go over TLS to a server that is known`, async (t) => {
    const { server, send } = await open(t, { mode }, { tls: mode })
    t.strictSame(await send(), { kind: 'sent' })
    t.strictSame(await send(), { kind: 'sent' })
    t.equal(server.received.length, 2)
    t.ok(server.logins.length > 0)
    for (const login of server.logins) t.strictSame(login, { username: 'auction', isSecure: true })
  })

  t.test(`${mode}: a certificate that no one vouches for is refused`, async (t) => {
    const { server, send } = await open(t, { mode }, { tls: mode, ca: '' })
    t.strictSame(await send(), NO_TLS)
    t.strictSame([server.logins, server.received], [[], []])
  })

  t.test(
    `${mode}: a certificate of another name is refused, also by one who is known`,
    async (t) => {
      const other = await certificateFor('mail.example.test')
      const { server, send } = await open(
        t,
        { mode, ofServer: other },
        { tls: mode, ca: other.pem },
      )
      t.strictSame(await send(), NO_TLS)
      t.strictSame([server.logins, server.received], [[], []])
    },
  )

  t.test(`${mode}: a wrong password is no reason against the mail`, async (t) => {
    const { server, send } = await open(t, { mode }, { tls: mode, password: 'wrong' })
    t.strictSame(await send(), { kind: 'unreachable', reason: 'smtp_535' })
    t.equal(server.received.length, 0)
  })
}

t.test('a server that does not offer to encrypt gets neither login nor mail', async (t) => {
  const { server, send } = await open(t, { mode: 'none' }, { tls: 'starttls' })
  t.strictSame(await send(), NO_TLS)
  t.strictSame([server.logins, server.received], [[], []])
})

t.test('a server that speaks in plain text where TLS is to begin gets nothing', async (t) => {
  const { server, send } = await open(t, { mode: 'starttls' }, { tls: 'implicit' })
  t.strictSame(await send(), NO_TLS)
  t.strictSame([server.logins, server.received], [[], []])
})

t.test('a server that waits for TLS says nothing to one that does not begin it', async (t) => {
  const changes = { tls: 'starttls', connectTimeoutMs: 500 } as const
  const { server, send } = await open(t, { mode: 'implicit' }, changes)
  t.match(await send(), { kind: 'unreachable' })
  t.strictSame([server.logins, server.received], [[], []])
})

t.test('certificates that Node knows by itself still count', async (t) => {
  const known = getCACertificates('default')
  t.teardown(() => setDefaultCACertificates(known))
  setDefaultCACertificates([...known, certificate.pem])
  const { pem: ca } = await certificateFor('mail.example.test')
  const { send } = await open(t, { mode: 'implicit' }, { tls: 'implicit', ca })
  t.strictSame(await send(), { kind: 'sent' })
})
