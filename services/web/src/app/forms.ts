import { isFromOwnPage, isUnsafe } from '@auction/common/http/same-origin.ts'
import type { App } from '@auction/common/http/server.ts'
import { trimText } from '@auction/common/text.ts'
import { loginFor, sendMarkup } from './page-routes.ts'
import { messagePage } from './pages/message-page.ts'
import { viewerOf } from './viewer.ts'

/** The fields of a form; of several with one name the last counts. */
export type FormBody = Readonly<Record<string, string>>

/** Takes the bodies of HTML forms, and only those that a page of this site sends. */
export function acceptForms(app: App, publicUrl: string): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  )
  app.addHook('onRequest', async (request, reply) => {
    if (!isUnsafe(request.method) || isFromOwnPage(request.headers, publicUrl)) return
    const viewer = viewerOf(request)
    const { foreignTitle: title, foreign: text } = viewer.talk.t.message
    const page = messagePage(viewer, { title, text })
    return sendMarkup(reply, 403, page, true)
  })
}

/** A photo of 5 MB, which identity judges, and the lines around it. */
const PHOTO_FORM_BYTES_MAX = 5 * 1024 * 1024 + 64 * 1024

/** Gives the forms of a scope, which may have files, as long as a slow line needs for these. */
export function takeFiles(scope: App): void {
  scope.addHook('onRoute', (route) => {
    route.config = { ...route.config, takesFile: true }
  })
}

/** Takes a picture file as it was sent, from users only: the bodies of visitors are not read. */
export function acceptPhotos(scope: App): void {
  takeFiles(scope)
  scope.addContentTypeParser(
    'multipart/form-data',
    { parseAs: 'buffer', bodyLimit: PHOTO_FORM_BYTES_MAX },
    (_request, body, done) => done(null, body),
  )
  scope.addHook('onRequest', async (request, reply) => {
    const isFile = request.headers['content-type']?.startsWith('multipart/form-data') === true
    const viewer = viewerOf(request)
    if (!isFile || viewer.isLoggedIn) return
    return reply.redirect(loginFor(viewer, viewer.to('/account')), 303)
  })
}

/** A field without the blanks around it: those that have no width come with what is pasted, and are not seen. */
export const trimmedOf = (body: unknown, name: string): string => trimText(fieldOf(body, name))

/** A field of a body that may hold anything. */
export const fieldOf = (body: unknown, name: string): string => {
  const value = (body as Record<string, unknown> | null | undefined)?.[name]
  return typeof value === 'string' ? value : ''
}
