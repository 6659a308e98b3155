import { answers, Instant, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { Type } from 'typebox'
import type { Mails } from '#src/app/mails/mails.ts'
import { TEXTS } from '#src/domain/texts.ts'
import { type ListedPasskey, readPasskeys } from '#src/infra/postgres/passkeys/passkeys.ts'
import {
  addPasskey,
  beginPasskey,
  changePasskeyName,
  publicPasskeyId,
  removePasskey,
} from './change-passkeys.ts'
import type { PasskeyDependencies } from './check-passkey.ts'
import { CreatedCredential, PasskeyOptions } from './schemas.ts'

const Name = WrittenText(TEXTS.name)

const Passkey = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    isBackedUp: Type.Boolean({ description: 'It is kept by more than one device.' }),
    createdAt: Instant,
    lastUsedAt: Type.Union([Instant, Type.Null()]),
  },
  { title: 'Passkey' },
)

const ById = Type.Object({ id: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }) })

export interface PasskeyRoutesOptions extends PasskeyDependencies {
  mails: Mails
}

/** The passkeys of the caller. */
export async function passkeyRoutes(app: App, options: PasskeyRoutesOptions): Promise<void> {
  const schema = { tags: ['passkeys'] }

  app.get(
    '/identity/passkeys',
    {
      config: { auth: 'bearer', access: 'own', session: 'live' },
      schema: {
        ...schema,
        operationId: 'listPasskeys',
        summary: 'The passkeys of the caller',
        response: answers({
          200: Type.Object({ passkeys: Type.Array(Passkey) }, { title: 'PasskeyList' }),
        }),
      },
    },
    async (request, reply) => {
      const { id } = request.session
      reply.header('cache-control', 'no-store')
      return { passkeys: (await readPasskeys(options.db, id)).map(passkeyAnswer) }
    },
  )

  app.post(
    '/identity/passkeys/register/options',
    {
      config: { auth: 'bearer', access: 'own', session: 'proven' },
      schema: {
        ...schema,
        operationId: 'startPasskeyRegistration',
        summary: 'Begin to make a passkey; asks for a fresh proof',
        response: answers({ 200: PasskeyOptions }, [403, 409]),
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      return { ...(await beginPasskey(options, request.session)) }
    },
  )

  app.post(
    '/identity/passkeys/register/verify',
    {
      config: { auth: 'bearer', access: 'own', session: 'proven' },
      schema: {
        ...schema,
        operationId: 'finishPasskeyRegistration',
        summary: 'Add the passkey that the browser made; asks for a fresh proof',
        body: Type.Object(
          { name: Name, credential: CreatedCredential },
          { ...STRICT, title: 'NewPasskey' },
        ),
        response: answers({ 201: Passkey }, [403, 409]),
      },
    },
    async (request, reply) => {
      const { session } = request
      const passkey = await addPasskey(options, session, request.body, request.trace)
      reply.code(201).header('cache-control', 'no-store')
      return passkeyAnswer(passkey)
    },
  )

  app.patch(
    '/identity/passkeys/:id',
    {
      config: { auth: 'bearer', access: 'owner', session: 'live' },
      schema: {
        ...schema,
        operationId: 'renamePasskey',
        summary: 'Give a passkey another name',
        params: ById,
        body: Type.Object({ name: Name }, { ...STRICT, title: 'PasskeyName' }),
        response: answers({ 200: Passkey }),
      },
    },
    async (request) => {
      const { session } = request
      const { id } = request.params
      return passkeyAnswer(await changePasskeyName(options, session, id, request.body.name))
    },
  )

  app.delete(
    '/identity/passkeys/:id',
    {
      config: { auth: 'bearer', access: 'owner', session: 'proven' },
      schema: {
        ...schema,
        operationId: 'deletePasskey',
        summary: 'Forget a passkey; asks for a fresh proof, other sessions end',
        params: ById,
        response: answers({ 204: Type.Null() }),
      },
    },
    async (request, reply) => {
      const { session } = request
      await removePasskey(options, session, request.params.id, request.trace)
      return reply.code(204).send(null)
    },
  )
}

function passkeyAnswer({ id, name, isBackedUp, createdAt, lastUsedAt }: ListedPasskey) {
  return {
    id: publicPasskeyId(id),
    name,
    isBackedUp,
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  }
}
