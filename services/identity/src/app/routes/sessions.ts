import { answers, STRICT } from '@auction/common/schemas.ts'
import type { App } from '@auction/common/server.ts'
import { Type } from 'typebox'
import { ACCESS_TOKEN_LIFETIME_SECONDS } from '#src/domain/lifetimes.ts'
import { identityErrors } from '#src/errors.ts'
import { revokeSession } from '#src/infra/postgres/sessions.ts'
import { type LogInDependencies, logIn, type Tokens } from '../log-in.ts'
import { type RefreshDependencies, refreshSession } from '../refresh-session.ts'

const DEVICE_LENGTH_MAX = 200

const LogInBody = Type.Object(
  {
    email: Type.String({ minLength: 1, maxLength: 254 }),
    password: Type.String({ minLength: 1, maxLength: 128 }),
  },
  STRICT,
)

const RefreshBody = Type.Object(
  { refreshToken: Type.String({ minLength: 1, maxLength: 128 }) },
  STRICT,
)

const TokensAnswer = Type.Object({
  token: Type.String({ description: 'Access token: send it as "Authorization: Bearer …".' }),
  expiresIn: Type.Integer({ description: 'Seconds until the access token expires.' }),
  refreshToken: Type.String({ description: 'Exchange it for the next pair; it works once.' }),
})

export type SessionRoutesOptions = LogInDependencies & RefreshDependencies

/** Login, refresh and logout. */
export async function sessionRoutes(app: App, options: SessionRoutesOptions): Promise<void> {
  app.post(
    '/identity/login',
    {
      config: { auth: 'public' },
      schema: {
        tags: ['sessions'],
        summary: 'Log in with e-mail address and password',
        body: LogInBody,
        response: answers({ 200: TokensAnswer }),
      },
    },
    async (request, reply) => {
      const { email, password } = request.body
      const device = deviceOf(request.headers['user-agent'])
      const tokens = await logIn(options, { email, password, device })
      reply.header('cache-control', 'no-store')
      return tokensAnswer(tokens)
    },
  )

  app.post(
    '/identity/token/refresh',
    {
      config: { auth: 'public' },
      schema: {
        tags: ['sessions'],
        summary: 'Exchange a refresh token for a new access token and the next refresh token',
        body: RefreshBody,
        response: answers({ 200: TokensAnswer }),
      },
    },
    async (request, reply) => {
      const tokens = await refreshSession(options, request.body.refreshToken)
      reply.header('cache-control', 'no-store')
      return tokensAnswer(tokens)
    },
  )

  app.post(
    '/identity/logout',
    {
      config: { auth: 'bearer' },
      schema: {
        tags: ['sessions'],
        summary: 'End this session: its access and refresh tokens stop working',
        security: [{ bearer: [] }],
        response: answers({ 204: Type.Null() }),
      },
    },
    async (request, reply) => {
      if (request.caller === null) throw identityErrors.unauthenticated()
      await revokeSession(options.db, request.caller.sessionId, 'logout')
      return reply.code(204).send(null)
    },
  )
}

function tokensAnswer({ token, refreshToken }: Tokens) {
  return { token, expiresIn: ACCESS_TOKEN_LIFETIME_SECONDS, refreshToken }
}

/** What the browser calls itself, in printable ASCII and cut, so that it can be shown later. */
function deviceOf(userAgent: string | undefined): string | null {
  const text = userAgent?.replace(/[^\x20-\x7e]/g, '').slice(0, DEVICE_LENGTH_MAX)
  return text === undefined || text === '' ? null : text
}
