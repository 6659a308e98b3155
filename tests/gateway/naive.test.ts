import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { attack } from './attack.ts'
import { readHeaderNames, stage } from './cast.ts'
import { forge } from './forgeries.ts'
import { startNaive } from './naive.ts'

const SEED = 20261123
const VARIANTS = 2_000

const person = (name: string, id: string) => ({
  id,
  name,
  email: `${name}@example.test`,
  token: 'not.a.token',
})
const victim = person('victim', '0197a3c4-1111-7000-8000-000000000001')
const attacker = person('attacker', '0197a3c4-1111-7000-8000-000000000002')
const ids = { victim, attacker, lotId: '1', draftId: '2' }
const cast = stage(ids, ['a secret of the victim'], await readHeaderNames())

t.test('the same forgeries fool a service that believes X-User-Id', async (t) => {
  const { gatewayUrl, serviceUrl } = await startNaive(t, victim.id, cast.secrets)
  const places = { 'behind a gateway that strips nothing': gatewayUrl, alone: serviceUrl }
  for (const [where, url] of Object.entries(places)) {
    const { verdicts, findings } = await attack({ url, cast, seed: SEED, count: VARIANTS })
    t.comment(`${where}: ${verdicts.impersonated} of ${VARIANTS} impersonate`)
    t.ok(verdicts.impersonated > 0, where)
    const ways = new Set(findings.map(({ how }) => how.replace(/^\S+ /, '').split(',')[0]))
    t.ok(ways.size > 3, `in more ways than one: ${[...ways].slice(0, 12).join('; ')}`)
  }
})

t.test('a seed makes the same forgeries again, and no two of them alike', async (t) => {
  const make = (seed: number, count: number) => {
    const options = { seed, host: 'localhost', targets: cast.targets, claims: cast.claims }
    const forgeries = forge(options)
    return Array.from({ length: count }, () => String(forgeries.next().value.bytes))
  }
  const first = make(SEED, 10_000)
  t.equal(new Set(first).size, 10_000)
  t.strictSame(make(SEED, 10_000), first)
  t.notSame(make(SEED + 1, 100), first.slice(0, 100))
})

t.test('a 503 that asks to come again is obeyed five times, and is a failure then', async (t) => {
  const down = await postponing(t, Number.POSITIVE_INFINITY)
  const failed = await attack({ url: down.url, cast, seed: SEED, count: 1 })
  t.match(failed, { verdicts: { failed: 1 }, postponed: 5, findings: [{ status: 503 }] })
  t.equal(down.asked(), 6)
  const busy = await postponing(t, 1)
  const refused = await attack({ url: busy.url, cast, seed: SEED, count: 1 })
  t.match(refused, { verdicts: { refused: 1, failed: 0 }, postponed: 1, findings: [] })
})

t.test('a secret in a 503 that asks to come again is an impersonation', async (t) => {
  const { url, asked } = await postponing(t, 1, cast.secrets.join())
  const { verdicts, postponed } = await attack({ url, cast, seed: SEED, count: 1 })
  t.match({ impersonated: verdicts.impersonated, postponed }, { impersonated: 1, postponed: 0 })
  t.equal(asked(), 1)
})

/** Asks to come again `times` times and refuses then. */
async function postponing(t: Test, times: number, body = '') {
  let asked = 0
  const server = createServer((request, response) => {
    request.resume()
    asked += 1
    if (asked > times) response.writeHead(401).end()
    else response.writeHead(503, { 'retry-after': '0', 'content-length': body.length }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, asked: () => asked }
}
