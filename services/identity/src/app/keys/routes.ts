import { answers } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { Type } from 'typebox'
import type { KeyStore } from './key-store.ts'

const PublicJwk = Type.Object(
  {
    kty: Type.String(),
    crv: Type.String(),
    x: Type.String(),
    kid: Type.String(),
    use: Type.String(),
    alg: Type.String(),
  },
  { title: 'SigningKey' },
)

/** The public keys that access tokens are verified with. */
export async function keyRoutes(app: App, { keys }: { keys: KeyStore }): Promise<void> {
  app.get(
    '/identity/.well-known/jwks.json',
    {
      config: { auth: 'public' },
      schema: {
        tags: ['keys'],
        operationId: 'listSigningKeys',
        summary: 'Public keys of access tokens (JWKS)',
        response: answers({
          200: Type.Object({ keys: Type.Array(PublicJwk) }, { title: 'SigningKeySet' }),
        }),
      },
    },
    (_request, reply) => {
      // Far shorter than the time between publishing a key and signing with it, and short enough
      // for a key that is retired in an emergency.
      reply.header('cache-control', 'public, max-age=60')
      return { keys: [...keys.publicKeys()] }
    },
  )
}
