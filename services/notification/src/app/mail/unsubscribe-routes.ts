import { answers } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { FastifyReply } from 'fastify'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import type { Reader } from '#src/domain/notice-text.ts'
import { DEFAULT_READER } from '#src/domain/preferences.ts'
import {
  askToUnsubscribe,
  notUnsubscribed,
  type PageFrame,
  unsubscribed,
} from '#src/domain/unsubscribe-page.ts'
import { readUnsubscription, type Unsubscription } from '#src/infra/crypto/unsubscribe-token.ts'
import { hasDeparted, shareDepartures } from '#src/infra/postgres/departures/departed-users.ts'
import { changeChoices, readReader } from '#src/infra/postgres/readers/readers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { UNSUBSCRIBE_PATH, unsubscribeUrl } from './unsubscribe-url.ts'

const TOKEN_LENGTH_MAX = 300
// What a form sends for one click is a few words; its content is not read.
const BODY_BYTES_MAX = 4 * 1024
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const Page = Type.String({ title: 'UnsubscribePage' })

export interface UnsubscribeDependencies {
  db: Kysely<Database>
  unsubscribeKey: Buffer
  publicUrl: string
}

/**
 * The links that end mails of a kind. They need the mail and no login, and no other site can make one
 * up. Only POST changes anything.
 */
export async function unsubscribeRoutes(
  app: App,
  { db, unsubscribeKey, publicUrl }: UnsubscribeDependencies,
): Promise<void> {
  const read = async (token: string | undefined) => {
    const asked = readUnsubscription(unsubscribeKey, token ?? '')
    const reader: Reader = asked === undefined ? DEFAULT_READER : await readReader(db, asked.userId)
    const frame: PageFrame = { language: reader.language, publicUrl }
    return { asked, frame }
  }
  const refuse = (reply: FastifyReply, frame: PageFrame) =>
    answer(reply.code(404), notUnsubscribed(frame))
  const schema = {
    tags: ['preferences'],
    querystring: Type.Object({
      token: Type.Optional(Type.String({ maxLength: TOKEN_LENGTH_MAX })),
    }),
    produces: ['text/html'],
    // A link that leads nowhere opens a page as well.
    response: answers({ 200: Page, 404: Page }),
  }
  await app.register(async (scope: App) => {
    // Mail programs send forms, of either kind.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: BODY_BYTES_MAX },
      (_request, _body, done) => done(null, undefined),
    )
    scope.get(
      UNSUBSCRIBE_PATH,
      {
        config: { auth: 'public' },
        schema: {
          ...schema,
          operationId: 'showUnsubscribePage',
          summary: 'A page that asks whether mails of a kind are to end',
        },
      },
      async ({ query: { token } }, reply) => {
        const { asked, frame } = await read(token)
        if (asked === undefined) return refuse(reply, frame)
        const action = unsubscribeUrl(publicUrl, token ?? '')
        return answer(reply, askToUnsubscribe(frame, asked.categories, action))
      },
    )
    scope.post(
      UNSUBSCRIBE_PATH,
      {
        config: { auth: 'public' },
        schema: {
          ...schema,
          operationId: 'endMails',
          summary: 'Ends mails of a kind, also with the one click of a mail program',
        },
      },
      async ({ query: { token } }, reply) => {
        const { asked, frame } = await read(token)
        if (asked === undefined) return refuse(reply, frame)
        await endMails(db, asked)
        return answer(reply, unsubscribed(frame, asked.categories))
      },
    )
  })
}

function answer(reply: FastifyReply, markup: string): FastifyReply {
  return reply
    .headers({
      'cache-control': 'no-store',
      'content-security-policy': POLICY,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    .type('text/html; charset=utf-8')
    .send(markup)
}

async function endMails(
  db: Kysely<Database>,
  { userId, categories }: Unsubscription,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await shareDepartures(tx)
    // Who is gone gets no mails anyway, and nothing is kept of them.
    if (await hasDeparted(tx, userId)) return
    const changes = categories.map((category) => ({
      category,
      channel: 'mail' as const,
      choice: 'off' as const,
    }))
    await changeChoices(tx, userId, changes)
  })
}
