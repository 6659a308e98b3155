import { answers, Instant, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { Type } from 'typebox'
import { visitorOf } from '#src/app/visitors/visitor-of.ts'
import { headerEmail } from '#src/domain/email.ts'
import { TEXTS } from '#src/domain/texts.ts'
import { type RegisterDependencies, registerUser } from './register-user.ts'

const RegisterBody = Type.Object(
  {
    name: WrittenText(TEXTS.name),
    email: Type.String({ minLength: 1, maxLength: 254 }),
    password: Type.String({ minLength: 1, maxLength: 1024, description: '8 to 128 characters' }),
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
export async function accountRoutes(app: App, options: RegisterDependencies): Promise<void> {
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
      const user = await registerUser(options, request.body, { visitor, trace: request.trace })
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
      config: { auth: 'bearer', access: 'own', session: 'live' },
      schema: {
        tags: ['accounts'],
        operationId: 'validateToken',
        summary: 'Asked by the gateway before every call: is this token good at this moment?',
        response: answers({ 200: ValidateAnswer }),
      },
    },
    async (request, reply) => {
      const { id, email, roles } = request.session
      reply.headers({
        'cache-control': 'no-store',
        'x-user-id': id,
        'x-user-email': headerEmail(email),
        'x-user-roles': roles.join(','),
      })
      return { id, roles }
    },
  )
}
