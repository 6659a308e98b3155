import { answers, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { TokensAnswer } from '#src/app/login/tokens-answer.ts'
import type { AccessTokens } from '#src/app/sessions/access-token.ts'
import { ACCESS_TOKEN_LIFETIME_SECONDS } from '#src/domain/lifetimes.ts'
import { SELLER_TERMS_VERSION } from '#src/domain/seller-terms.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { acceptSellerTerms } from './accept-seller-terms.ts'

const TermsAnswer = Type.Object({ version: Type.String() }, { title: 'SellerTerms' })

const AcceptBody = Type.Object(
  { version: Type.String({ minLength: 1, maxLength: 40, description: 'the one that was read' }) },
  { ...STRICT, title: 'SellerTermsAcceptance' },
)

const AcceptAnswer = Type.Object(
  {
    roles: Type.Array(Type.String()),
    ...Type.Partial(Type.Pick(TokensAnswer, ['token', 'expiresIn'])).properties,
  },
  { title: 'AcceptedSellerTerms' },
)

export interface SellerTermsRoutesOptions {
  db: Kysely<Database>
  accessTokens: AccessTokens
}

/** Becoming a seller. */
export async function sellerTermsRoutes(
  app: App,
  options: SellerTermsRoutesOptions,
): Promise<void> {
  const tags = ['accounts']

  app.get(
    '/identity/seller-terms',
    {
      config: { auth: 'public' },
      schema: {
        tags,
        operationId: 'getSellerTerms',
        summary: 'The version of the seller terms that counts now',
        response: answers({ 200: TermsAnswer }),
      },
    },
    async () => ({ version: SELLER_TERMS_VERSION }),
  )

  app.post(
    '/identity/me/seller-terms',
    {
      config: { auth: 'bearer', access: 'own', session: 'live' },
      schema: {
        tags,
        operationId: 'acceptSellerTerms',
        summary: 'Agree to the seller terms, and be a seller',
        description:
          'The token of the answer carries the role; earlier ones do not. A browser with a cookie gets none.',
        body: AcceptBody,
        response: answers({ 200: AcceptAnswer }, [403, 409]),
      },
    },
    async (request, reply) => {
      const { session } = request
      const roles = await acceptSellerTerms(options, session, request.body.version, request.trace)
      reply.header('cache-control', 'no-store')
      if (request.browserSession !== null) return { roles }
      const token = options.accessTokens({ ...session, userId: session.id, roles })
      return { roles, token, expiresIn: ACCESS_TOKEN_LIFETIME_SECONDS }
    },
  )
}
