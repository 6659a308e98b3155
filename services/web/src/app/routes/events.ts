import { asyncApiDocument } from '@auction/common/contracts/asyncapi.ts'
import type { App } from '@auction/common/http/server.ts'
import { sendMarkup } from '#src/app/page-routes.ts'
import { eventsPage } from '#src/app/pages/events-page.ts'
import { viewerOf } from '#src/app/viewer.ts'

/** The events that other systems can consume. They change with a release only, so this is made once. */
export async function eventRoutes(app: App): Promise<void> {
  const document = JSON.stringify(asyncApiDocument())
  app.route({
    method: ['GET', 'HEAD'],
    url: '/asyncapi.json',
    config: { auth: 'public' },
    handler: (_request, reply) => reply.type('application/json; charset=utf-8').send(document),
  })
  app.route({
    method: ['GET', 'HEAD'],
    url: '/events.html',
    config: { auth: 'public' },
    // It shows whether the reader is logged in.
    handler: (request, reply) => sendMarkup(reply, 200, eventsPage(viewerOf(request)), false),
  })
}
