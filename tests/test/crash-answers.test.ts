import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createClient } from '#src/api-client.ts'
import { createAnswerLog } from '#src/crash/answers.ts'

t.test('a run that ends early knows its last answers by request and code', async (t) => {
  let nowMs = 0
  const log = createAnswerLog(() => nowMs)
  const server = createServer((request, response) => {
    if (request.url === '/gone') return request.socket.destroy()
    response.writeHead(409, { 'content-type': 'application/json' })
    return response.end('{"code":"bid.ended"}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const client = log.recorded(createClient({ baseUrl: `http://127.0.0.1:${port}` }))
  t.teardown(() => client.close())
  await client.request('GET', '/long-ago')
  nowMs = 20_000
  const lots = ['01a2247c-adf8-7757-a06b-efdf28bfeb00', '01a2247d-20e0-773e-a736-c059d451d136']
  for (const id of lots) await client.request('POST', `/api/v1/lots/${id}/bids`)
  await t.rejects(client.request('GET', '/gone'))
  t.match(log.last(10_000), [
    ['POST /api/v1/lots/:id/bids 409 bid.ended', 2],
    [/^GET \/gone no answer: /, 1],
  ])
})
