import { createServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'

/** A mail as its receiver would see it. */
export interface ReceivedMail {
  to: string
  /** What kind of mail it is, by its header. */
  template: string
  /** Of its header, which is the same when a mail is sent again. */
  messageId: string
  /** The whole address to follow, with its secret. */
  link?: string
  at: string
  subject: string
  text: string
  html: string
}

export interface Mailbox {
  url: string
  smtpPort: number
  mails(): readonly ReceivedMail[]
  close(): Promise<void>
}

/** How many mails its page shows, the latest. */
export const MAILS_KEPT = 500
const MAIL_BYTES_MAX = 1024 * 1024
const CLOSE_MS = 100
const LINK = /https?:\/\/\S+#token=\S+/
const TEMPLATE_HEADER = 'x-auction-template'
// What a mail says is shown, and nothing in it runs or is fetched.
const MAIL_POLICY =
  "sandbox allow-top-navigation-by-user-activation; default-src 'none'; style-src 'unsafe-inline'"

/**
 * The mail server of this machine: it takes every mail that the platform sends and shows them on a page of
 * this machine alone.
 */
export async function startMailbox(keptMax: number = MAILS_KEPT): Promise<Mailbox> {
  const mails: ReceivedMail[] = []
  const smtp = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    // Its built-in certificate is public.
    hideSTARTTLS: true,
    size: MAIL_BYTES_MAX,
    closeTimeout: CLOSE_MS,
    onData(stream, { envelope }, done) {
      simpleParser(stream).then(({ headers, messageId = '', subject = '', text = '', html }) => {
        const link = LINK.exec(text)?.[0]
        for (const { address } of envelope.rcptTo) {
          mails.unshift({
            to: address,
            template: String(headers.get(TEMPLATE_HEADER) ?? ''),
            messageId,
            ...(link === undefined ? {} : { link }),
            at: new Date().toISOString(),
            subject,
            text,
            html: html || '',
          })
        }
        mails.length = Math.min(mails.length, keptMax)
        done()
      }, done)
    },
  })
  // A client that goes away in the middle is no end of the platform.
  smtp.on('error', () => undefined)
  const web = createServer((request, response) => {
    const [, index] = /^\/mails\/(\d+)\.html$/.exec(request.url ?? '') ?? []
    response.setHeader('x-content-type-options', 'nosniff')
    if (request.url === '/mails.json') {
      response.setHeader('content-type', 'application/json')
      return response.end(JSON.stringify(mails))
    }
    response.setHeader('content-type', 'text/html; charset=utf-8')
    if (index === undefined) return response.end(page(mails))
    response.setHeader('content-security-policy', MAIL_POLICY)
    // The oldest has number 0, so that a number stays with its mail.
    const html = mails[mails.length - 1 - Number(index)]?.html ?? ''
    // Links leave the frame.
    return response.end(html.replace('<head>', '<head><base target="_top">'))
  })
  await new Promise<void>((resolve, reject) => {
    smtp.once('error', reject)
    smtp.listen(0, '127.0.0.1', resolve)
  })
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://localhost:${portOf(web)}`,
    smtpPort: portOf(smtp.server),
    mails: () => mails,
    async close() {
      web.closeAllConnections()
      web.close()
      await new Promise<void>((resolve) => smtp.close(() => resolve()))
    },
  }
}

const portOf = (server: Server) => (server.address() as AddressInfo).port

const escapeText = (text: string) =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

function page(mails: readonly ReceivedMail[]): string {
  const items = mails.map(({ to, template, link, at, subject, text }, index) => {
    const number = mails.length - 1 - index
    const follow = link === undefined ? '' : ` · <a href="${escapeText(link)}">follow its link</a>`
    return `<details><summary><b>${escapeText(subject)}</b><br>
to ${escapeText(to)} · ${escapeText(at)} · ${escapeText(template)}${follow}</summary>
<iframe loading="lazy" src="/mails/${number}.html" title="${escapeText(subject)}" sandbox="allow-top-navigation-by-user-activation"></iframe>
<pre>${escapeText(text)}</pre></details>`
  })
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Mails</title><style>
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
body { max-width: 60rem; margin: 1rem auto; padding: 0 1rem; }
details { border-top: 1px solid #8886; padding: .6rem 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
iframe { width: 100%; height: 40rem; border: 1px solid #8886; margin-top: .6rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
</style><h1>Mails of this machine</h1>
${items.length === 0 ? '<p>None yet.</p>' : items.join('\n')}</html>`
}
