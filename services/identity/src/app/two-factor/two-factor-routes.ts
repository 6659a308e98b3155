import { answers, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { Type } from 'typebox'
import type { Mails } from '#src/app/mails/mails.ts'
import type { BrowserSessions } from '#src/app/sessions/browser-session.ts'
import { countRecoveryCodes } from '#src/infra/postgres/two-factor/recovery-codes.ts'
import { beginEnrolment, regenerateRecoveryCodes, turnOff, turnOn } from './change-two-factor.ts'
import type { CheckCodeDependencies } from './check-code.ts'

/** Of the app or, where one is taken, a recovery code with its dashes. */
export const Code = Type.String({ minLength: 6, maxLength: 64 })

const CodeBody = Type.Object({ code: Code }, { ...STRICT, title: 'TwoFactorCode' })

const EnrolmentAnswer = Type.Object(
  {
    secret: Type.String({ description: 'Base 32, to type into an authenticator app.' }),
    otpauthUri: Type.String(),
    qrCode: Type.String({ description: 'The same as a picture: a data URI.' }),
  },
  { title: 'TwoFactorEnrolment' },
)

const RecoveryCodesAnswer = Type.Object(
  {
    recoveryCodes: Type.Array(Type.String(), { description: 'Shown this once.' }),
  },
  { title: 'RecoveryCodes' },
)

export interface TwoFactorRoutesOptions extends CheckCodeDependencies {
  mails: Mails
  browserSessions: BrowserSessions
}

/** Enrolling an authenticator app, recovery codes, and turning two-factor off. */
export async function twoFactorRoutes(app: App, options: TwoFactorRoutesOptions): Promise<void> {
  const schema = { tags: ['two-factor'] }

  app.post(
    '/identity/2fa/enable',
    {
      config: { auth: 'bearer', access: 'own', session: 'proven' },
      schema: {
        ...schema,
        operationId: 'startTwoFactor',
        summary: 'Begin to enrol an authenticator app; asks for a fresh proof',
        response: answers({ 200: EnrolmentAnswer }, [403, 409]),
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      return beginEnrolment(options, request.session)
    },
  )

  app.post(
    '/identity/2fa/verify',
    {
      config: { auth: 'bearer', access: 'own', session: 'live' },
      schema: {
        ...schema,
        operationId: 'turnOnTwoFactor',
        summary: 'Turn two-factor on with the first code of the app; other sessions end',
        body: CodeBody,
        response: answers({ 200: RecoveryCodesAnswer }, [409]),
      },
    },
    async (request, reply) => {
      const { session, trace } = request
      const { code } = request.body
      reply.header('cache-control', 'no-store')
      const renewal = options.browserSessions.renewalFor(request)
      const { recoveryCodes, kept } = await turnOn(options, session, code, { trace, renewal })
      options.browserSessions.giveRenewed(reply, renewal, kept)
      return { recoveryCodes }
    },
  )

  app.post(
    '/identity/2fa/disable',
    {
      config: { auth: 'bearer', access: 'own', session: 'proven' },
      schema: {
        ...schema,
        operationId: 'turnOffTwoFactor',
        summary: 'Turn two-factor off; asks for a fresh proof and a code, other sessions end',
        body: CodeBody,
        response: answers({ 204: Type.Null() }, [403, 409]),
      },
    },
    async (request, reply) => {
      const { session, trace } = request
      const renewal = options.browserSessions.renewalFor(request)
      const kept = await turnOff(options, session, request.body.code, { trace, renewal })
      options.browserSessions.giveRenewed(reply, renewal, kept)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/identity/2fa/recovery-codes',
    {
      config: { auth: 'bearer', access: 'own', session: 'live' },
      schema: {
        ...schema,
        operationId: 'countRecoveryCodes',
        summary: 'How many recovery codes are left; the codes themselves are never shown again',
        response: answers({
          200: Type.Object({ left: Type.Integer() }, { title: 'RecoveryCodeCount' }),
        }),
      },
    },
    async (request, reply) => {
      const { id } = request.session
      reply.header('cache-control', 'no-store')
      return { left: await countRecoveryCodes(options.db, id) }
    },
  )

  app.post(
    '/identity/2fa/recovery-codes',
    {
      config: { auth: 'bearer', access: 'own', session: 'proven' },
      schema: {
        ...schema,
        operationId: 'replaceRecoveryCodes',
        summary: 'Get ten new recovery codes; asks for a fresh proof and a code',
        body: CodeBody,
        response: answers({ 200: RecoveryCodesAnswer }, [403, 409]),
      },
    },
    async (request, reply) => {
      const { session } = request
      reply.header('cache-control', 'no-store')
      const { code } = request.body
      const { trace } = request
      return { recoveryCodes: await regenerateRecoveryCodes(options, session, code, trace) }
    },
  )
}
