import { discardBody } from '@auction/common/http/discard-body.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendMarkup } from './page-routes.ts'
import { messagePage, unavailablePage } from './pages/message-page.ts'
import { viewerOf } from './viewer.ts'

/** A form that is too large, or a mistake of ours, is answered with a page: a browser is never answered with JSON. */
export function answerErrorsWithPages(app: App, log: Logger): void {
  const handler = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const { statusCode: given = 500 } = (error ?? {}) as { statusCode?: number }
    const statusCode = given >= 400 && given < 500 ? given : 500
    const viewer = viewerOf(request)
    discardBody(request, reply)
    // Of an answer that could not be sent: this page leads nowhere.
    reply.removeHeader('location')
    if (statusCode === 500) {
      request.errorCode = 'internal_error'
      const { traceId } = request.trace
      log.error({ err: error, traceId, method: request.method, url: request.url }, 'request failed')
      return sendMarkup(reply, statusCode, unavailablePage(viewer), true)
    }
    const { tooLargeTitle, tooLarge, brokenTitle, broken } = viewer.talk.t.message
    const text =
      statusCode === 413
        ? { title: tooLargeTitle, text: tooLarge }
        : { title: brokenTitle, text: broken }
    return sendMarkup(reply, statusCode, messagePage(viewer, text), true)
  }
  app.addHook('onRoute', (route) => {
    route.errorHandler ??= handler
  })
}
