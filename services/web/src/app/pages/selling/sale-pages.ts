import { type Html, html } from '@auction/common/html.ts'
import { aliasIn } from '#src/app/pages/cards.ts'
import { wordFor } from '#src/app/pages/my/frame.ts'
import { address, amounts, carrierName } from '#src/app/pages/my/order-page.ts'
import { ORDER_STATES, type OrderState } from '#src/app/pages/my/orders-page.ts'
import { field, hidden, type Notes, postForm, sectionAway, select } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Typed } from '#src/domain/selling-form.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import type { SellerView } from '#src/infra/http/lots.ts'
import type {
  OffersOfLotView,
  RefundView,
  SaleDisputeView,
  SalesListView,
  SaleView,
} from '#src/infra/http/sales.ts'
import { sellingPage } from './frame.ts'

type Part<T> = T | 'away' | undefined

export interface SaleEntry extends Notes {
  typed?: Typed
}

/** What a seller sold, the latest first; states with nothing in them have no tab. */
export function salesPage(
  viewer: Viewer,
  state: OrderState | undefined,
  { orders, counts, nextCursor }: SalesListView,
): string {
  const { talk } = viewer
  const t = talk.t.sales
  const path = (of: string, cursor = '') => {
    const query = new URLSearchParams(
      Object.entries({ state: of, cursor }).filter(([, value]) => value !== ''),
    )
    return viewer.to(query.size === 0 ? '/my/sales' : `/my/sales?${query}`)
  }
  const countOf = (of: OrderState) => counts.find((each) => each.state === of)?.count ?? 0
  const tabs = ORDER_STATES.filter((of) => countOf(of) > 0 || of === state)
  return sellingPage({
    viewer,
    part: 'sales',
    title: t.title,
    content: html`<nav class="tabs" aria-label="${t.tabs}"><a href="${path('')}"${state === undefined && html` aria-current="page"`}>${t.all}</a>
${tabs.map((of) => html`<a href="${path(of)}"${of === state && html` aria-current="page"`}>${t.states[of]} (${talk.number(countOf(of))})</a>`)}</nav>
${
  orders.length === 0
    ? html`<p class="empty">${state === undefined ? t.none : t.noneInState}</p>`
    : html`<section class="scroll" aria-label="${t.title}" tabindex="0"><table class="stack">
<thead><tr><th scope="col">${t.item}</th><th scope="col">${t.state}</th><th scope="col">${t.total}</th><th scope="col">${t.when}</th></tr></thead>
<tbody>${orders.map(
        (
          order,
        ) => html`<tr><th scope="row"><a href="${viewer.to(`/my/sales/${order.id}`)}" dir="auto">${order.itemName ?? t.unnamed}</a></th>
<td class="${order.state}" data-label="${t.state}">${wordFor(t.states, order.state)}</td>
<td data-label="${t.total}">${talk.money(order.total, order.currencyCode)}</td>
<td data-label="${t.when}">${talk.instant(order.wonAt)}</td></tr>
`,
      )}</tbody></table></section>`
}
${nextCursor !== undefined && html`<p><a class="button" rel="next" href="${path(state ?? '', nextCursor)}">${t.more}</a></p>`}
${orders.length > 0 && html`<p><a href="/api/v1/orders/export.csv?role=seller" download>${t.download}</a></p>`}`,
  })
}

export interface SaleParts {
  order: SaleView
  buyer: Part<SellerView>
  dispute: Part<SaleDisputeView>
  refunds: readonly RefundView[] | 'away'
  /** Of the forms that must count once. */
  key: string
}

/** One sale: how it stands, and what its seller can do. */
export function salePage(viewer: Viewer, parts: SaleParts, entry: SaleEntry): string {
  const { order } = parts
  const { talk } = viewer
  const t = talk.t.sales
  const name = order.itemName ?? t.unnamed
  return sellingPage({
    viewer,
    part: 'sales',
    title: name,
    heading: html`<bdi>${name}</bdi>`,
    serverTime: order.serverTime,
    flash: entry.flash,
    problems: entry.problems ?? [],
    content: html`<div class="order-page">
<section class="panel" aria-label="${t.amounts}">
${standing(viewer, order)}
${amounts(talk, order)}
${buyerLine(viewer, order, parts.buyer)}
<p><a href="${viewer.to(`/lots/${order.itemId}`)}">${t.toLot}</a></p>
<p><a href="${viewer.to(`/my/items/${order.itemId}`)}">${t.toItem}</a></p>
</section>
<div>
${delivery(viewer, order, entry)}
${dispute(viewer, parts, entry)}
${cancelled(viewer, order)}
${agreement(viewer, order)}
${cancellation(viewer, order)}
${refunding(viewer, parts, entry)}
${history(viewer, order)}
</div></div>`,
  })
}

function standing({ talk }: Viewer, order: SaleView): Html {
  const t = talk.t.sales
  const { state, cancelReason } = order
  return html`<p class="standing ${state}">${wordFor(t.states, state)}</p>
<p>${cancelReason !== undefined && wordFor(t.cancelReasons, cancelReason)} ${wordFor(t.next, state)}</p>
${state === 'pending_payment' && html`<p>${t.dueAt(talk.instant(order.dueAt))}</p>`}
${state === 'overdue' && html`<p>${t.cancelAt(talk.instant(order.cancelAt))}</p>`}
${order.chargeback !== undefined && order.chargeback !== 'won' && html`<p class="warn">${t.chargeback}</p>`}`
}

function buyerLine(viewer: Viewer, order: SaleView, buyer: Part<SellerView>): Html | false {
  const t = viewer.talk.t.sales
  if (buyer === 'away') return sectionAway(viewer.talk)
  const block = html`<details class="report"><summary>${t.blockTitle}</summary>
<form method="post" action="${viewer.to(`/my/sales/${order.id}/block`)}" data-form="block"><button>${t.block}</button></form></details>`
  if (buyer === undefined) return block
  return html`<p>${t.buyer} <a href="${viewer.to(`/sellers/${order.buyerId}`)}"><bdi>${buyer.name}</bdi></a></p>
${block}`
}

const CARRIERS = [
  'aras',
  'canada_post',
  'colissimo',
  'correos',
  'dhl',
  'dpd',
  'fedex',
  'gls',
  'hermes',
  'inpost',
  'post_at',
  'postnl',
  'ptt',
  'royal_mail',
  'swiss_post',
  'ups',
  'usps',
  'yurtici',
] as const

function delivery(viewer: Viewer, order: SaleView, { typed = {}, problems = [] }: SaleEntry): Html {
  const { talk } = viewer
  const t = talk.t.sales
  const may = (action: string) => order.actions.includes(action)
  const path = (name: string) => viewer.to(`/my/sales/${order.id}/${name}`)
  const carriers = [
    ...CARRIERS.map((code) => [code, carrierName(code)] as const),
    ['other', t.carrierOther] as const,
  ]
  return html`<section aria-labelledby="delivery"><h2 id="delivery">${t.delivery}</h2>
${order.delivery === undefined && html`<p>${t.notChosen}</p>`}
${order.delivery === 'collection' && html`<p>${t.collection}</p>`}
${order.delivery === 'shipping' && (order.address === undefined ? html`<p>${t.addressLater}</p>` : html`<p>${t.shipping}</p>${address(talk, order.address)}`)}
${order.shipments.map(
  ({
    carrier,
    trackingNumber,
    trackingUrl,
    shippedAt,
  }) => html`<p>${t.parcel(carrierName(carrier))} <bdi>${trackingNumber}</bdi> <small>${talk.instant(shippedAt)}</small>
${trackingUrl !== undefined && html`<a href="${trackingUrl}" rel="noopener noreferrer" target="_blank">${t.track}</a>`}</p>`,
)}
${may('prepare') && html`<p><small>${t.prepareHint}</small></p><form method="post" action="${path('prepare')}" data-form="prepare"><p><button>${t.prepare}</button></p></form>`}
${
  may('ship') &&
  postForm(
    path('ship'),
    'ship',
    order.shipments.length === 0 ? t.ship : t.shipAnother,
    html`${select({ name: 'carrier', label: t.carrier, options: carriers, value: typed.carrier ?? 'dhl', problems })}
${field({ name: 'trackingNumber', label: t.trackingNumber, hint: t.trackingHint, value: typed.trackingNumber ?? '', lengthMax: 60, isOptional: true, problems })}`,
  )
}
${
  may('collect') &&
  postForm(
    path('collect'),
    'collect',
    t.collected,
    field({
      name: 'code',
      label: t.code,
      hint: t.codeHint,
      type: 'amount',
      value: typed.code ?? '',
      lengthMax: 12,
      problems,
    }),
  )
}</section>`
}

function dispute(
  viewer: Viewer,
  { order, dispute: read }: SaleParts,
  entry: SaleEntry,
): Html | false {
  const { talk } = viewer
  const t = talk.t.sales
  if (read === undefined) return false
  if (read === 'away') {
    return html`<section><h2>${t.dispute}</h2>${sectionAway(talk)}</section>`
  }
  const isOpen = read.resolution === undefined
  const { problems = [], typed = {} } = entry
  return html`<section aria-labelledby="dispute"><h2 id="dispute">${t.dispute}</h2>
<p><strong>${wordFor(talk.t.buying.order.reasons, read.reason)}</strong> <small>${talk.instant(read.openedAt)}</small></p>
${isOpen && !read.messages.some(({ author }) => author === 'seller') && html`<p class="warn">${t.answerBy(talk.instant(read.answerBy))}</p>`}
${read.resolution !== undefined && html`<p>${wordFor(t.resolutions, read.resolution)} ${read.refundAmount !== undefined && t.given(talk.money(read.refundAmount, order.currencyCode))}</p>`}
${read.messages.map(
  ({
    author,
    content,
    writtenAt,
  }) => html`<article class="question"><p dir="auto" class="words">${content}</p>
<small><strong>${wordFor(t.authors, author)}</strong> · ${talk.instant(writtenAt)}</small></article>
`,
)}
${
  isOpen &&
  postForm(
    viewer.to(`/my/sales/${order.id}/messages`),
    'message',
    t.write,
    field({
      name: 'message',
      label: t.message,
      type: 'long',
      hint: t.messageHint,
      lengthMax: TEXT_LENGTHS_MAX['dispute.message'],
      value: typed.message ?? '',
      problems,
    }),
  )
}</section>`
}

/** What follows a sale that came to nothing. */
function cancelled(viewer: Viewer, order: SaleView): Html | false {
  const t = viewer.talk.t.sales
  if (order.state !== 'cancelled') return false
  const item = `/my/items/${order.itemId}`
  return html`<section><ul class="links"><li><a href="${viewer.to(`${item}/offers`)}">${t.offer}</a></li>
<li><a href="${viewer.to(`${item}/relist`)}">${t.relist}</a></li></ul>
${
  order.actions.includes('reopen') &&
  html`<p>${t.reopenText}</p>${postForm(viewer.to(`/my/sales/${order.id}/reopen`), 'reopen', t.reopen, html``)}`
}</section>`
}

function agreement(viewer: Viewer, order: SaleView): Html | false {
  const t = viewer.talk.t.sales
  if (!order.actions.includes('agree_to_cancellation')) return false
  const form = (name: string, agree: string, button: string) =>
    postForm(viewer.to(`/my/sales/${order.id}/agreement`), name, button, hidden('agree', agree))
  const asked = order.cancellationAskedBy
  return html`<section aria-labelledby="agreement"><h2 id="agreement">${t.agreement}</h2>
<p>${asked === 'seller' ? t.youAsked : asked === 'buyer' ? t.buyerAsked : t.agreementText}</p>
${asked === undefined && form('ask-cancel', 'yes', t.ask)}
${asked === 'seller' && form('take-back', 'no', t.takeBack)}
${asked === 'buyer' && html`${form('agree', 'yes', t.agree)}${form('refuse', 'no', t.refuse)}`}</section>`
}

/** It cannot be taken back, and so it is not in sight at once. */
function cancellation(viewer: Viewer, order: SaleView): Html | false {
  const t = viewer.talk.t.sales
  if (!order.actions.includes('cancel')) return false
  return html`<details class="report"><summary>${t.cancelTitle}</summary><p>${t.cancelText}</p>
${postForm(viewer.to(`/my/sales/${order.id}/cancel`), 'cancel', t.cancelYes, html``)}</details>`
}

/** What is left of a payment, in minor units of no currency: amounts of one currency have the same decimals. */
export function leftOf({
  total,
  refundedTotal,
}: Pick<SaleView, 'total' | 'refundedTotal'>): string {
  const decimals = total.split('.')[1]?.length ?? 0
  const minor = (text: string) => BigInt(text.replace('.', ''))
  const digits = String(minor(total) - minor(refundedTotal)).padStart(decimals + 1, '0')
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
}

function refunding(viewer: Viewer, parts: SaleParts, entry: SaleEntry): Html | false {
  const { talk } = viewer
  const t = talk.t.sales
  const { order, refunds } = parts
  if (order.paymentId === undefined) return false
  const left = leftOf(order)
  const { typed = {}, problems = [] } = entry
  const isOpen = typed.how !== undefined
  const known = refunds === 'away' ? [] : refunds.filter(({ orderId }) => orderId === order.id)
  const how = typed.how ?? 'all'
  const radio = (value: string, label: string) =>
    html`<p><input type="radio" name="how" id="field-how-${value}" value="${value}"${value === how && html` checked`}>
<label for="field-how-${value}">${label}</label></p>`
  const money = (amount: string) => talk.money(amount, order.currencyCode)
  return html`<section aria-labelledby="refund"><h2 id="refund">${t.refund}</h2>
${refunds === 'away' && sectionAway(talk)}
${known.length > 0 && html`<ul>${known.map(({ amount, state, reason }) => html`<li>${money(amount)}: ${wordFor(t.refundStates, state)} <small dir="auto">${reason}</small></li>`)}</ul>`}
${
  /[1-9]/.test(left) &&
  html`<p>${t.refundText(money(left))}</p>
<details${isOpen && html` open`}><summary>${t.refund}</summary>
${postForm(
  viewer.to(`/my/sales/${order.id}/refund`),
  'refund',
  t.refundGo,
  html`${hidden('key', typed.key ?? parts.key)}${radio('all', t.refundAll(money(left)))}${radio('part', t.refundPart)}
${field({ name: 'amount', label: t.refundAmount(order.currencyCode), type: 'amount', value: typed.amount ?? '', lengthMax: 32, isOptional: true, problems })}
${field({ name: 'reason', label: t.refundReason, hint: t.refundReasonHint, value: typed.reason ?? '', lengthMax: TEXT_LENGTHS_MAX['refund.reason'], problems })}`,
)}</details>`
}</section>`
}

/** Money that is given back does not return, so it is said twice. */
export function refundPage(
  viewer: Viewer,
  order: SaleView,
  refund: { amount: string; reason: string; key: string },
  { problems = [] }: SaleEntry,
): string {
  const { talk } = viewer
  const t = talk.t.sales
  const amount = talk.money(refund.amount, order.currencyCode)
  return sellingPage({
    viewer,
    part: 'sales',
    title: t.refundTitle,
    problems,
    content: html`<p dir="auto"><strong>${order.itemName ?? t.unnamed}</strong></p>
<p>${t.refundSure(amount)}</p>
<p dir="auto">${refund.reason}</p>
${postForm(
  viewer.to(`/my/sales/${order.id}/refund`),
  'refund-yes',
  t.refundYes(amount),
  html`${hidden('confirmed', refund.amount)}${hidden('reason', refund.reason)}${hidden('key', refund.key)}`,
)}
<p><a class="button" href="${viewer.to(`/my/sales/${order.id}`)}">${talk.t.selling.cancel}</a></p>`,
  })
}

function history({ talk }: Viewer, { timeline }: SaleView): Html {
  const t = talk.t.sales
  const steps = timeline.filter(({ state }, index) => state !== timeline[index - 1]?.state)
  return html`<section aria-labelledby="history"><h2 id="history">${t.history}</h2>
<ol class="links">${steps.map(
    ({ state, by, at }) =>
      html`<li>${wordFor(t.states, state)} <small>${talk.instant(at)} · ${wordFor(t.by, by)}</small></li>
`,
  )}</ol></section>`
}

const OFFER_DAYS = [1, 3, 5, 7]

/** To whom an item that is over can be offered, and what became of offers. */
export function offersPage(
  viewer: Viewer,
  item: { id: string; name: string; currencyCode: string },
  { offers, kinds }: OffersOfLotView,
  key: string,
  { flash, problems = [], typed = {} }: SaleEntry,
): string {
  const { talk } = viewer
  const { offers: t } = talk.t.sales
  const path = viewer.to(`/my/items/${item.id}/offers`)
  const open = kinds.filter(
    ({ refusal, candidates }) => refusal === undefined && candidates.length > 0,
  )
  const money = (amount: string) => talk.money(amount, item.currencyCode)
  return sellingPage({
    viewer,
    part: 'items',
    title: t.title,
    flash,
    problems,
    content: html`<p dir="auto"><strong>${item.name}</strong></p>
<p>${t.text}</p>
${open.length === 0 && html`<p class="empty">${t.nothing}</p>`}
${open.map(
  ({ kind, until, candidates }) => html`<section><h2>${wordFor(t.kinds, kind)}</h2>
${until !== undefined && html`<p>${t.until(talk.instant(until))}</p>`}
${postForm(
  path,
  `offer-${kind}`,
  t.make,
  html`${hidden('key', typed.key ?? key)}${hidden('kind', kind)}${select({
    name: 'bidderNumber',
    label: t.bidder,
    options: candidates.map(({ bidder, bidderNumber, amount }) => [
      String(bidderNumber),
      t.bidderAt(aliasIn(talk, bidder), money(amount)),
    ]),
    value: typed.bidderNumber ?? String(candidates[0]?.bidderNumber),
    problems,
  })}${select({
    name: 'days',
    label: t.days,
    options: OFFER_DAYS.map((days) => [String(days), talk.count(days, t.dayCount)]),
    value: typed.days ?? '3',
    problems,
  })}${
    candidates.length > 1 &&
    field({
      name: 'cascadeFloor',
      label: t.floor(item.currencyCode),
      hint: t.floorHint,
      type: 'amount',
      value: typed.cascadeFloor ?? '',
      lengthMax: 32,
      isOptional: true,
      problems,
    })
  }`,
)}</section>`,
)}
${
  offers.length > 0 &&
  html`<h2>${t.made}</h2><ul class="links">${offers.map(
    (
      offer,
    ) => html`<li>${offer.bidder !== undefined && aliasIn(talk, offer.bidder)} ${money(offer.amount)}: ${wordFor(t.states, offer.state)}
${
  offer.state === 'open' &&
  html`<small>${t.openUntil(talk.instant(offer.expiresAt))}</small>
<form method="post" action="${path}/${offer.offerId}/withdraw" data-form="withdraw-offer">${hidden('key', key)}<p><button>${t.withdraw}</button></p></form>`
}</li>
`,
  )}</ul>`
}
<p><a class="button" href="${viewer.to(`/my/items/${item.id}`)}">${talk.t.sales.toItem}</a></p>`,
  })
}
