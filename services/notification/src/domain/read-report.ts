import { isDeadAddress, type ReportKind } from './mail-report.ts'

/** What a report in a mail says: of which mail, by any of these texts, and what became of it. */
export interface MailedReport {
  readonly kind: ReportKind
  /** Where its return token may stand, the most likely first. */
  readonly returnTexts: readonly string[]
}

/** `not_a_report`: an answer of a person or a program. `no_failure`: the mail is late, arrived, or is no spam. */
export type ReadReport = MailedReport | { readonly ignored: 'not_a_report' | 'no_failure' }

/** In every mail that leaves; servers that rewrite the sender leave it as it is. */
export const RETURN_HEADER = 'X-Auction-Return'

const PARTS_MAX = 20
const HEADER_LINES_MAX = 500
/** Of a report: one for the server, and one for each recipient. A mail of ours has one, a list behind it some more. */
const BLOCKS_MAX = 100
const COMPLAINTS = new Set(['abuse', 'fraud', 'opt-out'])
// Not a piece of an IP address or a version, which have more numbers.
const STATUS = /(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)/
// Fields may have comments, such as `failed (no such user)`.
const WORD = /^\s*(?:\([^()]*\)\s*)?([a-z0-9-]+)/i

type Fields = ReadonlyMap<string, readonly string[]>

interface Part {
  readonly type: string
  readonly fields: Fields
  readonly body: string
}

/** Reads a mail about a mail: of a server (RFC 3464) or of a provider whose reader complains (RFC 5965). */
export function readReport(mail: string): ReadReport {
  const top = readPart(mail)
  const boundary = /;\s*boundary\s*=\s*(?:"([^"]{1,200})"|([^\s";]{1,200}))/i.exec(
    first(top.fields, 'content-type'),
  )
  if (top.type !== 'multipart/report' || boundary === null) return { ignored: 'not_a_report' }
  const parts = splitParts(top.body, boundary[1] ?? boundary[2] ?? '').map(readPart)
  const kind = kindOf(parts)
  if (kind === undefined) return { ignored: 'not_a_report' }
  if (kind === 'no_failure') return { ignored: kind }
  return { kind, returnTexts: returnTextsOf(top, parts) }
}

function kindOf(parts: readonly Part[]): ReportKind | 'no_failure' | undefined {
  for (const { type, body } of parts) {
    if (type === 'message/feedback-report') {
      const feedback = firstWord(readFields(body).fields, 'feedback-type')
      return COMPLAINTS.has(feedback) ? 'complaint' : 'no_failure'
    }
    if (type === 'message/delivery-status' || type === 'message/global-delivery-status') {
      return kindOfStatus(body)
    }
  }
  return undefined
}

/** A mail has one recipient; the one that failed counts, if a list behind it made several. */
function kindOfStatus(body: string): ReportKind | 'no_failure' {
  const failed = body
    .split('\n\n', BLOCKS_MAX)
    .map((block) => readFields(block).fields)
    .filter((fields) => firstWord(fields, 'action') === 'failed')
  if (failed.length === 0) return 'no_failure'
  const isDead = failed.some((fields) => {
    const status = STATUS.exec(first(fields, 'status'))?.[1] ?? ''
    // Many servers say 5.0.0 there, and more in the words of the server that refused.
    const isVague = status === '' || status.endsWith('.0.0')
    const said = STATUS.exec(first(fields, 'diagnostic-code'))?.[1] ?? ''
    return isDeadAddress(isVague ? said : status)
  })
  return isDead ? 'hard_bounce' : 'soft_bounce'
}

function returnTextsOf(top: Part, parts: readonly Part[]): string[] {
  const returned = parts
    .filter(({ type }) => /^(?:message\/(?:global|rfc822)|text\/rfc822-headers)/.test(type))
    .map(({ body }) => readFields(body).fields)
  const reports = parts
    .filter(({ type }) => type === 'message/feedback-report')
    .map(({ body }) => readFields(body).fields)
  return [
    ...returned.flatMap((fields) => [...all(fields, RETURN_HEADER), ...all(fields, 'return-path')]),
    ...reports.flatMap((fields) => all(fields, 'original-mail-from')),
    ...['to', 'delivered-to', 'x-original-to'].flatMap((name) => all(top.fields, name)),
  ]
}

function readPart(text: string): Part {
  const { fields, rest } = readFields(text)
  const encoding = firstWord(fields, 'content-transfer-encoding')
  const type = (/^[^\s;]+/.exec(first(fields, 'content-type'))?.[0] ?? 'text/plain').toLowerCase()
  return { type, fields, body: decodeBody(rest, encoding) }
}

function decodeBody(body: string, encoding: string): string {
  const decoded =
    encoding === 'base64'
      ? Buffer.from(body, 'base64').toString('latin1')
      : encoding === 'quoted-printable'
        ? decodeQuotedPrintable(body)
        : body
  // Both encodings may hold ends of lines of their own.
  return decoded.replaceAll('\r\n', '\n')
}

function decodeQuotedPrintable(body: string): string {
  return body
    .replaceAll(/=[ \t]*\n/g, '')
    .replaceAll(/=([0-9a-f]{2})/gi, (_all, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
}

/** The fields up to the first empty line, folded lines put together, and what comes after it. */
function readFields(text: string): { fields: Fields; rest: string } {
  const lines = text.replaceAll('\r\n', '\n')
  const start = /^\n*/.exec(lines)?.[0].length ?? 0
  const end = lines.indexOf('\n\n', start)
  const head = end === -1 ? lines.slice(start) : lines.slice(start, end)
  const fields = new Map<string, string[]>()
  for (const line of head
    .replaceAll(/\n[ \t]+/g, ' ')
    .split('\n')
    .slice(0, HEADER_LINES_MAX)) {
    const colon = line.indexOf(':')
    if (colon <= 0) continue
    const name = line.slice(0, colon).trim().toLowerCase()
    fields.set(name, [...(fields.get(name) ?? []), line.slice(colon + 1).trim()])
  }
  return { fields, rest: end === -1 ? '' : lines.slice(end + 2) }
}

function splitParts(body: string, boundary: string): string[] {
  const parts: string[] = []
  let lines: string[] | undefined
  for (const line of body.replaceAll('\r\n', '\n').split('\n')) {
    const isEnd = line.trimEnd() === `--${boundary}--`
    if (!isEnd && line.trimEnd() !== `--${boundary}`) {
      lines?.push(line)
      continue
    }
    if (lines !== undefined) parts.push(lines.join('\n'))
    lines = []
    if (isEnd || parts.length === PARTS_MAX) return parts
  }
  // A report that a server cut has no end.
  return lines === undefined ? parts : [...parts, lines.join('\n')]
}

const all = (fields: Fields, name: string) => fields.get(name.toLowerCase()) ?? []
const first = (fields: Fields, name: string) => all(fields, name)[0] ?? ''
const firstWord = (fields: Fields, name: string) =>
  (WORD.exec(first(fields, name))?.[1] ?? '').toLowerCase()
