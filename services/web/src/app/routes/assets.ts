import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { App } from '@auction/common/http/server.ts'

const ASSETS: Readonly<Record<string, string>> = {
  'style.css': 'text/css; charset=utf-8',
  'account.js': 'text/javascript; charset=utf-8',
  'account-view.js': 'text/javascript; charset=utf-8',
  'countdown.js': 'text/javascript; charset=utf-8',
  'identity.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
}

/** The few files that pages refer to, read once at the start. */
export async function assetRoutes(app: App): Promise<void> {
  for (const [name, type] of Object.entries(ASSETS)) {
    const content = await readFile(new URL(`../../assets/${name}`, import.meta.url))
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
    app.route({
      method: ['GET', 'HEAD'],
      url: `/assets/${name}`,
      config: { auth: 'public' },
      handler: (request, reply) => {
        // Names never change, so the browser asks each time and mostly hears 304.
        reply.headers({ 'cache-control': 'no-cache', etag })
        if (request.headers['if-none-match'] === etag) return reply.code(304).send()
        return reply.type(type).send(content)
      },
    })
  }
}
