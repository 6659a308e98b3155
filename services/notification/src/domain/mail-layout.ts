import { type Html, html } from '@auction/common/html.ts'
import type { MailContent, MailLink, MailSection } from './mail-content.ts'

export interface RenderedMail {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** The same content as a text and as a page. */
export function renderMail(content: MailContent, platformName: string): RenderedMail {
  return {
    subject: content.subject,
    text: textOf(content, platformName),
    html: pageOf(content, platformName),
  }
}

function textOf(content: MailContent, platformName: string): string {
  const { greeting, body, action, sections, after, why, links } = content
  const parts = [
    greeting,
    ...body,
    ...(action === undefined ? [] : [`${action.label}:\n${action.url}`]),
    ...sections.map(textOfSection),
    ...after,
    `-- \n${[platformName, why, ...links.map(({ label, url }) => `${label}: ${url}`)].join('\n')}`,
  ]
  return `${parts.join('\n\n')}\n`
}

function textOfSection({ heading, entries }: MailSection): string {
  const lines = entries.map(({ label, body, url }) =>
    [`* ${label}`, body, url]
      .filter((line) => line !== '')
      .map((line, index) => (index === 0 ? line : `  ${line}`))
      .join('\n'),
  )
  return [heading, ...lines].join('\n\n')
}

// Written beside each element as well: some programs keep no style sheet of a mail. What they do not keep is dark.
const COLOURS = {
  page: '#f4f4f1',
  card: '#ffffff',
  text: '#1d1d1b',
  quiet: '#5c5c57',
  line: '#deded8',
  action: '#0b5d4e',
  onAction: '#ffffff',
} as const

const FONT = "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"

// Literals that no user writes, so they are markup.
const STYLE: Html = {
  markup: `<style>
:root { color-scheme: light dark; supported-color-schemes: light dark; }
body { margin: 0; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
@media (max-width: 480px) {
  .outer { padding: 0 !important; }
  .card { border-radius: 0 !important; border-left: 0 !important; border-right: 0 !important; }
  .inner { padding: 24px 20px !important; }
  .wide { width: 100% !important; }
  .button { text-align: center !important; }
  .button a { display: block !important; }
}
@media (prefers-color-scheme: dark) {
  .page { background: #161614 !important; }
  .card { background: #21211e !important; border-color: #3a3a35 !important; }
  .text { color: #ecece6 !important; }
  .quiet, .quiet a { color: #a9a9a1 !important; }
  .line { border-color: #3a3a35 !important; }
  .link { color: #7fd1bd !important; }
  .button, .button a { background: #7fd1bd !important; color: #0c2a24 !important; }
}
</style>`,
}

function pageOf(content: MailContent, platformName: string): string {
  const { language, subject, greeting, body, action, linkByHand, sections, after, why } = content
  return `<!doctype html>\n${
    html`<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">
<title>${subject}</title>
${STYLE}
</head>
<body class="page" style="margin:0;background:${COLOURS.page}">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:${COLOURS.page}">
<tr><td class="outer" align="center" style="padding:24px 12px">
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:560px;background:${COLOURS.card};border:1px solid ${COLOURS.line};border-radius:8px">
<tr><td class="inner" style="padding:32px;font-family:${FONT};font-size:16px;line-height:1.5">
<p class="quiet" style="margin:0 0 16px;font-size:14px;color:${COLOURS.quiet}">${platformName}</p>
<h1 class="text" style="margin:0 0 20px;font-size:22px;line-height:1.3;font-weight:600;overflow-wrap:anywhere;color:${COLOURS.text}">${subject}</h1>
${[greeting, ...body].map(paragraph)}
${action !== undefined && button(action)}
${action !== undefined && linkByHand !== undefined && addressInWords(linkByHand, action.url)}
${sections.map(section)}
${after.map(paragraph)}
</td></tr>
<tr><td class="inner line quiet" style="padding:20px 32px;border-top:1px solid ${COLOURS.line};font-family:${FONT};font-size:13px;line-height:1.5;color:${COLOURS.quiet}">
<p style="margin:0">${why}</p>
${footerLinks(content.links)}
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>`.markup
  }\n`
}

const paragraph = (text: string): Html =>
  html`<p class="text" style="margin:0 0 16px;overflow-wrap:anywhere;color:${COLOURS.text}">${text}</p>\n`

// A cell with a background is a button also where links have no padding.
const button = ({ label, url }: MailLink): Html =>
  html`<table role="presentation" cellpadding="0" cellspacing="0" border="0" class="wide" style="margin:24px 0">
<tr><td class="button" style="background:${COLOURS.action};border-radius:6px"><a href="${url}" style="display:inline-block;padding:13px 24px;font-weight:600;color:${COLOURS.onAction};text-decoration:none;border-radius:6px">${label}</a></td></tr>
</table>`

const addressInWords = (words: string, url: string): Html =>
  html`<p class="quiet" style="margin:0 0 16px;font-size:14px;overflow-wrap:anywhere;color:${COLOURS.quiet}">${words}<br><a class="link" href="${url}" style="color:${COLOURS.action};overflow-wrap:anywhere;word-break:break-all">${url}</a></p>`

const section = ({ heading, entries }: MailSection): Html =>
  html`<h2 class="text" style="margin:28px 0 4px;font-size:17px;line-height:1.3;font-weight:600;color:${COLOURS.text}">${heading}</h2>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">${entries.map(
    ({ label, url, body }) =>
      html`<tr><td class="line" style="padding:14px 0;border-bottom:1px solid ${COLOURS.line};overflow-wrap:anywhere"><a class="link" href="${url}" style="font-weight:600;color:${COLOURS.action};text-decoration:none">${label}</a>${
        body !== '' &&
        html`<div class="text" style="margin-top:4px;color:${COLOURS.text}">${body}</div>`
      }</td></tr>\n`,
  )}</table>
<div style="height:20px;line-height:20px">&nbsp;</div>`

const footerLinks = (links: readonly MailLink[]): Html | false =>
  links.length > 0 &&
  html`<p class="quiet" style="margin:12px 0 0">${links.map(
    ({ label, url }, index) =>
      html`${index > 0 && html`<br>`}<a href="${url}" style="color:${COLOURS.quiet};text-decoration:underline">${label}</a>`,
  )}</p>`
