import { answers, Instant, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { type Static, Type } from 'typebox'
import type { Mails } from '#src/app/mails/mails.ts'
import { emailPrefix } from '#src/domain/email.ts'
import { TEXTS } from '#src/domain/texts.ts'
import { identityErrors } from '#src/errors.ts'
import {
  type ListedAccount,
  listAccounts,
  readAccount,
} from '#src/infra/postgres/operators/account-list.ts'
import type { OperatorDependencies } from './change-roles.ts'
import { reinstateUser } from './reinstate-user.ts'
import { suspendUser } from './suspend-user.ts'

const PAGE_MAX = 50

export const UserAnswer = Type.Object(
  {
    id: Uuid,
    name: Type.String(),
    email: Type.String(),
    emailVerified: Type.Boolean(),
    twoFactorEnabled: Type.Boolean(),
    roles: Type.Array(Type.String()),
    status: Type.String({ description: 'active, suspended, or deleting: closed by its owner' }),
    createdAt: Instant,
    suspension: Type.Union([
      Type.Object({
        reason: Type.String(),
        suspendedAt: Instant,
        until: Type.Union([Instant, Type.Null()]),
        suspendedBy: Type.Union([Uuid, Type.Null()]),
      }),
      Type.Null(),
    ]),
  },
  { title: 'User' },
)

const UserList = Type.Object(
  {
    users: Type.Array(UserAnswer),
    nextCursor: Type.Union([Uuid, Type.Null()]),
  },
  { title: 'UserList' },
)

const UserQuery = Type.Object(
  {
    email: Type.Optional(
      Type.String({ minLength: 1, maxLength: 254, description: 'how the address begins' }),
    ),
    cursor: Type.Optional(Uuid),
  },
  STRICT,
)

const Reason = WrittenText(TEXTS.reason)
const SuspendBody = Type.Object(
  { reason: Reason, until: Type.Optional(Instant) },
  { ...STRICT, title: 'NewSuspension' },
)
const ReinstateBody = Type.Object({ reason: Reason }, { ...STRICT, title: 'Reinstatement' })
// The largest reason, also when its characters are escaped, which makes them three times as long.
const BODY_LIMIT_BYTES = 16 * 1024
const params = Type.Object({ id: Uuid })

const ROLE_ROUTE = { auth: 'bearer', access: 'role', session: 'proven' } as const
export const ADMINS = { ...ROLE_ROUTE, roles: ['admin'] } as const
const OPERATORS = { ...ROLE_ROUTE, roles: ['moderator', 'admin'] } as const

export interface OperatorRoutesOptions extends OperatorDependencies {
  mails: Mails
}

/** What operators see of accounts, and suspending them. Everything here asks for a fresh proof. */
export async function operatorRoutes(app: App, options: OperatorRoutesOptions): Promise<void> {
  const { db } = options
  const tags = ['operators']

  app.get(
    '/identity/users',
    {
      config: ADMINS,
      schema: {
        tags,
        operationId: 'listUsers',
        summary: 'Accounts, the newest first; admins only',
        querystring: UserQuery,
        response: answers({ 200: UserList }),
      },
    },
    async (request, reply) => {
      const { email = '', cursor } = request.query
      const search = { emailPrefix: emailPrefix(email), beforeId: cursor, limit: PAGE_MAX + 1 }
      const found = await listAccounts(db, search)
      const page = found.slice(0, PAGE_MAX)
      reply.header('cache-control', 'no-store')
      const nextCursor = found.length > PAGE_MAX ? (page.at(-1)?.id ?? null) : null
      return { users: page.map(userAnswer), nextCursor }
    },
  )

  app.get(
    '/identity/users/:id',
    {
      config: OPERATORS,
      schema: {
        tags,
        operationId: 'getUser',
        summary: 'An account; operators only',
        params,
        response: answers({ 200: UserAnswer }),
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      return answerOf(options, request.params.id)
    },
  )

  app.post(
    '/identity/users/:id/suspend',
    {
      config: OPERATORS,
      bodyLimit: BODY_LIMIT_BYTES,
      schema: {
        tags,
        operationId: 'suspendUser',
        summary: 'Suspend an account: its sessions end at once',
        params,
        body: SuspendBody,
        response: answers({ 200: UserAnswer }, [409]),
      },
    },
    async (request, reply) => {
      const { session } = request
      const { reason, until } = request.body
      const command = { userId: request.params.id, reason, until: until ? new Date(until) : null }
      await suspendUser(options, session, command, request.trace)
      reply.header('cache-control', 'no-store')
      return answerOf(options, request.params.id)
    },
  )

  app.post(
    '/identity/users/:id/reinstate',
    {
      config: OPERATORS,
      bodyLimit: BODY_LIMIT_BYTES,
      schema: {
        tags,
        operationId: 'reinstateUser',
        summary: 'End a suspension',
        params,
        body: ReinstateBody,
        response: answers({ 200: UserAnswer }, [409]),
      },
    },
    async (request, reply) => {
      const { session } = request
      const command = { userId: request.params.id, reason: request.body.reason }
      await reinstateUser(options, session, command, request.trace)
      reply.header('cache-control', 'no-store')
      return answerOf(options, request.params.id)
    },
  )
}

/** The account as it is stored now. */
export async function answerOf(
  { db }: OperatorDependencies,
  id: string,
): Promise<Static<typeof UserAnswer>> {
  const account = await readAccount(db, id)
  if (account === undefined) throw identityErrors.userNotFound()
  return userAnswer(account)
}

function userAnswer(account: ListedAccount): Static<typeof UserAnswer> {
  const { suspensionReason: reason, suspendedAt, suspensionEndsAt, suspendedBy, ...rest } = account
  const suspension =
    reason === null || suspendedAt === null
      ? null
      : {
          reason,
          suspendedBy,
          suspendedAt: suspendedAt.toISOString(),
          until: suspensionEndsAt?.toISOString() ?? null,
        }
  return { ...rest, createdAt: account.createdAt.toISOString(), suspension }
}
