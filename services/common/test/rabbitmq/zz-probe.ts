import { createServer, connect as tcp } from 'node:net'
import { createLogger } from '#src/logger.ts'
import { connectBroker } from '#src/rabbitmq/connection.ts'
import { createTestBroker } from '#src/testing/broker.ts'
import { waitFor } from '#src/testing/wait-for.ts'
const downs: any[] = []; const t = { teardown: (f: any) => downs.unshift(f) }
const b = await createTestBroker(t)
const u = new URL(b.url)
const socks = new Set<any>()
const proxy = createServer((s) => { const o = tcp(Number(u.port), u.hostname); socks.add(s); s.pipe(o); o.pipe(s); s.on('error', () => o.destroy()); o.on('error', () => s.destroy()); s.on('close', () => { o.destroy(); socks.delete(s) }); o.on('close', () => s.destroy()) }).listen(0)
await new Promise((r) => proxy.once('listening', r))
const via = new URL(b.url); via.port = String((proxy.address() as any).port)
const log = createLogger('x', 'info')
const c = connectBroker({ url: via.href, name: 'probe', log })
const N = Number(process.argv[2])
let opens = 0
for (let i = 0; i < N; i++) c.openChannel('ch' + i, async () => { opens++ })
await waitFor('open', () => opens === N)
for (const how of ['destroy', 'reset', 'api']) {
  const before = opens; const at = performance.now()
  if (how === 'api') { await waitFor('conn listed', async () => (await b.closeConnections()) > 0) }
  else for (const s of socks) how === 'destroy' ? s.destroy() : s.resetAndDestroy()
  try { await waitFor('reopen ' + how, () => opens === before + N, 30000) } catch (e) { console.log('FAILED', how, opens - before, (e as Error).message); break }
  console.log(how, 'back after', (performance.now() - at).toFixed(0))
}
await c.close(); proxy.close()
for (const d of downs) await d()
process.exit()
