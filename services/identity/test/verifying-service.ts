import { defineError } from '@auction/common/http/errors.ts'
import { createJwksCache, type JwksOptions } from '@auction/common/http/jwks.ts'
import { buildServer } from '@auction/common/http/server.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import { Registry } from 'prom-client'
import { INTERNAL_SECRET, ISSUER } from './helper.ts'

/** Another service: it knows identity by its published keys alone. */
export async function startVerifyingService(
  t: Teardown,
  identityUrl: string,
  options: JwksOptions = {},
) {
  const log = createLogger('toy', 'silent')
  const url = `${identityUrl}/identity/.well-known/jwks.json`
  const app = await buildServer({
    service: 'toy',
    log,
    registry: new Registry(),
    auth: {
      issuer: ISSUER,
      jwks: createJwksCache(url, log, { fetchTimeoutMs: 60_000, ...options }),
      internalSecret: INTERNAL_SECRET,
      unauthenticated: defineError('toy.unauthenticated', 'Log in to do this.', 401),
    },
  })
  t.teardown(() => app.close())
  app.get('/private', { config: { auth: 'bearer', access: 'any' } }, (request) => ({
    id: request.user.id,
  }))
  return async (token: string) => {
    const headers = { authorization: `Bearer ${token}` }
    return (await app.inject({ url: '/private', headers })).statusCode
  }
}
