import { type Html, html } from '@auction/common/html.ts'
import { picture } from '#src/app/pages/cards.ts'
import { layout } from '#src/app/pages/layout.ts'
import { field, hidden, type Notes, postForm, sectionAway, select } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { countriesIn } from '#src/domain/countries.ts'
import type { Problem } from '#src/domain/problem-text.ts'
import type { Talk } from '#src/domain/talk.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import type {
  AddressView,
  DisputeView,
  InvoiceView,
  OrderView,
  PicturedView,
} from '#src/infra/http/buying.ts'
import type { SellerView } from '#src/infra/http/lots.ts'
import { myNav, wordFor } from './frame.ts'

/** 'away': its service did not answer, and the page goes without. */
type Part<T> = T | 'away' | undefined

export interface OrderParts {
  order: OrderView
  item: Part<PicturedView>
  seller: Part<SellerView>
  dispute: Part<DisputeView>
  invoices: readonly InvoiceView[] | 'away'
}

/** What was typed into the forms of the page, and what is wrong with it. */
export interface OrderEntry extends Notes {
  method?: string
  address?: Partial<AddressView>
  reason?: string
  message?: string
}

export const DISPUTE_REASONS = ['not_arrived', 'not_as_described', 'damaged', 'other'] as const

/** One purchase: how it stands, what it costs, how it comes, and what its buyer can do. */
export function orderPage(viewer: Viewer, parts: OrderParts, entry: OrderEntry): string {
  const { order, item } = parts
  const { talk } = viewer
  const { order: t, orders } = talk.t.buying
  const known = item === 'away' ? undefined : item
  // In its first moments an order does not know the name.
  const name = order.itemName ?? known?.name ?? orders.unnamed
  const image = known?.images[0]
  return layout({
    viewer,
    title: name,
    serverTime: order.serverTime,
    flash: entry.flash,
    problems: entry.problems ?? [],
    content: html`${myNav(viewer, 'orders')}
<div class="order-page">
<h1 dir="auto">${name}</h1>
<section class="panel" aria-label="${t.amounts}">
${standing(talk, order)}
${amounts(talk, order)}
${
  order.actions.includes('pay') &&
  html`<p><a class="button primary" href="${viewer.to(`/my/orders/${order.id}/pay`)}">${t.pay(talk.money(order.total, order.currencyCode))}</a></p>`
}
${
  // The name above it says what it is.
  image !== undefined && picture(image, { alt: '', sizes: '20rem', isFirst: true })
}
<p><a href="${viewer.to(`/lots/${order.itemId}`)}">${t.toLot}</a></p>
${seller(viewer, order, parts.seller)}
</section>
<div>
${delivery(viewer, order, entry)}
${dispute(viewer, parts, entry)}
${cancellation(viewer, order)}
${invoices(talk, parts.invoices)}
${history(talk, order)}
</div>
</div>`,
  })
}

function standing(talk: Talk, order: OrderView): Html {
  const { order: t, orders } = talk.t.buying
  const due = talk.instant(order.dueAt)
  const text =
    order.state === 'pending_payment'
      ? t.payBy(due)
      : order.state === 'overdue'
        ? t.overdueSince(due, talk.instant(order.cancelAt))
        : wordFor(t.next, order.state)
  const reason =
    order.cancelReason === undefined ? '' : wordFor(t.cancelReasons, order.cancelReason)
  const isUnpaid = order.state === 'pending_payment' || order.state === 'overdue'
  return html`<p class="standing ${order.state}">${wordFor(orders.states, order.state)}</p>
<p>${reason} ${text}</p>
${isUnpaid && order.reservedUntil !== undefined && html`<p>${t.reservedUntil(talk.instant(order.reservedUntil))}</p>`}
${order.isBeingPaid && html`<p>${t.beingPaid}</p>`}
${order.chargeback !== undefined && order.chargeback !== 'won' && html`<p class="warn">${t.chargeback}</p>`}
${'strike' in order && order.strike === 'counted' && html`<p class="warn">${t.strikeCounted}</p>`}
${'strike' in order && order.strike === 'redeemed' && html`<p>${t.strikeRedeemed}</p>`}`
}

const ZERO = /^[0.]+$/

/** What it costs, line by line; what is nothing has no line. */
export function amounts(
  talk: Talk,
  order: Pick<
    OrderView,
    'amount' | 'premium' | 'deliveryFee' | 'total' | 'refundedTotal' | 'currencyCode' | 'paidAt'
  >,
): Html {
  const { order: t } = talk.t.buying
  const lines: [string, string][] = [
    [t.price, order.amount],
    [t.premium, order.premium],
    [t.deliveryFee, order.deliveryFee],
    [t.total, order.total],
    [t.refunded, order.refundedTotal],
  ]
  const shown = lines.filter(([label, amount]) => label === t.total || !ZERO.test(amount))
  return html`<dl class="details">${shown.map(
    ([label, amount]) =>
      html`<div><dt>${label}</dt><dd>${
        label === t.total
          ? html`<strong>${talk.money(amount, order.currencyCode)}</strong>${order.paidAt !== undefined && html` <small>${t.paidAt(talk.instant(order.paidAt))}</small>`}`
          : talk.money(amount, order.currencyCode)
      }</dd></div>
`,
  )}</dl>`
}

function seller(viewer: Viewer, order: OrderView, read: Part<SellerView>): Html | false {
  if (read === 'away') return sectionAway(viewer.talk)
  if (read === undefined) return false
  return html`<p>${viewer.talk.t.buying.order.soldBy} <a href="${viewer.to(`/sellers/${order.sellerId}`)}"><bdi>${read.name}</bdi></a></p>`
}

function delivery(viewer: Viewer, order: OrderView, entry: OrderEntry): Html | false {
  const { talk } = viewer
  const { order: t } = talk.t.buying
  const may = (action: string) => order.actions.includes(action)
  const isChosen = order.delivery !== undefined
  if (!isChosen && !may('choose_delivery')) return false
  const isWrong = entry.method !== undefined
  return html`<section aria-labelledby="delivery"><h2 id="delivery">${t.delivery}</h2>
${!isChosen && html`<p>${t.notChosen}</p>`}
${order.delivery === 'collection' && html`<p>${t.collection}</p>`}
${order.delivery === 'shipping' && html`<p>${t.shipping}</p>${order.address !== undefined && address(talk, order.address)}`}
${order.shipments.map(
  (
    parcel,
  ) => html`<p>${t.parcel(carrierName(parcel.carrier))} <small>${talk.instant(parcel.shippedAt)}</small><br>
${parcel.trackingNumber !== undefined && t.trackingNumber(parcel.trackingNumber)}
${parcel.trackingUrl !== undefined && html`<a href="${parcel.trackingUrl}" rel="noopener noreferrer" target="_blank">${t.track}</a>`}</p>`,
)}
${
  may('confirm_receipt') &&
  html`<p><small>${t.receivedHint}</small></p>
${postForm(viewer.to(`/my/orders/${order.id}/receipt`), 'receipt', t.received, html``)}`
}
${
  may('make_collection_code') &&
  html`<p><small>${t.makeCodeHint}</small></p>
${postForm(viewer.to(`/my/orders/${order.id}/collection-code`), 'code', t.makeCode, html``)}`
}
${
  may('choose_delivery') &&
  (isChosen && !isWrong
    ? html`<details><summary>${t.change}</summary>${deliveryForm(viewer, order, entry)}</details>`
    : deliveryForm(viewer, order, entry))
}</section>`
}

export const address = (talk: Talk, at: AddressView): Html => {
  const country = countriesIn(talk.language).find(([code]) => code === at.country)?.[1]
  const lines = [
    at.name,
    at.line1,
    at.line2,
    `${at.postalCode} ${at.city}`.trim(),
    at.region,
    country ?? at.country,
  ].filter((line) => line !== '')
  return html`<address>${lines.map((line) => html`<bdi>${line}</bdi><br>`)}</address>`
}

/** Names of companies, which are the same in every language. */
export const carrierName = (code: string): string =>
  code.length <= 3
    ? code.toUpperCase()
    : code.replaceAll('_', ' ').replace(/^./, (c) => c.toUpperCase())

/** The choice and, where it is sent, the address; what was typed comes back as it was. */
export function deliveryForm(
  viewer: Viewer,
  order: Pick<OrderView, 'id' | 'delivery' | 'address'>,
  entry: OrderEntry,
): Html {
  const { talk } = viewer
  const { order: t } = talk.t.buying
  const { problems = [] } = entry
  const method = entry.method ?? order.delivery ?? 'shipping'
  const typed: Partial<AddressView> = entry.address ?? order.address ?? {}
  const radio = (value: string, label: string) =>
    html`<p><input type="radio" name="method" id="field-method-${value}" value="${value}"${value === method && html` checked`}>
<label for="field-method-${value}">${label}</label></p>
`
  const line = (
    name: keyof AddressView,
    autocomplete: string,
    more: { isOptional?: boolean; lengthMax: number },
  ) =>
    field({
      name,
      label: more.isOptional === true ? `${t[name]} (${t.optional})` : t[name],
      autocomplete,
      value: typed[name] ?? '',
      problems,
      lengthMax: more.lengthMax,
      // A collection needs none of them, and a browser would ask for them.
      isOptional: true,
    })
  const wrong = problems.find(({ field: about }) => about === 'method')
  return postForm(
    viewer.to(`/my/orders/${order.id}/delivery`),
    'delivery',
    t.save,
    html`<fieldset id="field-method"><legend>${t.how}</legend>
${wrong !== undefined && html`<strong class="wrong">${wrong.text}</strong>`}
${radio('shipping', t.send)}${radio('collection', t.collect)}</fieldset>
<fieldset><legend>${t.address}</legend>
<small>${t.addressPrivate}</small>
${line('name', 'name', { lengthMax: TEXT_LENGTHS_MAX['address.name'] })}${line('line1', 'address-line1', { lengthMax: TEXT_LENGTHS_MAX['address.line'] })}${line('line2', 'address-line2', { isOptional: true, lengthMax: TEXT_LENGTHS_MAX['address.line'] })}${line('postalCode', 'postal-code', { isOptional: true, lengthMax: TEXT_LENGTHS_MAX['address.postalCode'] })}${line('city', 'address-level2', { lengthMax: TEXT_LENGTHS_MAX['address.city'] })}${line('region', 'address-level1', { isOptional: true, lengthMax: TEXT_LENGTHS_MAX['address.region'] })}${select(
  {
    name: 'country',
    label: t.country,
    options: [['', t.chooseCountry], ...countriesIn(talk.language)],
    value: typed.country ?? '',
    problems,
    autocomplete: 'country',
  },
)}</fieldset>`,
  )
}

function dispute(viewer: Viewer, parts: OrderParts, entry: OrderEntry): Html | false {
  const { talk } = viewer
  const { order: t } = talk.t.buying
  const { order } = parts
  if (parts.dispute === 'away') {
    return html`<section aria-labelledby="dispute"><h2 id="dispute">${t.dispute}</h2>${sectionAway(talk)}</section>`
  }
  if (parts.dispute === undefined) {
    if (!order.actions.includes('dispute')) return false
    const isOpen = entry.message !== undefined
    return html`<section aria-labelledby="dispute"><h2 id="dispute">${t.dispute}</h2>
<details${isOpen && html` open`}><summary>${t.open}</summary>
<p>${t.disputeText}</p>
${openDisputeForm(viewer, order.id, entry)}</details></section>`
  }
  const read = parts.dispute
  const isOpen = read.resolution === undefined
  const money = (amount: string) => talk.money(amount, order.currencyCode)
  const path = viewer.to(`/my/orders/${order.id}/dispute`)
  return html`<section aria-labelledby="dispute"><h2 id="dispute">${t.dispute}</h2>
<p><strong>${wordFor(t.reasons, read.reason)}</strong> <small>${talk.instant(read.openedAt)}</small></p>
${isOpen && !read.messages.some(({ author }) => author === 'seller') && html`<p>${t.answerBy(talk.instant(read.answerBy))}</p>`}
${read.resolution !== undefined && html`<p>${wordFor(t.resolutions, read.resolution)} ${read.refundAmount !== undefined && t.refundAmount(money(read.refundAmount))}</p>`}
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
  html`${disputeMessageForm(viewer, order.id, entry)}
<details><summary>${t.withdraw}</summary><p>${t.withdrawHint}</p>
${postForm(`${path}/withdrawal`, 'withdraw', t.withdraw, html``)}</details>`
}</section>`
}

export function openDisputeForm(viewer: Viewer, orderId: string, entry: OrderEntry): Html {
  const { order: t } = viewer.talk.t.buying
  return postForm(
    viewer.to(`/my/orders/${orderId}/dispute`),
    'dispute',
    t.open,
    html`${select({
      name: 'reason',
      label: t.reason,
      options: DISPUTE_REASONS.map((reason) => [reason, t.reasons[reason]]),
      value: entry.reason ?? DISPUTE_REASONS[0],
      problems: entry.problems ?? [],
    })}${messageField(viewer, entry.problems, entry.message)}`,
  )
}

export function disputeMessageForm(viewer: Viewer, orderId: string, entry: OrderEntry): Html {
  return postForm(
    viewer.to(`/my/orders/${orderId}/dispute/messages`),
    'message',
    viewer.talk.t.buying.order.write,
    messageField(viewer, entry.problems, entry.message),
  )
}

function messageField(
  viewer: Viewer,
  problems: readonly Problem[] = [],
  value: string | undefined,
): Html {
  const { order: t } = viewer.talk.t.buying
  return field({
    name: 'message',
    label: t.message,
    type: 'long',
    hint: t.messageHint,
    lengthMax: TEXT_LENGTHS_MAX['dispute.message'],
    problems,
    value: value ?? '',
  })
}

/** What both sides must want: the side that asks first waits for the other. */
function cancellation(viewer: Viewer, order: OrderView): Html | false {
  const { order: t } = viewer.talk.t.buying
  if (!order.actions.includes('agree_to_cancellation')) return false
  const path = viewer.to(`/my/orders/${order.id}/cancellation`)
  // None of them is what most come for.
  const form = (name: string, isWanted: boolean, button: string) =>
    html`<form method="post" action="${path}" data-form="${name}">${hidden('agree', isWanted ? 'yes' : 'no')}<p><button>${button}</button></p></form>
`
  const asked = order.cancellationAskedBy
  return html`<section aria-labelledby="cancel"><h2 id="cancel">${t.cancellation}</h2>
<p>${asked === 'buyer' ? t.youAsked : asked === 'seller' ? t.sellerAsked : t.cancellationText}</p>
${asked === undefined && form('ask-cancel', true, t.askCancellation)}
${asked === 'buyer' && form('take-back', false, t.takeBack)}
${asked === 'seller' && html`${form('agree', true, t.agree)}${form('refuse', false, t.refuse)}`}</section>`
}

/** Files of the API, which the browser's cookie opens as it does the pages. */
function invoices(talk: Talk, read: readonly InvoiceView[] | 'away'): Html | false {
  const { order: t } = talk.t.buying
  if (read !== 'away' && read.length === 0) return false
  return html`<section aria-labelledby="invoices"><h2 id="invoices">${t.invoices}</h2>
${
  read === 'away'
    ? sectionAway(talk)
    : html`<ul class="links">${read.map(
        ({ id, number, kind }) =>
          html`<li><a href="/api/v1/billing/invoices/${id}/document.pdf">${kind === 'invoice' ? t.invoice(number) : t.creditNote(number)}</a></li>`,
      )}</ul>`
}</section>`
}

/** The states that it went through; two changes within one state are no news to its buyer. */
function history(talk: Talk, { timeline }: OrderView): Html {
  const { order: t, orders } = talk.t.buying
  const steps = timeline.filter(({ state }, index) => state !== timeline[index - 1]?.state)
  return html`<section aria-labelledby="history"><h2 id="history">${t.history}</h2>
<ol class="links">${steps.map(
    ({ state, by, at }) =>
      html`<li>${wordFor(orders.states, state)} <small>${talk.instant(at)} · ${wordFor(t.by, by)}</small></li>
`,
  )}</ol></section>`
}

/** The code of a collection, which its buyer shows to the seller. */
export function collectionCodePage(viewer: Viewer, orderId: string, code: string): string {
  const { order: t } = viewer.talk.t.buying
  return layout({
    viewer,
    title: t.codeTitle,
    content: html`${myNav(viewer, 'orders')}
<h1>${t.codeTitle}</h1>
<p class="code"><strong>${code}</strong></p>
<p>${t.codeText}</p>
<p>${t.codeOnce}</p>
<p><a class="button" href="${viewer.to(`/my/orders/${orderId}`)}">${t.back}</a></p>`,
  })
}
