import { type Html, html } from '@auction/common/html.ts'
import { layout } from '#src/app/pages/layout.ts'
import { hidden, type Notes, postForm, sectionAway } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { OrderSummaryView, OrderView, PaymentView } from '#src/infra/http/buying.ts'
import { myNav } from './frame.ts'
import { amounts } from './order-page.ts'

export interface PayParts {
  order: OrderView
  /** The last one; undefined: there was none. */
  payment: PaymentView | 'away' | undefined
  /** Unpaid purchases from the same seller in the same currency. */
  others: readonly OrderSummaryView[] | 'away'
}

export interface PayEntry extends Notes {
  /** Of the next payment; the same again only where its answer was lost. */
  key: string
  /** Ids of the others that are to be paid as well. */
  chosen: readonly string[]
  /** Back from the page of the provider. */
  isReturned: boolean
}

/** Payments that are not over, and not on the provider's page any more. */
const UNDER_WAY: ReadonlySet<string> = new Set(['created', 'processing', 'authorised', 'claimed'])
const OVER_WITHOUT_MONEY = ['failed', 'expired', 'cancelled'] as const

/**
 * Paying a purchase. The page itself leads to the provider by a link: a browser does not follow a form to
 * another site under our policy.
 */
export function payPage(viewer: Viewer, parts: PayParts, entry: PayEntry): string {
  const { pay, orders } = viewer.talk.t.buying
  const { order } = parts
  const name = order.itemName ?? orders.unnamed
  return layout({
    viewer,
    title: pay.title(name),
    serverTime: order.serverTime,
    scripts: ['payment'],
    flash: entry.flash,
    problems: entry.problems ?? [],
    content: html`${myNav(viewer, 'orders')}
<h1 dir="auto">${pay.title(name)}</h1>
${amounts(viewer.talk, order)}
${state(viewer, parts, entry)}
<p><a class="button" href="${viewer.to(`/my/orders/${order.id}`)}">${viewer.talk.t.buying.order.back}</a></p>`,
  })
}

function state(viewer: Viewer, parts: PayParts, entry: PayEntry): Html {
  const { talk } = viewer
  const { pay } = talk.t.buying
  const { order, payment } = parts
  if (payment === 'away')
    return html`${sectionAway(talk)}<p>${pay.notKnown}</p>${refresh(viewer, order.id)}`
  if (order.paidAt !== undefined || payment?.state === 'captured') {
    return html`<section class="standing paid"><h2>${pay.done}</h2><p>${pay.doneText}</p></section>`
  }
  if (payment?.state === 'open' && payment.next.url !== undefined) {
    return ready(viewer, parts, payment, entry)
  }
  if (payment !== undefined && (UNDER_WAY.has(payment.state) || payment.state === 'open')) {
    return html`<section class="standing" ${watched(payment)}><h2>${pay.underWay}</h2>
<p>${pay.underWayText}</p></section>${refresh(viewer, order.id)}`
  }
  if (payment?.state === 'mismatch') return html`<p class="warn">${pay.mismatch}</p>`
  const ended = OVER_WITHOUT_MONEY.find((each) => each === payment?.state)
  return html`${ended !== undefined && html`<p class="warn">${pay[ended]}</p>`}
${order.actions.includes('pay') ? beginForm(viewer, parts, entry) : html`<p>${pay.notPayable}</p>`}`
}

/** The provider has a page for it, on which the buyer pays. */
function ready(viewer: Viewer, { order }: PayParts, payment: PaymentView, entry: PayEntry): Html {
  const { talk } = viewer
  const { pay } = talk.t.buying
  const url = payment.next.url ?? ''
  const amount = talk.money(payment.amount, payment.currencyCode)
  return html`<section class="panel" ${watched(payment)}><h2>${pay.ready}</h2>
${entry.isReturned && html`<p><strong>${pay.returned}</strong></p>`}
<p>${pay.readyText(amount, hostOf(url))}</p>
<p><a class="button primary" href="${url}" rel="noreferrer">${pay.go(amount)}</a></p>
<p><small>${pay.openUntil(talk.instant(payment.expiresAt))}</small></p>
<form method="post" action="${viewer.to(`/my/orders/${order.id}/pay/stop`)}" data-form="stop">${hidden('payment', payment.id)}<p><button>${pay.stop}</button></p></form></section>
${refresh(viewer, order.id)}`
}

/** The script looks at the payment, and opens the page again when it has changed. */
const watched = ({ id, state: known }: PaymentView): Html =>
  html`data-payment="${id}" data-state="${known}"`

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : '')

const refresh = (viewer: Viewer, orderId: string): Html =>
  html`<p><a href="${viewer.to(`/my/orders/${orderId}/pay?returned=yes`)}">${viewer.talk.t.buying.pay.look}</a></p>`

function beginForm(viewer: Viewer, { order, others }: PayParts, entry: PayEntry): Html {
  const { talk } = viewer
  const { pay, orders } = talk.t.buying
  const boxes =
    others !== 'away' &&
    others.length > 0 &&
    html`<fieldset><legend>${pay.together}</legend><p>${pay.togetherText}</p>
${others.map(
  (
    other,
  ) => html`<p><input type="checkbox" id="field-with-${other.id}" name="with-${other.id}" value="yes"${entry.chosen.includes(other.id) && html` checked`}>
<label for="field-with-${other.id}"><bdi>${other.itemName ?? orders.unnamed}</bdi> – ${talk.money(other.total, other.currencyCode)}</label></p>
`,
)}</fieldset>`
  return postForm(
    viewer.to(`/my/orders/${order.id}/pay`),
    'pay',
    pay.start,
    html`${hidden('key', entry.key)}${boxes}<p>${pay.startText}</p>`,
  )
}
