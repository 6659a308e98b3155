import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Teardown } from '@auction/common/testing/database.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import type { Cluster } from '#src/cluster/commands.ts'
import { openMailSink, tryNotices, watchLot } from '#src/cluster/noticing.ts'

/** A server of this test, which counts connections that are open. */
async function serve(t: Teardown, listener: RequestListener) {
  const server = createServer(listener)
  let open = 0
  server.on('connection', (socket) => {
    open += 1
    socket.on('close', () => {
      open -= 1
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, baseUrl: `http://127.0.0.1:${port}`, isLeft: () => open === 0 }
}

/** A cluster whose ports are forwarded to one of this machine. */
function forwarding(port: number) {
  const ways = { open: 0 }
  const forward = async () => {
    ways.open += 1
    return {
      port,
      close() {
        ways.open -= 1
      },
    }
  }
  return { ways, cluster: { forward } as Pick<Cluster, 'forward'> as Cluster }
}

t.test('a mail server that does not answer with mails is no empty one', async (t) => {
  const { port } = await serve(t, (_request, response) => response.writeHead(503).end('{}'))
  const sink = await openMailSink(forwarding(port).cluster)
  await t.rejects(async () => sink.mails(), {
    message: 'GET /messages?limit=100 of the mail server: 503',
  })
})

t.test('a stream that is refused or ends leaves nothing open, and says so', async (t) => {
  const refusing = await serve(t, (_request, response) => response.writeHead(503).write('wait'))
  await t.rejects(watchLot(refusing, 'a-lot'), { message: 'GET /api/v1/live: 503' })
  await waitFor('the end of the connection', refusing.isLeft)
  const ending = await serve(t, (_request, response) => {
    response.write('data: {"phase":"open"}\n\n')
    setImmediate(() => response.destroy())
  })
  const page = await watchLot(ending, 'a-lot')
  await waitFor('the text', () => page.shows('"phase":"open"'))
  await t.rejects(
    waitFor('the end', () => page.shows('"phase":"closed"')),
    { message: 'the stream has ended' },
  )
})

t.test('a phase that fails ends its page, its clients and its ways into the cluster', async (t) => {
  const mails: { ID: string; to: string }[] = []
  const sink = await serve(t, (request, response) => {
    const [, id = '', part] = /\/message\/([^/]+)(\/headers)?/.exec(request.url ?? '') ?? []
    response.setHeader('content-type', 'application/json')
    if (part !== undefined) return response.end('{"X-Auction-Template":["verify_email"]}')
    if (id === '') return response.end(JSON.stringify({ messages: mails }))
    const to = mails.find(({ ID }) => ID === id)?.to ?? ''
    const Text = 'https://auction.example/verify#token=t'
    return response.end(JSON.stringify({ Text, To: [{ Address: to }] }))
  })
  const gateway = await serve(t, (request, response) => {
    const { method, url = '' } = request
    let text = ''
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => {
      const answer = (status: number, body: object) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      if (url.startsWith('/api/v1/live')) return response.writeHead(200).write(': open\n\n')
      if (url.endsWith('/bids')) return answer(400, { code: 'bid.of_this_test' })
      if (url === '/identity/register')
        mails.push({ ID: `m${mails.length}`, to: JSON.parse(text).email })
      if (url === '/identity/login') return answer(200, { token: 'token' })
      if (url === '/identity/email/verify') return response.writeHead(204).end()
      if (url.endsWith('/publish')) return answer(200, {})
      return answer(method === 'POST' ? 201 : 200, { id: 'an-id', endDate: '' })
    })
  })
  const { ways, cluster } = forwarding(sink.port)
  const court = { cluster, gateway, log: () => undefined, fail: () => undefined }
  await t.rejects(
    tryNotices(court as unknown as Parameters<typeof tryNotices>[0]),
    /bid\.of_this_test/,
  )
  await waitFor('the end of every connection', gateway.isLeft)
  t.equal(ways.open, 0)
})
