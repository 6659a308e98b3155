import { once } from 'node:events'
import { request as httpsRequest } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { freePort } from '@auction/common/testing/ports.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t, { type Test } from 'tap'
import { readNetworks } from '#src/domain/outgoing-address.ts'
import {
  ANSWER_BYTES_MAX,
  createAddressFinder,
  createGuardedClient,
  type GuardedClientOptions,
  type OutgoingOutcome,
} from '#src/infra/http/guarded-client.ts'
import { type NameServer, startNameServer, type Zone } from '#test/name-server.ts'
import { readBody, startReceiver } from '#test/receiver.ts'

const OWN_HOST = 'auction.example'

const createClient = (options: Partial<GuardedClientOptions> = {}) =>
  createGuardedClient({ ownHost: OWN_HOST, allowedNetworks: [], ...options })

/** Asks once: on a busy machine an answer takes seconds, and tests count the questions. */
const finderOf = ({ address }: NameServer) => createAddressFinder([address], 15_000)

const post = (
  client: ReturnType<typeof createClient>,
  url: string,
  body = '{}',
): Promise<OutgoingOutcome> => client.post({ url, headers: {}, body })

const codeOf = (outcome: OutgoingOutcome) =>
  outcome.kind === 'failed' ? outcome.code : `status ${outcome.status}`

/** Ways to write an address of this machine. Without the guard, a connection reaches it. */
const THIS_MACHINE = [
  '127.0.0.1',
  '127.0.0.2',
  '127.255.255.254',
  '127.1',
  '127.0.1',
  '127.0.0.1.',
  '127.000.000.001',
  '2130706433',
  '2130706433.',
  '0x7f000001',
  '0X7F000001',
  '0x7f.0.0.1',
  '0x7f.1',
  '0x7f.0x0.0x0.0x1',
  '0x0000007f.0.0.1',
  '0177.0.0.1',
  '0177.1',
  '0177.0.01',
  '00000177.0.0.1',
  '017700000001',
  '127.0.0.0x1',
  '127.0x1',
  '①②⑦.⓪.⓪.①',
  '１２７.０.０.１',
  '𝟏𝟐𝟕.𝟎.𝟎.𝟏',
  '127。0。0。1',
  '127．0．0．1',
  '127｡0｡0｡1',
  '%31%32%37.0.0.1',
  '127%2E0%2e0%2E1',
  '%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1',
  '127.0.\u00ad0.1',
  '127.0.\u200b0.1',
  '127.0.\t0.1',
  '12\n7.0.0.1',
  '0.0.0.0',
  '0',
  '0x0',
  '00',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[0000:0000:0000:0000:0000:0000:0000:0001]',
  '[::0.0.0.1]',
  '[::]',
  '[0::0]',
  '[::ffff:127.0.0.1]',
  '[::FFFF:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::ffff:7f00:0001]',
  '[0:0:0:0:0:ffff:127.0.0.1]',
  '[::ffff:0.0.0.0]',
  'localhost',
  'LOCALHOST',
  'ｌｏｃａｌｈｏｓｔ',
  'loc\u00adalhost',
]

/** Addresses and names of other networks than the internet, and of tunnels into them. */
const ELSEWHERE = [
  '[::127.0.0.1]',
  '[::7f00:1]',
  '[::ffff:0:127.0.0.1]',
  '[::ffff:10.0.0.1]',
  '[::ffff:a9fe:a9fe]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::10.0.0.1]',
  '[2002:7f00:1::]',
  '[2002:a00:1::1]',
  '[2001:0:7f00:1::]',
  '[2001:0:5ef5:79fb:0:0:80ff:fffe]',
  '[2600::5efe:127.0.0.1]',
  '[2600::200:5efe:10.0.0.1]',
  '[2001:db8::1]',
  '[2001:2::1]',
  '[2001:10::1]',
  '[2001:20::1]',
  '[3fff::1]',
  '[4000::1]',
  '[100::1]',
  '[5f00::1]',
  '[fc00::1]',
  '[fd00:ec2::254]',
  '[fd20:ce::254]',
  '[fe80::1]',
  '[fe80::1%25lo]',
  '[fec0::1]',
  '[ff02::1]',
  '10.0.0.1',
  '10.255.255.255',
  '0xa.1',
  '012.0.0.1',
  '167772161',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '192.168.1',
  '169.254.169.254',
  '169.254.43518',
  '0xa9fea9fe',
  '2852039166',
  '0251.0376.0251.0376',
  '100.64.0.1',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.250',
  '240.0.0.1',
  '255.255.255.255',
  '4294967295',
  'localhost.',
  'a.localhost',
  'localhost.localdomain',
  'ip6-localhost',
  'metadata',
  'metadata.google.internal',
  'kubernetes',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  'auction-bid.auction.svc.cluster.local.',
  'printer.local',
  'router.lan',
  'nas.home.arpa',
  OWN_HOST,
  `${OWN_HOST}.`,
  OWN_HOST.toUpperCase(),
  `ops.${OWN_HOST}`,
]

/** Whole URLs whose host, scheme or port is another than it seems. */
const urlsOf = (port: number) => [
  `https://hooks.example@127.0.0.1:${port}/`,
  `https://hooks.example:443@127.0.0.1:${port}/`,
  `https://127.0.0.1:${port}#@hooks.example/`,
  `https://127.0.0.1:${port}?@hooks.example/`,
  `https://127.0.0.1:${port}\\@hooks.example/`,
  `https://user:password@hooks.example:${port}/`,
  `https:127.0.0.1:${port}`,
  `https:/127.0.0.1:${port}/`,
  `https:////127.0.0.1:${port}/`,
  `https:\\\\127.0.0.1:${port}\\`,
  `HTTPS://127.0.0.1:${port}`,
  `\u0000 https://127.0.0.1:${port}`,
  `ht\ntps://127.0.0.1:${port}`,
  `//127.0.0.1:${port}/`,
  `127.0.0.1:${port}`,
  `http://127.0.0.1:${port}/`,
  `http://hooks.example:${port}/`,
  `ws://127.0.0.1:${port}/`,
  `wss://hooks.example:${port}/`,
  `ftp://127.0.0.1:${port}/`,
  `gopher://127.0.0.1:${port}/_`,
  `unix:/var/run/docker.sock`,
  'file:///etc/passwd',
  'data:text/plain,x',
  'blob:https://hooks.example/1',
  'javascript:1',
  'https://hooks.example:22/',
  'https://hooks.example:80/',
  'https://hooks.example:0/',
  'https://hooks.example:1023/',
  'https://hooks.example:65536/',
  'https://[::1/',
  'https://1.2.3.4.5/',
  'https://0x100000000/',
  'https://a..example/',
  'https://-.example/',
  'https://ex ample.example/',
  `https://${'a'.repeat(64)}.example/`,
  `https://${'a.'.repeat(130)}example/`,
  `https://hooks.example/${'x'.repeat(2_100)}`,
  'https://',
  '',
]

/** Names whose DNS answers lead here, or partly here. Every one is asked of a real DNS server. */
const ZONE: Zone = {
  'loopback.example': ['127.0.0.1'],
  'any.example': ['0.0.0.0'],
  'six.example': ['::1'],
  'unspecified-six.example': ['::'],
  'mapped.example': ['::ffff:127.0.0.1'],
  'compatible.example': ['::127.0.0.1'],
  'nat64.example': ['64:ff9b::7f00:1'],
  '6to4.example': ['2002:7f00:1::'],
  'private.example': ['10.0.0.1'],
  'metadata.example': ['169.254.169.254'],
  'mixed.example': ['93.184.216.34', '127.0.0.1'],
  'mixed-last.example': ['127.0.0.1', '93.184.216.34'],
  'mixed-six.example': ['93.184.216.34', '::1'],
  'mixed-mapped.example': ['2606:2800:220:1::1', '::ffff:127.0.0.1'],
  'many.example': [...Array.from({ length: 20 }, (_, n) => `93.184.216.${n + 1}`), '127.0.0.1'],
}

/** What a client without the guard does. */
async function isReached(url: string, connections: readonly string[]): Promise<boolean> {
  const before = connections.length
  const request = httpsRequest(url, { rejectUnauthorized: false, agent: false })
  request.on('error', () => undefined)
  request.end()
  await once(request, 'close')
  return connections.length > before
}

t.test('no spelling of an address that is not public leads to a connection', async (t) => {
  const receiver = await startReceiver(t, (_request, response) => response.end('secret'))
  const { port, connections } = receiver
  const dns = await startNameServer(t, ZONE)
  const client = createClient({ findAddresses: finderOf(dns) })
  const ownAddresses = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address }) => /^(10|127|172\.(1[6-9]|2\d|3[01])|192\.168|f[cd]|::1)/.test(address))
    .map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address))
  const hosts = [...THIS_MACHINE, ...ELSEWHERE, ...ownAddresses, ...Object.keys(ZONE)]
  const urls = [...hosts.map((host) => `https://${host}:${port}/`), ...urlsOf(port)]
  t.ok(urls.length >= 60)
  const codes = new Map<string, number>()
  for (const url of urls) {
    const code = codeOf(await post(client, url))
    codes.set(code, (codes.get(code) ?? 0) + 1)
    const isRefused = /^(url_invalid|(scheme|credentials|port|host|address)_refused)$/.test(code)
    t.ok(isRefused, `${JSON.stringify(url)} is ${code}`)
  }
  t.strictSame(connections, [], `${urls.length} spellings make no connection`)
  t.comment(`${urls.length} spellings: ${JSON.stringify(Object.fromEntries(codes))}`)
})

t.test('without the guard the same spellings do reach this machine', async (t) => {
  const { port, connections } = await startReceiver(t, (_request, response) => response.end('x'))
  const reached: string[] = []
  for (const host of THIS_MACHINE) {
    if (await isReached(`https://${host}:${port}/`, connections)) reached.push(host)
  }
  const missed = THIS_MACHINE.filter((host) => !reached.includes(host))
  t.strictSame(missed, [])
})

const allowed = (networks: string) => ({ allowedNetworks: readNetworks(networks) })

async function startHooks(t: Test, zone: Zone, answer: Parameters<typeof startReceiver>[1]) {
  const receiver = await startReceiver(t, answer)
  const dns = await startNameServer(t, zone)
  const client = createClient({
    ...allowed('127.0.0.2/32, 127.0.0.3/32'),
    findAddresses: finderOf(dns),
    authorities: [receiver.certificate.pem],
  })
  return { receiver, dns, client, url: `https://hooks.example:${receiver.port}/in?a=1` }
}

t.test('a request arrives with its name, its headers and its body', async (t) => {
  const seen: unknown[] = []
  const { client, url, receiver } = await startHooks(
    t,
    { 'hooks.example': ['127.0.0.2'] },
    async (request, response) => {
      const { method, headers } = request
      seen.push({ method, path: request.url, body: await readBody(request), headers })
      response.writeHead(202, { 'retry-after': '7' }).end('thanks')
    },
  )
  const outcome = await client.post({ url, headers: { 'x-kind': 'test' }, body: 'grüße' })
  t.match(outcome, { kind: 'answered', status: 202, retryAfter: '7' })
  t.equal(outcome.kind === 'answered' && outcome.body.toString(), 'thanks')
  t.match(seen, [
    {
      method: 'POST',
      path: '/in?a=1',
      body: 'grüße',
      headers: { host: `hooks.example:${receiver.port}`, 'x-kind': 'test', 'content-length': '7' },
    },
  ])
  t.strictSame(receiver.connections, ['127.0.0.2'])
  await waitFor('the end of the connection', () => receiver.open.size === 0)
})

t.test('DNS is asked once for a request, so a second answer changes nothing', async (t) => {
  const { client, url, receiver, dns } = await startHooks(
    t,
    { 'hooks.example': [['127.0.0.2'], ['127.0.0.1']] },
    (_request, response) => response.end('ok'),
  )
  t.equal(codeOf(await post(client, url)), 'status 200')
  t.equal(dns.asked('hooks.example'), 1)
  t.equal(codeOf(await post(client, url)), 'address_refused', 'the next one is judged again')
  t.equal(dns.asked('hooks.example'), 2)
  t.strictSame(receiver.connections, ['127.0.0.2'])
})

t.test('of several good addresses one that answers is used', async (t) => {
  const receiver = await startReceiver(t, (_request, response) => response.end('ok'))
  const client = createClient({
    ...allowed('127.0.0.0/8, ::1/128'),
    findAddresses: async () => ['::1', '127.0.0.2'],
    authorities: [receiver.certificate.pem],
  })
  t.equal(codeOf(await post(client, `https://hooks.example:${receiver.port}/`)), 'status 200')
  t.equal(receiver.connections.length, 1)
})

t.test('a redirect is an answer, and is not followed', async (t) => {
  const { client, url, receiver } = await startHooks(
    t,
    { 'hooks.example': ['127.0.0.2'] },
    (_request, response) =>
      response.writeHead(307, { location: `https://127.0.0.1:${receiver.port}/inner` }).end(),
  )
  t.equal(codeOf(await post(client, url)), 'status 307')
  t.strictSame(receiver.connections, ['127.0.0.2'])
})

t.test('of an answer without an end the first 8 KB are read', async (t) => {
  let sent = 0
  const { client, url, receiver } = await startHooks(
    t,
    { 'hooks.example': ['127.0.0.2'] },
    (_request, response) => {
      const chunk = Buffer.alloc(64 * 1024, 'x')
      response.writeHead(200, { 'content-length': String(10 * 1024 ** 3) })
      const send = () => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length
        response.once('drain', send)
      }
      send()
    },
  )
  const outcome = await post(client, url)
  t.match(outcome, { kind: 'answered', status: 200 })
  t.equal(outcome.kind === 'answered' && outcome.body.length, ANSWER_BYTES_MAX)
  await waitFor('the end of the connection', () => receiver.open.size === 0)
  t.ok(sent < 32 * 1024 ** 2, `${sent} bytes were taken by the system at most`)
})

t.test('what does not answer in time is given up, and its connection ends', async (t) => {
  const cases: Record<string, Parameters<typeof startReceiver>[1]> = {
    'no answer': () => undefined,
    'a head that drips': (request) => {
      request.socket.write('HTTP/1.1 200 OK\r\n')
      const timer = setInterval(() => request.socket.write('x: y\r\n'), 20)
      request.socket.on('close', () => clearInterval(timer))
    },
    'interim answers for ever': (request) => {
      const timer = setInterval(() => request.socket.write('HTTP/1.1 102 P\r\n\r\n'), 20)
      request.socket.on('close', () => clearInterval(timer))
    },
  }
  for (const [name, answer] of Object.entries(cases)) {
    const receiver = await startReceiver(t, answer, { isPlain: true })
    const client = createClient({ ...allowed('127.0.0.2/32'), timeoutMs: 3_000 })
    t.equal(codeOf(await post(client, `http://127.0.0.2:${receiver.port}/`)), 'timeout', name)
    t.equal(receiver.connections.length, 1)
    await waitFor('the end of the connection', () => receiver.open.size === 0)
  }
})

t.test('a status that came in time counts, also when the body drips', async (t) => {
  const receiver = await startReceiver(
    t,
    (_request, response) => {
      const timer = setInterval(() => response.write('x'), 200)
      response.on('close', () => clearInterval(timer))
    },
    { isPlain: true },
  )
  const client = createClient({ ...allowed('127.0.0.2/32'), timeoutMs: 5_000 })
  const outcome = await post(client, `http://127.0.0.2:${receiver.port}/`)
  t.match(outcome, { kind: 'answered', status: 200 })
  t.ok(outcome.kind === 'answered' && outcome.body.length < 100)
  await waitFor('the end of the connection', () => receiver.open.size === 0)
})

t.test('a handshake that never ends is given up', async (t) => {
  const server = createServer((socket) => socket.resume().on('error', () => undefined))
  t.teardown(() => server.close())
  server.listen(0, '127.0.0.2')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = createClient({ ...allowed('127.0.0.2/32'), timeoutMs: 300 })
  t.equal(codeOf(await post(client, `https://127.0.0.2:${port}/`)), 'timeout')
})

t.test('a name server that never answers is given up', async (t) => {
  const dns = await startNameServer(t, { 'hooks.example': 'silent' })
  const findAddresses = createAddressFinder([dns.address])
  const client = createClient({ findAddresses, timeoutMs: 300 })
  t.equal(codeOf(await post(client, 'https://hooks.example/')), 'timeout')
})

t.test('a name without addresses is not called', async (t) => {
  const dns = await startNameServer(t, { 'empty.example': [] })
  const client = createClient({ findAddresses: finderOf(dns) })
  t.equal(codeOf(await post(client, 'https://empty.example/')), 'name_unresolved')
  t.equal(codeOf(await post(client, 'https://none.example/')), 'name_unresolved')
  t.equal(codeOf(await post(client, 'https://kubernetes.default/')), 'name_unresolved')
  t.equal(dns.asked('kubernetes.default'), 1, 'and as it is: no search domain is added')
})

t.test('a certificate of another name, or one that no one signed, is refused', async (t) => {
  const other = await startReceiver(t, (_request, response) => response.end(), {
    name: 'other.example',
  })
  const rules = { ...allowed('127.0.0.2/32'), findAddresses: async () => ['127.0.0.2'] }
  const url = `https://hooks.example:${other.port}/`
  const trusting = createClient({ ...rules, authorities: [other.certificate.pem] })
  t.equal(codeOf(await post(trusting, url)), 'tls_failed')
  t.equal(codeOf(await post(createClient(rules), url.replace('hooks', 'other'))), 'tls_failed')
})

t.test('without encryption only allowed networks are called', async (t) => {
  const receiver = await startReceiver(t, (_request, response) => response.end(), {
    isPlain: true,
  })
  const client = createClient({
    ...allowed('127.0.0.2/32'),
    findAddresses: async () => ['93.184.216.34'],
  })
  t.equal(codeOf(await post(client, 'http://hooks.example:8080/')), 'scheme_refused')
  t.equal(codeOf(await post(client, `http://127.0.0.2:${receiver.port}/`)), 'status 200')
  t.equal(codeOf(await post(client, `http://127.0.0.1:${receiver.port}/`)), 'address_refused')
  t.strictSame(receiver.connections, ['127.0.0.2'])
})

t.test('what is no HTTP, or ends too early, has a code of its own', async (t) => {
  const cases: Record<string, (write: (text: string) => void, end: () => void) => void> = {
    answer_invalid: (write) => write('220 mail.example ESMTP\r\n'),
    connection_lost: (_write, end) => end(),
  }
  for (const [code, answer] of Object.entries(cases)) {
    const receiver = await startReceiver(
      t,
      ({ socket }) =>
        answer(
          (text) => socket.write(text),
          () => socket.destroy(),
        ),
      { isPlain: true },
    )
    const client = createClient(allowed('127.0.0.2/32'))
    t.equal(codeOf(await post(client, `http://127.0.0.2:${receiver.port}/`)), code)
  }
  const gone = createClient(allowed('127.0.0.1/32'))
  t.equal(codeOf(await post(gone, `http://127.0.0.1:${await freePort()}/`)), 'connection_failed')
})
