import { asyncApiDocument } from '@auction/common/contracts/asyncapi.ts'
import type { App } from '@auction/common/http/server.ts'
import { eventsPage } from '#src/app/pages/events-page.ts'

/** The events that other systems can consume. They change with a release only, so this is made once. */
export async function eventRoutes(app: App): Promise<void> {
  const document = JSON.stringify(asyncApiDocument())
  const page = eventsPage()
  for (const [url, type, content] of [
    ['/asyncapi.json', 'application/json; charset=utf-8', document],
    ['/events.html', 'text/html; charset=utf-8', page],
  ] as const) {
    app.route({
      method: ['GET', 'HEAD'],
      url,
      config: { auth: 'public' },
      handler: (_request, reply) => reply.type(type).send(content),
    })
  }
}
