import { type Html, html } from '@auction/common/html.ts'
import { picture } from '#src/app/pages/cards.ts'
import { layout } from '#src/app/pages/layout.ts'
import { hidden, type Notes, postForm, sectionAway } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { OfferListView, OfferView, PicturedView } from '#src/infra/http/buying.ts'
import { myNav, wordFor } from './frame.ts'

/** What sellers offer a user who did not win, the latest first. */
export function offersPage(
  viewer: Viewer,
  { offers, nextBefore }: OfferListView,
  names: ReadonlyMap<string, string>,
  { wantsOffers, ...notes }: Notes & { wantsOffers: boolean | 'away' },
): string {
  const { talk } = viewer
  const { offers: t, orders } = talk.t.buying
  return layout({
    viewer,
    title: t.title,
    flash: notes.flash,
    problems: notes.problems ?? [],
    content: html`${myNav(viewer, 'offers')}
<h1>${t.title}</h1>
<p>${t.intro}</p>
${
  offers.length === 0
    ? html`<p class="empty">${t.none}</p>`
    : html`<section class="scroll" aria-label="${t.title}" tabindex="0"><table class="stack">
<thead><tr><th scope="col">${orders.lot}</th><th scope="col">${t.state}</th><th scope="col">${t.price}</th><th scope="col">${t.until}</th></tr></thead>
<tbody>${offers.map(
        (
          offer,
        ) => html`<tr><th scope="row"><a href="${viewer.to(`/my/offers/${offer.offerId}`)}" dir="auto">${names.get(offer.itemId) ?? orders.unnamed}</a></th>
<td data-label="${t.state}">${wordFor(t.states, offer.state)}</td>
<td data-label="${t.price}">${talk.money(offer.amount, offer.currencyCode)}</td>
<td data-label="${t.until}">${talk.instant(offer.expiresAt)}</td></tr>
`,
      )}</tbody></table></section>`
}
${nextBefore !== undefined && html`<p><a class="button" rel="next" href="${viewer.to(`/my/offers?before=${nextBefore}`)}">${t.more}</a></p>`}
<section aria-labelledby="preference"><h2 id="preference">${t.preference}</h2>
${wantsOffers === 'away' ? sectionAway(talk) : preference(viewer, wantsOffers)}</section>`,
  })
}

function preference(viewer: Viewer, wantsOffers: boolean): Html {
  const { offers: t } = viewer.talk.t.buying
  return html`<p>${wantsOffers ? t.wants : t.wantsNone}</p>
<form method="post" action="${viewer.to('/my/offers/preference')}" data-form="preference">${hidden('wants', wantsOffers ? 'no' : 'yes')}<button>${wantsOffers ? t.stopOffers : t.takeOffers}</button></form>`
}

export interface OfferParts {
  offer: OfferView
  item: PicturedView | 'away' | undefined
}

/** One offer, and what its bidder can answer. */
export function offerPage(
  viewer: Viewer,
  { offer, item }: OfferParts,
  { key, ...notes }: Notes & { key: string },
): string {
  const { talk } = viewer
  const { offers: t, order, orders } = talk.t.buying
  const name = nameOf(item, orders.unnamed)
  const price = talk.money(offer.amount, offer.currencyCode)
  const image = item === 'away' ? undefined : item?.images[0]
  const isOpen = offer.state === 'open'
  return layout({
    viewer,
    title: t.offer(name),
    serverTime: offer.serverTime,
    flash: notes.flash,
    problems: notes.problems ?? [],
    content: html`${myNav(viewer, 'offers')}
<div class="order-page">
<h1 dir="auto">${t.offer(name)}</h1>
<section class="panel" aria-label="${t.price}">
<p class="standing">${wordFor(t.states, offer.state)}</p>
<p class="price"><strong>${price}</strong></p>
${
  // The name above it says what it is.
  image !== undefined && picture(image, { alt: '', sizes: '20rem', isFirst: true })
}
<p><a href="${viewer.to(`/lots/${offer.itemId}`)}">${order.toLot}</a></p></section>
<div>
<p>${wordFor(t.kinds, offer.kind)}</p>
${
  isOpen
    ? html`<p>${t.openText(price, talk.instant(offer.expiresAt))}</p>
<p><a class="button primary" href="${viewer.to(`/my/offers/${offer.offerId}/acceptance`)}">${t.accept(price)}</a></p>
<form method="post" action="${viewer.to(`/my/offers/${offer.offerId}/refusal`)}" data-form="decline">${hidden('key', key)}<button>${t.decline}</button></form>`
    : html`<p>${wordFor(t.ended, offer.state)}</p>`
}
${offer.state === 'accepted' && html`<p><a class="button" href="${viewer.to('/my/orders')}">${t.toOrders}</a></p>`}
</div></div>`,
  })
}

/** Accepting is buying, so it has a page of its own. */
export function acceptOfferPage(
  viewer: Viewer,
  { offer, item }: OfferParts,
  { key, problems = [] }: Notes & { key: string },
): string {
  const { talk } = viewer
  const { bid, buying } = talk.t
  const { offers: t, orders } = buying
  const price = talk.money(offer.amount, offer.currencyCode)
  const path = viewer.to(`/my/offers/${offer.offerId}`)
  return layout({
    viewer,
    title: t.acceptTitle,
    problems,
    content: html`<h1>${t.acceptTitle}</h1>
<p dir="auto"><strong>${nameOf(item, orders.unnamed)}</strong></p>
<p>${t.acceptText(price)}</p>
${postForm(`${path}/acceptance`, 'accept', t.acceptYes(price), hidden('key', key))}
<p><a class="button" href="${path}">${bid.goBack}</a></p>`,
  })
}

const nameOf = (item: OfferParts['item'], otherwise: string): string =>
  item === 'away' || item === undefined ? otherwise : item.name
