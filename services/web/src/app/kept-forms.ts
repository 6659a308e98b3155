import { html } from '@auction/common/html.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { LoginNeededError, UpstreamError } from '#src/infra/http/service-client.ts'
import { loginFor, type PageAnswer, type PageHandler, UnansweredFormError } from './page-routes.ts'
import { hiddenFields, PROOF, type WaitingForm, waitingForm } from './pages/account/small-pages.ts'
import { keptFormPage, unansweredFormPage } from './pages/kept-page.ts'
import { postForm } from './pages/parts.ts'
import type { Viewer } from './viewer.ts'

export interface KeptFormOptions {
  /** The page that the form is on: where its links and a login lead back to. */
  page: string | ((request: FastifyRequest) => string)
  /** Fields that are never written into a page for who may be another by now: passwords and codes. */
  secret?: readonly string[]
  /**
   * What is sent again after the session has ended. A login is a proof, so an act is shown beside its button: at a browser that was
   * left open another may have sent it. `nothing`: its fields do not say what it does.
   */
  after?: 'form' | 'act' | 'nothing'
}

/**
 * Answers a form of a user. Where the session has ended, or a service is away, what was typed stays in a page that can
 * send it again.
 */
export function keepForm(
  { page, secret = [], after = 'form' }: KeptFormOptions,
  handle: (viewer: Viewer, request: FastifyRequest, reply: FastifyReply) => Promise<PageAnswer>,
): PageHandler {
  return async (sender, request, reply) => {
    const path = typeof page === 'string' ? page : page(request)
    const viewer = { ...sender, path: sender.to(path) }
    const { action, fields } = formOf(viewer, request)
    const kept = Object.fromEntries(
      Object.entries(fields).filter(([name]) => !secret.includes(name)),
    )
    const isEmpty = Object.keys(kept).length === 0
    const again = postForm(
      action,
      'kept',
      viewer.talk.t.account.sendAgain,
      html`${hiddenFields({ action, fields: kept })}`,
    )
    const ended = (): PageAnswer => {
      if (isEmpty || after === 'nothing') return { to: loginFor(viewer, viewer.path) }
      const shown = after === 'act' && waitingForm(viewer, { action, fields: kept })
      const markup = keptFormPage({ ...viewer, isLoggedIn: false }, path, html`${shown}${again}`)
      return { statusCode: 401, markup, isSecret: true }
    }
    if (!viewer.isLoggedIn) return ended()
    try {
      return await handle(viewer, request, reply)
    } catch (error) {
      if (error instanceof LoginNeededError) return ended()
      if (!(error instanceof UpstreamError) || isEmpty) throw error
      throw new UnansweredFormError(unansweredFormPage(viewer, path, again), { cause: error })
    }
  }
}

const PROOF_FIELDS: readonly string[] = Object.values(PROOF)

/** A form as it was sent, without the proof in it. */
export function formOf(viewer: Viewer, { body, url }: FastifyRequest): WaitingForm {
  const isForm = typeof body === 'object' && body !== null && !Buffer.isBuffer(body)
  const fields = Object.entries(isForm ? body : {}).filter(
    (field): field is [string, string] =>
      typeof field[1] === 'string' && !PROOF_FIELDS.includes(field[0]),
  )
  return { action: viewer.to(url), fields: Object.fromEntries(fields) }
}
