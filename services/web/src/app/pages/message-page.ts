import { html } from '@auction/common/html.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { layout } from './layout.ts'

/** What is shown while a service that a page cannot do without is away. */
export function unavailablePage(viewer: Viewer): string {
  const { message } = viewer.talk.t
  return layout({
    viewer,
    title: message.unavailableTitle,
    content: html`<h1>${message.unavailableTitle}</h1>
<p>${message.unavailable}</p>
<p><a href="">${message.tryAgain}</a></p>`,
  })
}

/** What is shown where there is nothing. */
export function notFoundPage(viewer: Viewer): string {
  const { notFoundTitle: title, notFound: text } = viewer.talk.t.message
  return messagePage(viewer, { title, text })
}

/** One sentence about what was not done. */
export function messagePage(
  viewer: Viewer,
  { title, text }: { title: string; text: string },
): string {
  return layout({
    viewer,
    title,
    content: html`<h1>${title}</h1>
<p>${text}</p>
<p><a href="${viewer.to('/lots')}">${viewer.talk.t.message.allLots}</a></p>`,
  })
}
