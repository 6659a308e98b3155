import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { UNREAD_BODY_BYTES_MAX } from '#src/http/discard-body.ts'
import { createPool } from '#src/postgres/pool.ts'
import { createTestDatabase, TEST_CONNECTION_TIMEOUT_MS } from '#src/testing/database.ts'
import { startTcpRelay } from '#src/testing/tcp-relay.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import { buildToy, collectLog, listen, sendRaw } from '#test/helper.ts'

const config = { auth: 'public' } as const
const JSON_BODY = { headers: { 'content-type': 'application/json' }, body: '{}' }
const TRACE_ID = /"traceId":"[0-9a-f]{32}"/

t.test('what never becomes a request is answered in the shape of every error', async (t) => {
  const open = async (requestTimeoutMs: number) => {
    const { app, lines } = await buildToy(t, { requestTimeoutMs })
    app.post('/toys', { config }, () => 'never reached')
    return { lines, port: await listen(app) }
  }
  // What is refused for what it is may come as slowly as a busy machine sends it.
  const [hasty, patient] = [await open(300), await open(60_000)]
  const head = 'POST /toys HTTP/1.1\r\nhost: toys\r\ncontent-type: application/json\r\n'
  const cases: [string, string, number, string][] = [
    ['a body that does not come', `${head}content-length: 10\r\n\r\n{"a"`, 408, 'request.timeout'],
    ['headers that do not end', head, 408, 'request.timeout'],
    [
      'headers without measure',
      `${head}x-long: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'request.headers_too_large',
    ],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n\r\n', 400, 'request.invalid'],
    [
      'two lengths',
      `${head}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      'request.invalid',
    ],
  ]
  for (const [title, text, status, code] of cases) {
    const { port } = status === 408 ? hasty : patient
    const [answered = '', body = ''] = (await sendRaw(port, text)).split('\r\n\r\n')
    t.match(answered, new RegExp(`^HTTP/1.1 ${status} `), title)
    t.match(answered, /connection: close/i, title)
    t.match(body, `"code":"${code}"`, title)
    t.match(body, TRACE_ID, title)
  }
  t.strictSame(
    [...hasty.lines, ...patient.lines].filter(({ level }) => level !== 'info'),
    [],
  )
})

t.test('a file may come slowly, other bodies may not', async (t) => {
  const { app } = await buildToy(t, { requestTimeoutMs: 2_000, uploadTimeoutMs: 60_000 })
  app.post('/toys', { config }, () => ({ taken: 'small' }))
  app.post('/files', { config: { ...config, takesFile: true } }, () => ({ taken: 'file' }))
  const port = await listen(app)
  const begin = (path: string) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    socket.on('error', () => undefined)
    const head = 'host: toys\r\ncontent-type: application/json\r\ncontent-length: 2\r\n'
    socket.write(`POST ${path} HTTP/1.1\r\n${head}\r\n{`)
    return { socket, answer: () => answer }
  }
  const [file, small] = [begin('/files'), begin('/toys')]
  await once(small.socket, 'close')
  t.match(small.answer(), /^HTTP\/1\.1 408 /)
  t.match(small.answer(), '"code":"request.timeout"')
  t.match(small.answer(), TRACE_ID)
  t.equal(file.answer(), '')
  file.socket.write('}')
  await waitFor('the file to be taken', () => file.answer().includes('{"taken":"file"}'))
  file.socket.destroy()
})

t.test('an answer may take longer than its request may', async (t) => {
  const { app } = await buildToy(t, { requestTimeoutMs: 2_000, uploadTimeoutMs: 60_000 })
  const late = Promise.withResolvers<object>()
  app.post('/toys', { config }, () => late.promise)
  const port = await listen(app)
  const asking = fetch(`http://127.0.0.1:${port}/toys`, { method: 'POST', ...JSON_BODY })
  const slow = sendRaw(
    port,
    'POST /toys HTTP/1.1\r\nhost: toys\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{',
  )
  t.match(await slow, /^HTTP\/1\.1 408 /, 'the time of both is over')
  late.resolve({ done: true })
  t.strictSame(await (await asking).json(), { done: true })
})

/** Sends the head of a body that is too large, and answers what comes back while it is on its way. */
async function beginTooLarge(port: number, bytes: number) {
  const socket = connect(port, '127.0.0.1')
  const received: Buffer[] = []
  socket.on('data', (chunk) => received.push(chunk)).on('error', () => undefined)
  const text = () => Buffer.concat(received).toString()
  const type = 'content-type: application/json'
  socket.write(`POST /toys HTTP/1.1\r\nhost: toys\r\n${type}\r\ncontent-length: ${bytes}\r\n\r\n`)
  await waitFor('the refusal', () => text().includes('request.body_too_large'))
  return { socket, text }
}

t.test('a refused body may finish arriving, and its connection goes on', async (t) => {
  const { app } = await buildToy(t)
  app.post('/toys', { config }, () => 'never reached')
  app.get('/toys', { config }, () => 'the next answer')
  const { socket, text } = await beginTooLarge(await listen(app), 100_000)
  t.match(text(), /^HTTP\/1.1 413 /)
  t.notMatch(text(), /connection: close/i)
  socket.write('x'.repeat(100_000))
  socket.write('GET /toys HTTP/1.1\r\nhost: toys\r\n\r\n')
  await waitFor('the answer to the next request', () => text().endsWith('the next answer'))
  socket.destroy()
})

t.test('a refused body without end is not read to it', async (t) => {
  const { app } = await buildToy(t)
  app.post('/toys', { config }, () => 'never reached')
  const { socket } = await beginTooLarge(await listen(app), 10 * UNREAD_BODY_BYTES_MAX)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write('x'.repeat(2 * UNREAD_BODY_BYTES_MAX))
  await closed
  t.pass('the connection was cut')
})

t.test('a caller who hangs up while sending is not a failure of ours', async (t) => {
  const { app, lines } = await buildToy(t)
  const statuses: number[] = []
  app.addHook('onSend', async (_request, reply) => {
    statuses.push(reply.statusCode)
  })
  app.post('/toys', { config }, () => 'never reached')
  const port = await listen(app)
  const socket = connect(port, '127.0.0.1')
  const arrived = new Promise<void>((resolve) => app.server.once('request', () => resolve()))
  socket.write(
    'POST /toys HTTP/1.1\r\nhost: toys\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{',
  )
  await arrived
  socket.destroy()
  await waitFor('the server to notice', () => statuses.length === 1)
  t.strictSame(statuses, [400])
  t.strictSame(
    lines.filter(({ level }) => level !== 'info'),
    [],
  )
})

t.test(
  'a request in flight is finished when the server closes, and none is taken after',
  async (t) => {
    const { app } = await buildToy(t)
    let release = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    let isReached = false
    app.get('/slow', { config }, async () => {
      isReached = true
      await released
      return { finished: true }
    })
    const port = await listen(app)
    const answer = fetch(`http://127.0.0.1:${port}/slow`)
    await waitFor('the request to arrive', () => isReached)
    const closing = app.close()
    await waitFor('the listener to be gone', async () => {
      const late = await fetch(`http://127.0.0.1:${port}/slow`).catch((error: Error) => error)
      return late instanceof Error
    })
    release()
    t.strictSame(await (await answer).json(), { finished: true })
    await closing
  },
)

t.test('connections on which nothing arrives do not keep the server from closing', async (t) => {
  const { app } = await buildToy(t, { requestTimeoutMs: 300 })
  app.post('/toys', { config }, () => 'never reached')
  const port = await listen(app)
  const head = 'POST /toys HTTP/1.1\r\nhost: toys\r\ncontent-type: application/json\r\n'
  const sockets = ['', head, `${head}content-length: 10\r\n\r\n{`].map((text) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('error', () => undefined)
    return socket
  })
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  await app.close()
  for (const socket of sockets) if (!socket.closed) await once(socket.resume(), 'close')
  t.pass('it closed')
})

t.test(
  'without PostgreSQL the answer is 503 with Retry-After, and it recovers by itself',
  async (t) => {
    const { config: database } = await createTestDatabase(t, [])
    const relay = await startTcpRelay(database.POSTGRES_HOST, database.POSTGRES_PORT)
    t.teardown(() => relay.stop())
    const { log } = collectLog()
    const pool = createPool(
      { ...database, POSTGRES_HOST: '127.0.0.1', POSTGRES_PORT: relay.port },
      { log, connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS },
    )
    t.teardown(() => pool.end())
    const { app, lines } = await buildToy(t)
    app.get('/sum', { config }, async () => (await pool.query('select 1 + 1 as sum')).rows[0])
    t.strictSame((await app.inject('/sum')).json(), { sum: 2 })

    await relay.stop()
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const response = await app.inject('/sum')
      t.match(response, { statusCode: 503, headers: { 'retry-after': /^[123]$/ } })
      t.match(response.json(), { code: 'service.unavailable', message: /Try again/ })
      t.notMatch(response.body, /ECONN|127\.0\.0\.1|postgres/i)
    }
    t.strictSame(
      lines.filter(({ level }) => level === 'error'),
      [],
      'an outage is a warning here: the database has an alarm of its own',
    )

    await relay.start()
    t.strictSame((await app.inject('/sum')).json(), { sum: 2 })
  },
)
