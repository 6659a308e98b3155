import { type Html, html } from '@auction/common/html.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { layout } from './layout.ts'

/** A form whose session ended before it was sent: what was typed stays in this page, and in no address. */
export function keptFormPage(viewer: Viewer, backPath: string, form: Html): string {
  const { bid } = viewer.talk.t
  const login = `${viewer.to('/login')}?returnTo=${encodeURIComponent(viewer.to(backPath))}`
  return layout({
    viewer,
    title: bid.keptTitle,
    problems: [{ text: bid.keptTitle }],
    content: html`<h1>${bid.keptTitle}</h1>
<p>${bid.kept}</p>
<p><a class="button" href="${login}" target="_blank" rel="noopener">${bid.keptLogIn}</a></p>
${form}`,
  })
}

/** A form whose service did not answer: whether it was done is not known, and what was typed stays in this page. */
export function unansweredFormPage(viewer: Viewer, backPath: string, form: Html): string {
  const { unansweredTitle: title, unanswered, toThePage } = viewer.talk.t.message
  return layout({
    viewer,
    title,
    problems: [{ text: title }],
    content: html`<h1>${title}</h1>
<p>${unanswered}</p>
<p><a class="button" href="${viewer.to(backPath)}" target="_blank" rel="noopener">${toThePage}</a></p>
${form}`,
  })
}
