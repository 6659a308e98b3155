import { createHash, randomUUID } from 'node:crypto'
import { readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import type { FastifyRequest } from 'fastify'
import { loginFor, type PageAnswer, type PageRoutes } from '#src/app/page-routes.ts'
import {
  type ImportEntry,
  type ImportPreview,
  importPage,
} from '#src/app/pages/selling/import-page.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Refusal } from '#src/domain/problem-text.ts'
import { sellingProblem } from '#src/domain/selling-problem.ts'
import type { Selling } from '#src/infra/http/selling.ts'
import type { ServiceAnswer } from '#src/infra/http/service-client.ts'
import { orLost } from '../orders.ts'

/** A file that a page can hold while its reader looks at what becomes of it. */
const HELD_BYTES_MAX = 512 * 1024
const PATH = '/my/items/import'

interface SentImport {
  act: string
  key: string
  bytes: Buffer
}

/** The form of a file, to be checked or imported. `pages` takes forms of files. */
export function importRoutes(pages: PageRoutes, selling: Selling): void {
  pages.post(PATH, async (sender, request) => {
    const viewer = { ...sender, path: sender.to(PATH) }
    if (!viewer.isLoggedIn) return { to: loginFor(viewer, viewer.path) }
    const { act, key, bytes } = await readForm(request)
    if (bytes.length === 0) {
      const problems = [{ field: 'file', text: viewer.talk.t.selling.importing.nothing }]
      return again(viewer, { key, problems }, 422)
    }
    const data = bytes.length > HELD_BYTES_MAX ? {} : { data: bytes.toString('base64url') }
    const { lost, away } = viewer.talk.t.selling.importing
    if (act === 'import') {
      const sending = selling.importItems(bytes, keyOf(key, bytes), viewer.authorization)
      const answer = await orLost(sending)
      if (answer === 'lost') {
        // The same key and the same file again: should they be imported, they are not imported twice.
        const problems = [{ text: lost }]
        return again(viewer, { key, problems, isLost: true, ...data }, 503)
      }
      if (answer.status >= 300) return refused(viewer, key, answer)
      return { to: viewer.to(`/my/items?state=draft&imported=${Number(answer.body.imported)}`) }
    }
    const answer = await orLost(selling.previewImport(bytes, viewer.authorization))
    if (answer === 'lost') {
      return again(viewer, { key, problems: [{ field: 'file', text: away }] }, 503)
    }
    if (answer.status >= 300) return refused(viewer, key, answer)
    const preview = answer.body as unknown as ImportPreview
    return again(viewer, { key, preview, ...data }, 200)
  })
}

/** Another file is another import; the same file, checked once more after a lost answer, is the same. */
const keyOf = (key: string, bytes: Buffer): string =>
  `${key}:${createHash('sha256').update(bytes).digest('base64url')}`

const again = (viewer: Viewer, entry: ImportEntry, statusCode: number): PageAnswer => ({
  statusCode,
  markup: importPage(viewer, entry),
  isSecret: true,
})

function refused(viewer: Viewer, key: string, { status, body }: ServiceAnswer): PageAnswer {
  const { errors } = (body.details ?? {}) as { errors?: ImportEntry['errors'] }
  const { text } = sellingProblem(body as unknown as Refusal, viewer.talk)
  const problems = [{ field: 'file', text }]
  const rows = errors === undefined ? {} : { errors }
  return again(viewer, { key, problems, ...rows }, status === 400 ? 422 : status)
}

/** A body that is no form of files, or breaks off. It is the fault of its sender, which the parser does not say. */
class BrokenFormError extends Error {
  override readonly name = 'BrokenFormError'
  readonly statusCode = 400
}

async function readForm(request: FastifyRequest): Promise<SentImport> {
  try {
    return await readParts(request)
  } catch (error) {
    const isTooLarge = error instanceof Error && 'statusCode' in error && error.statusCode === 413
    if (isTooLarge) throw error
    throw new BrokenFormError('the form of a file cannot be read', { cause: error })
  }
}

async function readParts(request: FastifyRequest): Promise<SentImport> {
  const fields: Record<string, string> = {}
  let bytes = Buffer.alloc(0)
  const limits = { fieldSize: 2 * HELD_BYTES_MAX, files: 1 }
  for await (const part of request.parts({ limits })) {
    if (part.type === 'file') bytes = Buffer.from(await part.toBuffer())
    else if (typeof part.value === 'string') fields[part.fieldname] = part.value
  }
  if (bytes.length === 0 && fields.data !== undefined) bytes = Buffer.from(fields.data, 'base64url')
  const { key = '' } = fields
  return {
    act: fields.do ?? '',
    key: key.length <= 64 ? (readIdempotencyKey(key) ?? randomUUID()) : randomUUID(),
    bytes,
  }
}
