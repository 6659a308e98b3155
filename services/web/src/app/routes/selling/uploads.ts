import type { App } from '@auction/common/http/server.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { excerptOf } from '@auction/common/text-excerpt.ts'
import fastifyMultipart, { type MultipartFile } from '@fastify/multipart'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { takeFiles } from '#src/app/forms.ts'
import { loginFor, notFound, type PageAnswer, type PageRoutes } from '#src/app/page-routes.ts'
import { picturesPage } from '#src/app/pages/selling/pictures-page.ts'
import { stepPath } from '#src/app/pages/selling/sell-pages.ts'
import { type Viewer, viewerOf } from '#src/app/viewer.ts'
import type { Problem, Refusal } from '#src/domain/problem-text.ts'
import { sellingProblem } from '#src/domain/selling-problem.ts'
import type { Selling } from '#src/infra/http/selling.ts'
import { LoginNeededError, UpstreamError } from '#src/infra/http/service-client.ts'
import { ownItem, parameterOf } from './guard.ts'
import { importRoutes } from './imports.ts'

/** One more than auction takes of a picture, so that auction says what is too large. */
const PICTURE_BYTES_MAX = 5 * 1024 * 1024 + 1
const PICTURES_MAX = 12
/** Of a name that a page shows. */
const FILENAME_CHARACTERS_MAX = 80

export interface UploadDependencies {
  /** Pages in a scope of the application. */
  pagesOf(scope: App): PageRoutes
  log: Logger
  selling: Selling
}

/** Pictures of items, several in one form; each goes on to auction while it arrives. */
export async function uploadRoutes(
  app: App,
  { pagesOf, log, selling }: UploadDependencies,
): Promise<void> {
  // In a scope of its own, because every other form would take files otherwise.
  await app.register(async (scope: App) => {
    takeFiles(scope)
    await scope.register(fastifyMultipart, {
      throwFileSizeLimit: false,
      limits: {
        fileSize: PICTURE_BYTES_MAX,
        files: PICTURES_MAX,
        fields: 4,
        fieldSize: 1_000,
        fieldNameSize: 100,
        parts: PICTURES_MAX + 4,
        headerPairs: 20,
      },
    })
    const pages = pagesOf(scope)
    pages.post('/sell/:itemId/pictures', (sender, request) => upload(selling, sender, request, log))
    importRoutes(pages, selling)
    answerScripts(scope)
  })
}

/** The script of the page sends one picture at a time, and wants to know of it alone. */
const isScript = ({ headers }: FastifyRequest) => headers.accept === 'application/json'

/** What the script is answered in place of a page: `{}`, or what is wrong. */
function answerScripts(scope: App): void {
  scope.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply, payload) => {
    if (!isScript(request)) return payload
    const isFine = reply.statusCode === 303 && request.pictureProblem === undefined
    const { talk } = viewerOf(request)
    const problem = request.pictureProblem ?? talk.t.selling.pictures.lost
    reply.code(200).removeHeader('location').type('application/json')
    return JSON.stringify(isFine ? {} : { problem })
  })
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What is wrong with a picture that a script sent. */
    pictureProblem?: string
  }
}

async function upload(
  selling: Selling,
  sender: Viewer,
  request: FastifyRequest,
  log: Logger,
): Promise<PageAnswer> {
  const itemId = parameterOf(request, 'itemId')
  const path = stepPath(itemId, 'pictures')
  const viewer = { ...sender, path: sender.to(path) }
  const login = (): PageAnswer => {
    request.pictureProblem = viewer.talk.t.bid.keptTitle
    return { to: loginFor(viewer, viewer.to(path)) }
  }
  if (!viewer.isLoggedIn) return login()
  const { pictures: t } = viewer.talk.t.selling
  const problems: Problem[] = []
  let sent = 0
  try {
    const item = await ownItem(selling, viewer, itemId)
    if (item === undefined) return notFound(viewer)
    for await (const part of request.parts()) {
      if (part.type !== 'file') continue
      sent += part.filename === '' ? 0 : 1
      const problem = part.filename === '' ? undefined : await sendOn(selling, viewer, itemId, part)
      // The rest of one that was refused is let pass, so that the next one is reached.
      part.file.resume()
      if (problem === undefined) continue
      request.pictureProblem = problem
      problems.push({
        text: t.wrong(excerptOf(part.filename, FILENAME_CHARACTERS_MAX) || t.unnamed, problem),
      })
    }
  } catch (error) {
    if (error instanceof LoginNeededError) return login()
    if (error instanceof UpstreamError) throw error
    // A body that breaks off, or is no form of files.
    log.info({ err: error }, 'upload could not be read')
    problems.push({ text: t.lost })
  }
  if (sent === 0 && problems.length === 0) problems.push({ field: 'image', text: t.nothing })
  if (problems.length === 0) return { to: viewer.to(`${path}?said=uploaded`) }
  request.pictureProblem ??= problems[0]?.text ?? t.lost
  const item = await ownItem(selling, viewer, itemId)
  if (item === undefined) return notFound(viewer)
  return { statusCode: 422, markup: picturesPage(viewer, item, { problems }) }
}

/** What is wrong with a picture, or nothing. Without an answer it may be sent again: it is added once. */
async function sendOn(
  selling: Selling,
  viewer: Viewer,
  itemId: string,
  { file, mimetype }: MultipartFile,
): Promise<string | undefined> {
  try {
    const arriving = { stream: file, type: mimetype }
    const { status, body } = await selling.sendPicture(itemId, arriving, viewer.authorization)
    if (status < 300) return undefined
    return sellingProblem(body as unknown as Refusal, viewer.talk).text
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error
    return viewer.talk.t.selling.pictures.lost
  }
}
