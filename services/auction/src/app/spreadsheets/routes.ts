import { sendCsv } from '@auction/common/csv/write-csv.ts'
import { IDEMPOTENCY_KEY_FORMAT, readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import { answers, Instant, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { formatAmount } from '@auction/common/money.ts'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { CreateDependencies } from '#src/app/listing/create-item.ts'
import { DELIMITER_NAMES, type DelimiterName } from '#src/domain/csv-format.ts'
import { CONTENT_FIELDS } from '#src/domain/item.ts'
import { importErrors } from '#src/errors.ts'
import { exportItems } from './export-items.ts'
import { importItems, previewImport } from './import-items.ts'
import { ERRORS_MAX, ROWS_MAX } from './read-file.ts'

const FILE_BYTES_MAX = 5 * 1024 * 1024
// Windows calls every CSV file after the program that opens it there.
const CSV_TYPE =
  /^(?:text\/csv|text\/tab-separated-values|application\/csv|application\/vnd\.ms-excel)\s*(?:;|$)/i
const CHARSET = /;\s*charset\s*=\s*"?([^\s";]+)/i
const tags = ['items']

const ImportAnswer = Type.Object(
  {
    imported: Type.Integer(),
    itemIds: Type.Array(Uuid, { description: 'Of the drafts, in the order of the rows.' }),
    encoding: Type.String({ description: 'in which the file was read' }),
    delimiter: Type.Unsafe<DelimiterName>({
      type: 'string',
      enum: DELIMITER_NAMES,
      description: 'between its cells',
    }),
  },
  { title: 'ImportResult' },
)

/** Of so many rows a preview says what they are. */
const PREVIEWED_MAX = 20
const PreviewAnswer = Type.Object(
  {
    rows: Type.Integer(),
    first: Type.Array(
      Type.Object({
        name: Type.String(),
        currencyCode: Type.String(),
        startPrice: Type.String(),
        endDate: Instant,
      }),
      { description: `What would be made of the first ${PREVIEWED_MAX} rows.` },
    ),
    encoding: Type.String(),
    delimiter: Type.Unsafe<DelimiterName>({ type: 'string', enum: DELIMITER_NAMES }),
  },
  { title: 'ImportPreview' },
)

/** Export and import of a seller's items as CSV. */
export async function csvRoutes(app: App, dependencies: CreateDependencies): Promise<void> {
  exportRoute(app, dependencies)
  // In a scope of its own: no other route accepts CSV, or a body of five megabytes.
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
    importRoute(scope as App, dependencies)
    previewRoute(scope as App, dependencies)
  })
}

function exportRoute(app: App, { db }: CreateDependencies): void {
  app.get(
    '/api/v1/my/items.csv',
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'exportMyItems',
        summary: 'Your items, drafts included, as CSV',
        produces: ['text/csv'],
        response: answers({ 200: Type.String() }),
      },
    },
    async (request, reply) => {
      return sendCsv(reply, 'items.csv', exportItems(db, request.user.id))
    },
  )
}

function previewRoute(app: App, dependencies: CreateDependencies): void {
  app.post(
    '/api/v1/my/items/import/preview',
    {
      config: { auth: 'bearer', access: 'own', takesFile: true },
      bodyLimit: FILE_BYTES_MAX,
      validatorCompiler: () => () => true,
      schema: {
        tags,
        operationId: 'previewImport',
        summary: 'What an import of this file would make, without making it',
        description: 'The same file is refused for the same reasons.',
        consumes: ['text/csv'],
        body: Type.String(),
        response: answers({ 200: PreviewAnswer }, [422]),
      },
    },
    async (request, reply) => {
      const { bytes, charset } = fileOf(request as unknown as FastifyRequest)
      const { contents, format } = await previewImport(dependencies, { bytes, charset })
      reply.header('cache-control', 'no-store')
      return {
        rows: contents.length,
        first: contents.slice(0, PREVIEWED_MAX).map((content) => ({
          name: content.name,
          currencyCode: content.currencyCode,
          startPrice: formatAmount(content.startPrice, content.currencyCode),
          endDate: content.endDate.toISOString(),
        })),
        ...format,
      }
    },
  )
}

/** The file that was sent, whatever else. Throws item.import.*. */
function fileOf(request: FastifyRequest): { bytes: Buffer; charset: string | undefined } {
  const contentType = request.headers['content-type'] ?? ''
  const { body } = request as { body: unknown }
  if (!CSV_TYPE.test(contentType)) throw importErrors.notCsv()
  if (!Buffer.isBuffer(body)) throw importErrors.empty()
  return { bytes: body, charset: CHARSET.exec(contentType)?.[1] }
}

function importRoute(app: App, dependencies: CreateDependencies): void {
  app.post(
    '/api/v1/my/items/import',
    {
      config: { auth: 'bearer', access: 'own', takesFile: true },
      bodyLimit: FILE_BYTES_MAX,
      // The body is a file and is validated as one; its schema is only for the API document.
      validatorCompiler: () => () => true,
      schema: {
        tags,
        operationId: 'importMyItems',
        summary: 'Make drafts of the rows of a CSV file, all or none',
        description:
          `At most 5 MB and ${ROWS_MAX} rows under a header of ${CONTENT_FIELDS.join(', ')}; the other ` +
          'columns of an export are not read. Comma, semicolon or tab; UTF-8, UTF-16, or windows-1252, ' +
          '-1254 or -1251 where the words show which. A charset in the content type decides. ' +
          `The first ${ERRORS_MAX} errors are named by line and column.`,
        consumes: ['text/csv'],
        headers: Type.Object({
          'idempotency-key': Type.String({
            description: `${IDEMPOTENCY_KEY_FORMAT}; the same key and file make nothing new`,
          }),
        }),
        body: Type.String(),
        response: answers({ 201: ImportAnswer }, [409, 422]),
      },
    },
    async (request, reply) => {
      const sellerId = request.user.id
      const { bytes, charset } = fileOf(request as unknown as FastifyRequest)
      const key = readIdempotencyKey(request.headers['idempotency-key'])
      if (key === undefined) throw importErrors.keyInvalid({ field: 'idempotency-key' })
      const command = { sellerId, key, bytes, charset, trace: request.trace }
      const { itemIds, format, isReplayed } = await importItems(dependencies, command)
      if (isReplayed) reply.header('idempotency-replayed', 'true')
      reply.code(201)
      return { imported: itemIds.length, itemIds: [...itemIds], ...format }
    },
  )
}
