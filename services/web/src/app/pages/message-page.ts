import { html } from '#src/domain/html.ts'
import { layout } from './layout.ts'

/** What is shown while a service behind this one is away. */
export function unavailablePage(): string {
  return layout({
    title: 'Back in a moment – Auction',
    content: html`<h1>Back in a moment</h1>
<p>The lots cannot be shown just now. Nothing is lost: bids that were accepted stay accepted.</p>
<p><a href="">Try again</a></p>`,
  })
}

/** What is shown where there is nothing. */
export function notFoundPage(): string {
  return layout({
    title: 'Nothing here – Auction',
    content: html`<h1>Nothing here</h1>
<p>There is no lot at this address.</p>
<p><a href="/">All lots</a></p>`,
  })
}
