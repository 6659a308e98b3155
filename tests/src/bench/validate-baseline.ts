/** A bare GET: the server of every service with the answer of /identity/validate written out. */

import { buildServer } from '@auction/common/http/server.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'

const app = await buildServer({
  service: 'bench',
  log: createLogger('bench', 'warn'),
  registry: createRegistry('bench'),
})
const id = '019a0000-0000-7000-8000-000000000001'
app.get('/bare', { config: { auth: 'public' } }, (_request, reply) => {
  reply.headers({
    'cache-control': 'no-store',
    'x-user-id': id,
    'x-user-email': 'user@example.test',
    'x-user-roles': 'user',
  })
  return { id, roles: ['user'] }
})
const address = await app.listen({ host: '127.0.0.1', port: 0 })
process.on('SIGINT', () => process.exit(0))
process.send?.(address)
