import { LOCALES } from '@auction/common/contracts/identity.ts'
import type { Caller } from '@auction/common/http/auth.ts'
import { answers, Instant, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { requireOneUser } from '#src/app/sessions/caller-session.ts'
import type { SessionCheck } from '#src/app/sessions/session-check.ts'
import { visitorOf } from '#src/app/visitors/visitor-of.ts'
import { headerEmail } from '#src/domain/email.ts'
import { chooseLocale } from '#src/domain/locale.ts'
import { TEXTS } from '#src/domain/texts.ts'
import type { LiveSession } from '#src/infra/postgres/sessions/sessions.ts'
import { type RegisterDependencies, registerUser } from './register-user.ts'

const RegisterBody = Type.Object(
  {
    name: WrittenText(TEXTS.name),
    email: Type.String({ minLength: 1, maxLength: 254 }),
    password: Type.String({ minLength: 1, maxLength: 1024, description: '8 to 128 characters' }),
    locale: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 35,
        description: `Language of mails: ${LOCALES.join(', ')}. Absent or another: by Accept-Language, else en.`,
      }),
    ),
  },
  { ...STRICT, title: 'Registration' },
)

const RegisterAnswer = Type.Object(
  { id: Uuid, name: Type.String(), email: Type.String() },
  { title: 'RegisteredAccount' },
)

const MeAnswer = Type.Object(
  {
    id: Uuid,
    name: Type.String(),
    email: Type.String(),
    emailVerified: Type.Boolean(),
    twoFactorEnabled: Type.Boolean(),
    roles: Type.Array(Type.String()),
    createdAt: Instant,
  },
  { title: 'MyAccount' },
)

const ValidateAnswer = Type.Object(
  { id: Uuid, roles: Type.Array(Type.String()) },
  { title: 'ValidatedToken' },
)

/** Registration, the caller's own account, and the check that the gateway makes on every call. */
export async function accountRoutes(
  app: App,
  options: RegisterDependencies & { checkSession: SessionCheck },
): Promise<void> {
  app.post(
    '/identity/register',
    {
      config: { auth: 'public' },
      schema: {
        tags: ['accounts'],
        operationId: 'registerAccount',
        summary: 'Open an account',
        body: RegisterBody,
        response: answers({ 201: RegisterAnswer }),
      },
    },
    async (request, reply) => {
      const visitor = visitorOf(request)
      const { body, headers, trace } = request
      const locale = chooseLocale(body.locale, headers['accept-language']) ?? null
      const user = await registerUser(options, { ...body, locale }, { visitor, trace })
      reply.code(201).header('cache-control', 'no-store')
      return user
    },
  )

  app.get(
    '/identity/me',
    {
      config: { auth: 'bearer', access: 'own', session: 'live' },
      schema: {
        tags: ['accounts'],
        operationId: 'getMyAccount',
        summary: 'The account of the caller',
        response: answers({ 200: MeAnswer }),
      },
    },
    async (request, reply) => {
      const { createdAt, ...session } = request.session
      reply.header('cache-control', 'no-store')
      return { ...session, createdAt: createdAt.toISOString() }
    },
  )

  app.get(
    '/identity/validate',
    {
      config: { auth: 'bearer', access: 'own', session: 'live', isAskedByGateway: true },
      schema: {
        tags: ['accounts'],
        operationId: 'validateToken',
        summary: 'Asked by the gateway before every call: is this token good at this moment?',
        response: answers({ 200: ValidateAnswer }, [403]),
      },
    },
    async (request, reply) => answerGateway(request, reply, request.session),
  )

  // For routes that also serve those who are not logged in: a session that ended makes one of them.
  // A bad bearer token is refused, because a program sent it on purpose.
  app.get(
    '/identity/validate/optional',
    { config: { auth: 'optional', isAskedByGateway: true }, schema: { hide: true } },
    async (request, reply) => {
      const { caller } = request
      if (caller !== null)
        return answerGateway(request, reply, await checkOptional(request, caller))
      reply.header('cache-control', 'no-store')
      return {}
    },
  )

  async function checkOptional(request: FastifyRequest, caller: Caller): Promise<LiveSession> {
    requireOneUser(request, caller, options.metrics)
    return options.checkSession(caller)
  }
}

/**
 * Says who calls. The gateway takes the token from the answer, so that a service is given the same
 * for a cookie as for a token. It alone gets it: no client can send X-Forwarded-Method through it,
 * and so no script can read the token of a cookie here.
 */
function answerGateway(request: FastifyRequest, reply: FastifyReply, session: LiveSession) {
  const { id, email, roles } = session
  const { authorization = '', 'x-forwarded-method': asked } = request.headers
  reply.headers({
    'cache-control': 'no-store',
    'x-user-id': id,
    'x-user-email': headerEmail(email),
    'x-user-roles': roles.join(','),
    ...(asked === undefined ? {} : { authorization }),
  })
  return { id, roles }
}
