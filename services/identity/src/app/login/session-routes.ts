import { answers, Instant, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { Type } from 'typebox'
import type { BrowserSessions } from '#src/app/sessions/browser-session.ts'
import { visitorOf } from '#src/app/visitors/visitor-of.ts'
import { revokeSession } from '#src/infra/postgres/sessions/sessions.ts'
import { type LogInDependencies, logIn, type PendingLogin } from './log-in.ts'
import { type RefreshDependencies, refreshSession } from './refresh-session.ts'
import {
  CookieAnswer,
  loggedInAnswer,
  TokensAnswer,
  TRANSPORT,
  tokensAnswer,
  transportOf,
} from './tokens-answer.ts'

const LogInBody = Type.Object(
  {
    email: Type.String({ minLength: 1, maxLength: 254 }),
    password: Type.String({ minLength: 1, maxLength: 128 }),
    ...TRANSPORT,
    keepAccount: Type.Optional(
      Type.Boolean({
        description: 'Keep an account that waits to be deleted (identity.deleting), and log in.',
      }),
    ),
  },
  { ...STRICT, title: 'Credentials' },
)

const RefreshBody = Type.Object(
  { refreshToken: Type.String({ minLength: 1, maxLength: 128 }) },
  { ...STRICT, title: 'TokenRefresh' },
)

const PendingAnswer = Type.Object(
  {
    code: Type.Literal('identity.second_factor_required'),
    message: Type.String(),
    details: Type.Object({
      token: Type.String({ description: 'Send it to /identity/2fa/challenge with a code.' }),
      expiresAt: Instant,
      jwt: Type.String({ description: 'The same as token, by its older name.' }),
      expires_at: Instant,
    }),
  },
  { title: 'PendingLogin' },
)

export interface SessionRoutesOptions extends LogInDependencies, RefreshDependencies {
  publicUrl: string
  browserSessions: BrowserSessions
}

/** Login, refresh and logout. */
export async function sessionRoutes(app: App, options: SessionRoutesOptions): Promise<void> {
  app.post(
    '/identity/login',
    {
      config: { auth: 'public' },
      schema: {
        tags: ['sessions'],
        operationId: 'logIn',
        summary: 'Log in with e-mail address and password',
        body: LogInBody,
        response: answers({ 200: TokensAnswer, 202: PendingAnswer, 204: CookieAnswer }, [401, 403]),
      },
    },
    async (request, reply) => {
      const { email, password, keepAccount: keepsAccount = false } = request.body
      const visitor = visitorOf(request)
      const transport = transportOf(request, request.body, options.browserSessions)
      const { trace } = request
      const command = { email, password, visitor, transport, keepsAccount, trace }
      const opened = await logIn(options, command)
      if (!('pendingToken' in opened)) return loggedInAnswer(reply, opened, options)
      reply.header('cache-control', 'no-store')
      return reply.code(202).send(pendingAnswer(opened))
    },
  )

  app.post(
    '/identity/token/refresh',
    {
      config: { auth: 'public' },
      schema: {
        tags: ['sessions'],
        operationId: 'refreshTokens',
        summary: 'Exchange a refresh token for a new access token and the next refresh token',
        body: RefreshBody,
        response: answers({ 200: TokensAnswer }, [401]),
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
      config: { auth: 'bearer', access: 'own', session: 'unchecked' },
      schema: {
        tags: ['sessions'],
        operationId: 'logOut',
        summary: 'End this session: its tokens and its cookie stop working',
        response: answers({ 204: Type.Null() }),
      },
    },
    async (request, reply) => {
      const { browserSession, user } = request
      await options.db.transaction().execute(async (tx) => {
        await revokeSession(tx, user.sessionId, 'logout')
        // A token may be of another session of the user; whose cookie is cleared ends as well.
        if (browserSession !== null) await revokeSession(tx, browserSession.sessionId, 'logout')
      })
      if (browserSession !== null) options.browserSessions.cookie.clear(reply)
      return reply.code(204).send(null)
    },
  )
}

function pendingAnswer({ pendingToken, expiresAt }: PendingLogin) {
  const until = expiresAt.toISOString()
  return {
    code: 'identity.second_factor_required' as const,
    message: 'The password is right. Now send a code of your app, or a recovery code.',
    details: { token: pendingToken, expiresAt: until, jwt: pendingToken, expires_at: until },
  }
}
