import { type Html, html } from '@auction/common/html.ts'
import { CATALOGUES, format } from './catalogue.ts'
import type { Language } from './notice-text.ts'
import type { Category } from './notices.ts'

/** Whose pages these are, and in which language. */
export interface PageFrame {
  readonly language: Language
  readonly publicUrl: string
}

/** Asks. Opening it changes nothing: mail scanners open every link. */
export function askToUnsubscribe(
  { language, publicUrl }: PageFrame,
  categories: readonly Category[],
  action: string,
): string {
  const { unsubscribe: words } = CATALOGUES[language]
  const question = format(language, words.question, { category: listOf(language, categories) })
  return page({ language, publicUrl }, words.title, [
    html`<p>${question}</p>`,
    html`<form method="post" action="${action}"><button type="submit">${words.button}</button></form>`,
  ])
}

/** Says that it is done. */
export function unsubscribed(frame: PageFrame, categories: readonly Category[]): string {
  const { language } = frame
  const { unsubscribe: words } = CATALOGUES[language]
  const done = format(language, words.done, { category: listOf(language, categories) })
  return page(frame, words.doneTitle, [html`<p>${done}</p>`])
}

/** The link was cut, or we did not make it. */
export function notUnsubscribed(frame: PageFrame): string {
  const { unsubscribe: words } = CATALOGUES[frame.language]
  return page(frame, words.invalidTitle, [html`<p>${words.invalid}</p>`])
}

/** "bidding, sales and searches" in words of the language. */
export function listOf(language: Language, categories: readonly Category[]): string {
  const { categories: names } = CATALOGUES[language]
  const list = new Intl.ListFormat(language, { type: 'conjunction' })
  return list.format(categories.map((category) => names[category]))
}

const STYLE: Html = {
  markup: `<style>
:root { color-scheme: light dark; font: 17px/1.5 system-ui, sans-serif; }
body { max-width: 32rem; margin: 3rem auto; padding: 0 1.25rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; }
button { font: inherit; font-weight: 600; padding: .75rem 1.5rem; border: 0; border-radius: 6px; background: #0b5d4e; color: #fff; }
@media (max-width: 480px) { body { margin-top: 1.5rem; } button { width: 100%; } }
@media (prefers-color-scheme: dark) { button { background: #7fd1bd; color: #0c2a24; } }
</style>`,
}

function page({ language, publicUrl }: PageFrame, title: string, content: readonly Html[]): string {
  const account = new URL('/account', publicUrl).href
  return `<!doctype html>\n${
    html`<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
${STYLE}
</head>
<body>
<h1>${title}</h1>
${content}
<p><a href="${account}">${CATALOGUES[language].unsubscribe.account}</a></p>
</body>
</html>`.markup
  }\n`
}
