import type { FastifyReply, FastifyRequest } from 'fastify'
import { fieldOf, trimmedOf } from '#src/app/forms.ts'
import type { PageAnswer, PageRoutes } from '#src/app/page-routes.ts'
import {
  confirmEmailPage,
  forgotPage,
  keepByLinkPage,
  type LinkEntry,
  resetPage,
  verifyEmailPage,
} from '#src/app/pages/account/link-pages.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { type Problem, problemOf, type Refusal } from '#src/domain/problem-text.ts'
import type { Identity, IdentityAnswer } from '#src/infra/http/identity.ts'

const SECRET_LENGTH_MAX = 128

type Texts = Viewer['talk']['t']['account']

interface LinkForm {
  url: string
  show(viewer: Viewer, entry?: LinkEntry): string
  path: string
  bodyOf(form: unknown): Record<string, string>
  doneOf(texts: Texts): string
  /** Of a link that does not work, where the common words would mislead. */
  invalidOf?(texts: Texts): string
}

const FORMS: readonly LinkForm[] = [
  {
    url: '/account/forgot',
    show: forgotPage,
    path: '/identity/password/forgot',
    bodyOf: (form) => ({ email: trimmedOf(form, 'email') }),
    doneOf: (t) => t.forgotDone,
  },
  {
    url: '/account/reset',
    show: resetPage,
    path: '/identity/password/reset',
    bodyOf: (form) => ({ token: tokenOf(form), newPassword: fieldOf(form, 'newPassword') }),
    doneOf: (t) => t.resetDone,
  },
  {
    url: '/account/verify-email',
    show: verifyEmailPage,
    path: '/identity/email/verify',
    bodyOf(form) {
      const password = fieldOf(form, 'password')
      return { token: tokenOf(form), ...(password === '' ? {} : { password }) }
    },
    doneOf: (t) => t.verifyDone,
  },
  {
    url: '/account/confirm-email',
    show: confirmEmailPage,
    path: '/identity/email/confirm',
    bodyOf: (form) => ({ token: tokenOf(form) }),
    doneOf: (t) => t.confirmDone,
  },
  {
    url: '/account/keep',
    show: keepByLinkPage,
    path: '/identity/deletion/withdraw',
    bodyOf: (form) => ({ token: tokenOf(form) }),
    doneOf: (t) => t.keepDone,
    // After a second press, or when the answer to the first was lost, all is well.
    invalidOf: (t) => t.keepLinkUsed,
  },
]

/** The pages that mailed links lead to, and that which asks for one. */
export function linkRoutes(pages: PageRoutes, identity: Identity): void {
  for (const form of FORMS) {
    pages.get(form.url, async (viewer) => ({ markup: form.show(viewer), isSecret: true }))
    pages.post(form.url, (sender, request, reply) => answer(identity, form, sender, request, reply))
  }
}

async function answer(
  identity: Identity,
  { url, show, path, bodyOf, doneOf, invalidOf }: LinkForm,
  sender: Viewer,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<PageAnswer> {
  const viewer = { ...sender, path: sender.to(url) }
  const caller = identity.callerOf(request, (line) => reply.header('set-cookie', line))
  const body = bodyOf(request.body)
  const sent = await caller.ask('POST', path, body)
  if (sent.status < 300) {
    const done = doneOf(viewer.talk.t.account)
    return { markup: show(viewer, { done }), isSecret: true }
  }
  const { token = '', email = '', password } = body
  const needsPassword = password !== undefined || sent.body.code === 'identity.password_required'
  const isInvalid = sent.body.code === 'identity.invalid_link'
  const problem =
    isInvalid && invalidOf !== undefined
      ? { field: 'token', text: invalidOf(viewer.talk.t.account) }
      : problemIn(viewer, sent)
  const entry = { token, email, needsPassword, problems: [problem] }
  return { statusCode: sent.status, markup: show(viewer, entry), isSecret: true }
}

/** At the field of these forms that a refusal is about. */
function problemIn({ talk }: Viewer, { body }: IdentityAnswer): Problem {
  const refusal = body as unknown as Refusal
  const { field: about, text } = problemOf(refusal, talk)
  const field = FIELDS[refusal.code] ?? FIELDS[String(refusal.details?.field)] ?? about
  return field === undefined ? { text } : { field, text }
}

const FIELDS: Readonly<Record<string, string>> = {
  'identity.invalid_link': 'token',
  'identity.invalid_password': 'newPassword',
  'identity.invalid_credentials': 'password',
  'identity.password_required': 'password',
  token: 'token',
  '/token': 'token',
  newPassword: 'newPassword',
  '/newPassword': 'newPassword',
}

/** Of a whole link, or of what is behind its `#token=`. */
function tokenOf(form: unknown): string {
  const text = trimmedOf(form, 'token')
  const token = /#token=([^&\s]+)/.exec(text)?.[1] ?? text
  return token.slice(0, SECRET_LENGTH_MAX)
}
