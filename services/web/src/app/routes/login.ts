import { cookiesOf } from '@auction/common/http/cookies.ts'
import type { App } from '@auction/common/http/server.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { endPush, type PushSubscriptions } from '#src/app/end-push.ts'
import { fieldOf, trimmedOf } from '#src/app/forms.ts'
import { sendMarkup } from '#src/app/page-routes.ts'
import {
  codePage,
  type Entry,
  keepPage,
  loginPage,
  registeredPage,
  registerPage,
} from '#src/app/pages/account/entry-pages.ts'
import { unavailablePage } from '#src/app/pages/message-page.ts'
import { type Viewer, viewerOf } from '#src/app/viewer.ts'
import { problemOf, type Refusal } from '#src/domain/problem-text.ts'
import { returnPath } from '#src/domain/return-path.ts'
import type { Identity, IdentityAnswer } from '#src/infra/http/identity.ts'
import { UpstreamError } from '#src/infra/http/service-client.ts'

const METHODS = ['GET', 'HEAD']
const PUBLIC = { auth: 'public' } as const
const PENDING_SECONDS = 300
const INSTANT = /^\d{4}-\d{2}-\d{2}T[\d:.]{8,12}Z$/
const PENDING_TOKEN = /^[\w-]{1,128}$/

const sendPage = (reply: FastifyReply, statusCode: number, markup: string) =>
  sendMarkup(reply, statusCode, markup, true)

/** Hands the browser the cookies of an answer, and sends it on. */
function sendOn(reply: FastifyReply, { setCookies }: IdentityAnswer, path: string) {
  for (const line of setCookies) reply.header('set-cookie', line)
  reply.header('cache-control', 'no-store')
  return reply.redirect(path, 303)
}

/** A handler whose page apologises when identity gives no usable answer. */
const patiently =
  (handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>) =>
  async (request: FastifyRequest, reply: FastifyReply) => {
    try {
      return await handler(request, reply)
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      request.log.warn({ err: error }, 'identity could not be asked')
      return sendPage(reply.header('retry-after', 5), 503, unavailablePage(viewerOf(request)))
    }
  }

type Show = (viewer: Viewer, entry: Entry) => string

export interface LoginRoutesOptions {
  identity: Identity
  notifications: PushSubscriptions
  publicUrl: string
}

/** Logging in, out and registering, by forms that need no script. */
export async function loginRoutes(
  app: App,
  { identity, notifications, publicUrl }: LoginRoutesOptions,
): Promise<void> {
  // Another host that set it would log the user in to an account of its own; under https the prefix
  // keeps that out.
  const [pendingName, scope] = publicUrl.startsWith('https:')
    ? ['__Host-login_pending', 'Path=/; Secure']
    : ['login_pending', 'Path=/']
  /** Between the password and the code; it opens nothing else, and no script reads it. */
  const pendingCookie = (token: string, seconds: number) =>
    `${pendingName}=${token}; ${scope}; HttpOnly; SameSite=Strict; Max-Age=${seconds}`
  const pendingOf = ({ headers }: FastifyRequest): string => {
    const [token = '', ...others] = cookiesOf(headers.cookie, pendingName)
    return others.length === 0 && PENDING_TOKEN.test(token) ? token : ''
  }

  for (const [url, show] of [
    ['/login', loginPage],
    ['/login/code', codePage],
    ['/login/keep', keepPage],
    ['/register', registerPage],
  ] as const) {
    app.route({
      method: METHODS,
      url,
      config: PUBLIC,
      handler: (request, reply) => {
        const viewer = viewerOf(request)
        const entry = entryOf(request)
        if (viewer.isLoggedIn) return reply.redirect(entry.returnTo, 303)
        if (url === '/login/code' && pendingOf(request) === '')
          return reply.redirect(viewer.to('/login'), 303)
        return sendPage(reply, 200, show(viewer, entry))
      },
    })
  }

  // Their addresses of before, which mails and bookmarks may name.
  for (const name of ['login', 'register']) {
    app.route({
      method: METHODS,
      url: `/account/${name}`,
      config: PUBLIC,
      handler: (_request, reply) => reply.redirect(`/${name}`, 301),
    })
  }

  app.post(
    '/login',
    { config: PUBLIC },
    patiently(async (request, reply) => {
      const entry = entryOf(request)
      const keepsAccount = fieldOf(request.body, 'keepAccount') === 'yes'
      const answer = await identity.act(request, 'POST', '/identity/login', {
        email: entry.email ?? '',
        password: fieldOf(request.body, 'password'),
        ...transportOf(entry),
        ...(keepsAccount ? { keepAccount: true } : {}),
      })
      if (answer.status === 204) {
        const kept = `${viewerOf(request).to('/account')}?said=kept`
        return sendOn(reply, answer, keepsAccount ? kept : entry.returnTo)
      }
      if (answer.body.code === 'identity.deleting') {
        const { deletedAfter } = (answer.body.details ?? {}) as { deletedAfter?: unknown }
        return sendPage(
          reply,
          answer.status,
          keepPage(viewerOf(request), { ...entry, ...instantOf(deletedAfter) }),
        )
      }
      if (answer.status !== 202)
        return refuse(request, reply, keepsAccount ? keepPage : loginPage, entry, answer)
      const { token = '' } = (answer.body.details ?? {}) as { token?: string }
      reply.header('set-cookie', pendingCookie(token, PENDING_SECONDS))
      const query = new URLSearchParams({ returnTo: entry.returnTo })
      if (entry.remember === true) query.set('remember', 'yes')
      return sendOn(reply, answer, `${viewerOf(request).to('/login/code')}?${query}`)
    }),
  )

  app.post(
    '/login/code',
    { config: PUBLIC },
    patiently(async (request, reply) => {
      const entry = entryOf(request)
      const answer = await identity.act(request, 'POST', '/identity/2fa/challenge', {
        token: pendingOf(request) || '-',
        code: trimmedOf(request.body, 'code'),
        ...transportOf(entry),
      })
      if (answer.status === 204) {
        reply.header('set-cookie', pendingCookie('', 0))
        return sendOn(reply, answer, entry.returnTo)
      }
      const isOver = answer.body.code === 'identity.pending_login_over'
      return refuse(request, reply, isOver ? loginPage : codePage, entry, answer)
    }),
  )

  app.post(
    '/register',
    { config: PUBLIC },
    patiently(async (request, reply) => {
      const entry = entryOf(request)
      const { name = '', email = '' } = entry
      const password = fieldOf(request.body, 'password')
      const body = { name, email, password }
      const answer = await identity.act(request, 'POST', '/identity/register', body)
      if (answer.status !== 201) return refuse(request, reply, registerPage, entry, answer)
      const query = new URLSearchParams({ returnTo: entry.returnTo })
      return sendOn(reply, answer, `${viewerOf(request).to('/register/done')}?${query}`)
    }),
  )

  app.route({
    method: METHODS,
    url: '/register/done',
    config: PUBLIC,
    handler: (request, reply) =>
      sendPage(reply, 200, registeredPage(viewerOf(request), entryOf(request).returnTo)),
  })

  for (const [url, path, before] of [
    ['/logout', '/identity/logout', undefined],
    ['/account/logout-everywhere', '/identity/logout/everywhere', endPush],
  ] as const) {
    app.post(
      url,
      { config: PUBLIC },
      patiently(async (request, reply) => {
        await before?.(notifications, request)
        const answer = await identity.act(request, 'POST', path)
        if (answer.status !== 204 && answer.status !== 401)
          throw new UpstreamError(`${path} answered ${answer.status}`)
        // Pages of the account leave the browser's memory, also those behind the back button, and so does the script that
        // shows notices while no page is open.
        reply.header('clear-site-data', '"cache", "storage"')
        return sendOn(reply, answer, '/login')
      }),
    )
  }
}

/** What was typed, or what the address says; a password is never shown again. */
function entryOf({ method, body, query }: FastifyRequest): Entry {
  const from = method === 'POST' ? body : query
  return {
    returnTo: returnPath(fieldOf(from, 'returnTo')),
    remember: fieldOf(from, 'remember') === 'yes',
    ...(method === 'POST'
      ? {
          email: trimmedOf(body, 'email'),
          name: fieldOf(body, 'name'),
          ...instantOf(fieldOf(body, 'deletedAfter')),
        }
      : {}),
  }
}

/** When a closed account is deleted, as identity said it, or as the form has kept it. */
function instantOf(text: unknown): Pick<Entry, 'deletedAfter'> {
  const isInstant =
    typeof text === 'string' && INSTANT.test(text) && !Number.isNaN(Date.parse(text))
  return isInstant ? { deletedAfter: text } : {}
}

const transportOf = ({ remember = false }: Entry) => ({
  transport: 'cookie',
  rememberMe: remember,
})

/** The form again, with what is wrong and what was typed. */
function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  show: Show,
  entry: Entry,
  { status, body }: IdentityAnswer,
) {
  if (typeof body.code !== 'string') throw new UpstreamError(`identity answered ${status}`)
  const viewer = viewerOf(request)
  const problems = [problemOf(body as unknown as Refusal, viewer.talk)]
  return sendPage(reply, status, show(viewer, { ...entry, problems }))
}
