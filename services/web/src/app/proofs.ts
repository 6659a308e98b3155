import type { FastifyReply, FastifyRequest } from 'fastify'
import { problemOf, type Refusal } from '#src/domain/problem-text.ts'
import {
  type AccountView,
  type Caller,
  type Identity,
  ProofNeededError,
} from '#src/infra/http/identity.ts'
import { orAway, type ServiceAnswer } from '#src/infra/http/service-client.ts'
import { fieldOf, trimmedOf } from './forms.ts'
import { formOf, type KeptFormOptions, keepForm } from './kept-forms.ts'
import { loginFor, type PageAnswer, type PageHandler } from './page-routes.ts'
import { PROOF, proofPage, type ShownAct, type WaitingForm } from './pages/account/small-pages.ts'
import type { Viewer } from './viewer.ts'

/** What a form asks of identity, in the name of the browser that sent it. */
export type Act = (viewer: Viewer, caller: Caller, request: FastifyRequest) => Promise<PageAnswer>

export interface ActOptions extends KeptFormOptions {
  /**
   * What the form will do, where its fields do not decide that: a form can be changed in the browser that is left open. Another
   * page when that cannot be shown, for no one proves what they do not see.
   */
  describe?: (viewer: Viewer, request: FastifyRequest) => Promise<ShownAct | PageAnswer>
}

/**
 * Answers a form of a user. Where identity wants a fresh proof, a page in between asks for it and the form goes on with
 * what was typed; it is kept as well where the session has ended, or a service is away.
 */
export function answerAct(identity: Identity, options: ActOptions, act: Act): PageHandler {
  const after = options.describe === undefined ? 'act' : 'nothing'
  return keepForm({ ...options, after }, async (viewer, request, reply) => {
    const form = formOf(viewer, request)
    const caller = identity.callerOf(request, (line) => reply.header('set-cookie', line))
    const ask = async (refused?: ServiceAnswer) => {
      const shown = await options.describe?.(viewer, request)
      if (shown !== undefined && !('title' in shown)) return shown
      return askProof(identity, viewer, request, form, { refused, act: shown })
    }
    try {
      const refused = await prove(caller, request)
      return refused === undefined ? await act(viewer, caller, request) : await ask(refused)
    } catch (error) {
      if (error instanceof ProofNeededError) return ask()
      throw error
    }
  })
}

/** The same for a page that is shown only after a fresh proof. */
export function showProven(
  identity: Identity,
  show: Act,
): (viewer: Viewer, request: FastifyRequest, reply: FastifyReply) => Promise<PageAnswer> {
  return async (viewer, request, reply) => {
    if (!viewer.isLoggedIn) return { to: loginFor(viewer, viewer.path) }
    const caller = identity.callerOf(request, (line) => reply.header('set-cookie', line))
    try {
      return await show(viewer, caller, request)
    } catch (error) {
      if (!(error instanceof ProofNeededError)) throw error
      return askProofFor(identity, viewer, request, viewer.path)
    }
  }
}

/** Asks for the proof before a page, which is shown after it. */
export function askProofFor(
  identity: Identity,
  viewer: Viewer,
  request: FastifyRequest,
  returnTo: string,
): Promise<PageAnswer> {
  const form = { action: viewer.to('/account/proof'), fields: { returnTo } }
  return askProof(identity, viewer, request, form)
}

/** Undefined when the form has no proof with it, or a right one. */
async function prove(caller: Caller, { body }: FastifyRequest): Promise<ServiceAnswer | undefined> {
  const isForm = typeof body === 'object' && body !== null
  if (!isForm || !Object.hasOwn(body, PROOF.password)) return
  const code = trimmedOf(body, PROOF.code)
  const answer = await caller.ask('POST', '/identity/reauthenticate', {
    password: fieldOf(body, PROOF.password),
    ...(code === '' ? {} : { code }),
  })
  return answer.status < 300 ? undefined : answer
}

async function askProof(
  identity: Identity,
  viewer: Viewer,
  request: FastifyRequest,
  form: WaitingForm,
  { refused, act }: { refused?: ServiceAnswer | undefined; act?: ShownAct | undefined } = {},
): Promise<PageAnswer> {
  const account = await orAway<AccountView>(identity.readAccount(request))
  const isTwoFactorOn = account === 'away' ? undefined : account.twoFactorEnabled
  const problems = refused === undefined ? [] : [proofProblem(viewer, refused.body)]
  return {
    statusCode: refused?.status ?? 403,
    markup: proofPage(viewer, form, { isTwoFactorOn, problems, act }),
    isSecret: true,
  }
}

function proofProblem({ talk }: Viewer, body: Record<string, unknown>) {
  const refusal = body as unknown as Refusal
  const { text } = problemOf(refusal, talk)
  if (refusal.code === 'identity.invalid_credentials') {
    return { field: PROOF.password, text: talk.t.account.wrongPassword }
  }
  const isOfCode = /^identity\.(invalid_code|code_required|too_many_codes)$/.test(refusal.code)
  if (isOfCode) return { field: PROOF.code, text }
  return refusal.code.startsWith('request.') ? { field: PROOF.password, text } : { text }
}
