import { html } from '@auction/common/html.ts'
import { UUID } from '@auction/common/ids.ts'
import type { FastifyRequest } from 'fastify'
import {
  loginFor,
  notFound,
  type PageAnswer,
  type PageHandler,
  type PageRoutes,
  type PostOptions,
  UnansweredFormError,
} from '#src/app/page-routes.ts'
import { keptFormPage, unansweredFormPage } from '#src/app/pages/kept-page.ts'
import { hidden, postForm } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Typed } from '#src/domain/selling-form.ts'
import type { OwnItemView, Selling } from '#src/infra/http/selling.ts'
import { LoginNeededError, UpstreamError } from '#src/infra/http/service-client.ts'

type Handler = (viewer: Viewer, request: FastifyRequest, typed: Typed) => Promise<PageAnswer>

/** Pages and forms for users who are logged in; what was typed outlives the session. */
export interface OwnRoutes {
  get(url: string, handler: Handler): void
  /** `page` is the page of the form, with the parameters of the address in it. */
  post(
    url: string,
    page: (parameters: Record<string, string>) => string,
    handler: Handler,
    options?: OwnPostOptions,
  ): void
}

interface OwnPostOptions extends PostOptions {
  /**
   * Whether something was typed that is worth a page of its own when the session has ended. Of a mere button it is
   * not: such a page would hide what its button does.
   */
  isKept?: (typed: Typed) => boolean
}

/** For acts that are buttons only. */
export const BUTTON: OwnPostOptions = { isKept: () => false }

export function ownRoutes(pages: PageRoutes): OwnRoutes {
  return {
    get: (url, handler) =>
      pages.get(url, async (viewer, request) =>
        viewer.isLoggedIn
          ? handler(viewer, request, {})
          : { to: loginFor(viewer, request.originalUrl) },
      ),
    post: (url, page, handler, { isKept = () => true, ...options } = {}) => {
      const answer: PageHandler = async (sender, request) => {
        const parameters = (request.params ?? {}) as Record<string, string>
        // They become part of addresses of services and of pages.
        if (Object.values(parameters).some((value) => !UUID.test(value))) return notFound(sender)
        const path = page(parameters)
        const viewer = { ...sender, path: sender.to(path) }
        const typed = typedOf(request.body)
        const kept = (): PageAnswer => {
          if (!isKept(typed)) return { to: loginFor(viewer, viewer.path) }
          const markup = keptFormPage(viewer, path, keptForm(viewer, request, typed))
          return { statusCode: 401, markup, isSecret: true }
        }
        if (!viewer.isLoggedIn) return kept()
        try {
          return await handler(viewer, request, typed)
        } catch (error) {
          if (error instanceof LoginNeededError) return kept()
          if (!(error instanceof UpstreamError) || !isKept(typed)) throw error
          if (Object.keys(typed).length === 0) throw error
          const form = keptForm(viewer, request, typed)
          throw new UnansweredFormError(unansweredFormPage(viewer, path, form), { cause: error })
        }
      }
      pages.post(url, answer, options)
    },
  }
}

function keptForm(viewer: Viewer, request: FastifyRequest, typed: Typed) {
  const fields = Object.entries(typed).map(([name, value]) => hidden(name, value))
  const [path = ''] = request.originalUrl.split('?')
  return postForm(path, 'kept', viewer.talk.t.account.sendAgain, html`${fields}`)
}

/** The fields of a form; a body may hold anything else. */
export const typedOf = (body: unknown): Typed =>
  Object.fromEntries(
    Object.entries((body ?? {}) as Record<string, unknown>).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  )

export const parameterOf = ({ params }: FastifyRequest, name: string): string =>
  (params as Record<string, string>)[name] ?? ''

/** An item of the reader's own; what is of others does not exist here. */
export async function ownItem(
  selling: Selling,
  viewer: Viewer,
  id: string,
): Promise<OwnItemView | undefined> {
  if (!UUID.test(id)) return undefined
  const item = await selling.readItem(id, viewer.authorization)
  return item?.sellerID === viewer.userId ? item : undefined
}
