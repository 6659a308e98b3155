import { answers, OneOf, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { REPORT_KINDS, type ReportKind } from '#src/domain/mail-report.ts'
import { RETURN_HEADER } from '#src/domain/read-report.ts'
import { mailReportErrors } from '#src/errors.ts'
import { judgeReporter } from '#src/infra/crypto/report-signature.ts'
import {
  IGNORED_CODES,
  type ReportDependencies,
  type ReportResult,
  recordMailedReport,
  recordReport,
} from './record-report.ts'

const PATH = '/webhooks/mail'
const REPORTS_MAX = 100
const TEXT_LENGTH_MAX = 1_000
const BODY_BYTES_MAX = 256 * 1024
/** A server returns the whole mail with its report. */
export const MAIL_BYTES_MAX = 1024 * 1024

const Reports = Type.Object(
  {
    reports: Type.Array(
      Type.Object(
        {
          kind: Type.Unsafe<ReportKind>({
            type: 'string',
            enum: REPORT_KINDS,
            description:
              'hard_bounce: no mail will ever reach the address; soft_bounce: any other failure; ' +
              'complaint: the reader calls it spam',
          }),
          returnAddress: Type.String({
            minLength: 1,
            maxLength: TEXT_LENGTH_MAX,
            description: `The sender of the envelope, or the header ${RETURN_HEADER} of the mail.`,
          }),
        },
        STRICT,
      ),
      { minItems: 1, maxItems: REPORTS_MAX },
    ),
  },
  { ...STRICT, title: 'MailReports' },
)

const Result = Type.Object(
  {
    outcome: OneOf(['suppressed', 'counted', 'ignored']),
    code: Type.Optional(OneOf(IGNORED_CODES)),
  },
  { title: 'MailReportResult' },
)

const Results = Type.Object(
  { results: Type.Array(Result, { description: 'In the order of the reports.' }) },
  { title: 'MailReportResults' },
)

const security =
  'Authorization: Bearer with MAIL_REPORT_SECRET, Basic with it as password, or signed with it by Standard Webhooks. '

export interface ReportRouteOptions extends ReportDependencies {
  /** Empty: the routes answer that they are off. */
  reportSecret: string
}

/** Where a mail server or provider says that a mail bounced or that its reader called it spam. */
export async function reportRoutes(app: App, options: ReportRouteOptions): Promise<void> {
  const { reportSecret } = options
  const bodies = new WeakMap<FastifyRequest, Buffer>()
  const isOn = async () => {
    if (reportSecret === '') throw mailReportErrors.off()
  }
  const isReporter = async (request: FastifyRequest) => {
    const body = bodies.get(request) ?? Buffer.alloc(0)
    const reporter = judgeReporter(reportSecret, request.headers, body, new Date())
    if (reporter === 'late') throw mailReportErrors.late()
    if (reporter === 'unknown') throw mailReportErrors.unknownReporter()
  }
  const common = {
    config: { auth: 'public' },
    onRequest: isOn,
    preValidation: isReporter,
  } as const
  // In scopes of their own: no other route takes bodies of this size, and signatures are over bytes.
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    const parseJson = scope.getDefaultJsonParser('error', 'error')
    scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
      bodies.set(request, body as Buffer)
      void parseJson(request, body.toString(), done)
    })
    ;(scope as App).post(
      PATH,
      {
        ...common,
        bodyLimit: BODY_BYTES_MAX,
        schema: {
          tags: ['mail'],
          operationId: 'reportMails',
          summary: 'Report mails that bounced or that their readers call spam',
          description: `${security}What is reported again changes nothing.`,
          body: Reports,
          response: answers({ 200: Results }, [401, 404]),
        },
      },
      async ({ body: { reports } }) => {
        const results: ReportResult[] = []
        for (const { kind, returnAddress } of reports) {
          const report = { kind, returnTexts: [returnAddress] }
          results.push(await recordReport(options, report, new Date()))
        }
        return { results }
      },
    )
  })
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('message/rfc822', { parseAs: 'buffer' }, (request, body, done) => {
      bodies.set(request, body as Buffer)
      done(null, body)
    })
    ;(scope as App).post(
      `${PATH}/raw`,
      {
        ...common,
        bodyLimit: MAIL_BYTES_MAX,
        // The body is a mail and is read as one; its schema is only for the API document.
        validatorCompiler: () => () => true,
        schema: {
          tags: ['mail'],
          operationId: 'reportMailRaw',
          summary: 'The same with the mail of a server (RFC 3464) or of a provider (RFC 5965)',
          description: `${security}A mail that is no report is ignored.`,
          consumes: ['message/rfc822'],
          body: Type.String(),
          response: answers({ 200: Result }, [401, 404]),
        },
      },
      async (request) =>
        recordMailedReport(options, bodies.get(request) ?? Buffer.alloc(0), new Date()),
    )
  })
}
