import { html } from '@auction/common/html.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { OwnBidsView } from '#src/infra/http/catalogue.ts'
import { layout } from './layout.ts'
import { myNav } from './my/frame.ts'

export const BID_STATES = ['leading', 'outbid', 'won', 'lost'] as const

/** How the own bids stand; the maximum is shown to its owner alone. */
export function myBidsPage(
  viewer: Viewer,
  status: (typeof BID_STATES)[number] | undefined,
  { bids, counts, nextBefore }: OwnBidsView,
  names: ReadonlyMap<string, string>,
): string {
  const { talk } = viewer
  const { my } = talk.t
  const path = (state?: string) => viewer.to(state ? `/my/bids?status=${state}` : '/my/bids')
  const before = nextBefore === undefined ? '' : `before=${nextBefore}`
  return layout({
    viewer,
    title: my.bids,
    content: html`${myNav(viewer, 'bids')}
<h1>${my.bids}</h1>
<nav class="tabs" aria-label="${my.tabs}"><a href="${path()}"${status === undefined && html` aria-current="page"`}>${my.all}</a>${BID_STATES.map(
      (state) =>
        html`<a href="${path(state)}"${state === status && html` aria-current="page"`}>${my.states[state]} (${talk.number(counts[state])})</a>`,
    )}</nav>
${
  bids.length === 0
    ? html`<p class="empty">${my.empty}</p>`
    : html`<section class="scroll" aria-label="${my.bids}" tabindex="0"><table class="stack">
<thead><tr><th scope="col">${my.lot}</th><th scope="col">${my.state}</th><th scope="col">${my.price}</th><th scope="col">${my.maximum}</th><th scope="col">${my.ends}</th></tr></thead>
<tbody>${bids.map(
        (
          bid,
        ) => html`<tr><th scope="row"><a href="${viewer.to(`/lots/${bid.itemId}`)}" dir="auto">${names.get(bid.itemId) ?? my.unnamed}</a></th>
<td class="${bid.status}" data-label="${my.state}">${bid.status in my.states ? my.states[bid.status as keyof typeof my.states] : bid.status}</td>
<td data-label="${my.price}">${talk.money(bid.finalAmount ?? bid.currentPrice, bid.currencyCode)}</td>
<td data-label="${my.maximum}">${talk.money(bid.myMaxAmount, bid.currencyCode)}</td>
<td data-label="${my.ends}">${talk.instant(bid.endDate)}</td></tr>
`,
      )}</tbody></table></section>`
}
${before !== '' && html`<p><a class="button" rel="next" href="${path(status)}${status === undefined ? '?' : '&'}${before}">${my.more}</a></p>`}`,
  })
}
