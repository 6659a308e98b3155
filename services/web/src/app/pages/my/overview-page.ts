import { type Html, html } from '@auction/common/html.ts'
import { cards } from '#src/app/pages/cards.ts'
import { layout } from '#src/app/pages/layout.ts'
import { noticeText } from '#src/app/pages/notifications/inbox-page.ts'
import { sectionAway } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type {
  OfferListView,
  OrderListView,
  OrderSummaryView,
  WatchlistView,
} from '#src/infra/http/buying.ts'
import type { OwnBidsView } from '#src/infra/http/catalogue.ts'
import type { InboxView } from '#src/infra/http/notifications.ts'
import { myNav, wordFor } from './frame.ts'

type Part<T> = T | 'away'

/** All that asks for something, each from its own call. */
export interface OverviewParts {
  outbid: Part<OwnBidsView>
  leading: Part<OwnBidsView>
  won: Part<OwnBidsView>
  lost: Part<OwnBidsView>
  orders: Part<OrderListView>
  offers: Part<OfferListView>
  notices: Part<InboxView>
  watched: Part<WatchlistView>
  /** Names of the lots in bids and offers, as far as they could be read. */
  names: ReadonlyMap<string, string>
  serverTime: string
}

export const SHOWN = 4
const TO_PAY = ['pending_payment', 'overdue']
const TO_RECEIVE = ['paid', 'preparing', 'shipped']

/** What a user has to do, on one screen: what is lost, what is to be paid, what is new. */
export function overviewPage(viewer: Viewer, parts: OverviewParts): string {
  const { overview: t } = viewer.talk.t.buying
  const { serverTime } = parts
  return layout({
    viewer,
    title: t.title,
    scripts: ['cards'],
    serverTime,
    content: html`${myNav(viewer, 'overview')}
<h1>${t.title}</h1>
<div class="overview">
${openOffers(viewer, parts)}
${orders(viewer, parts.orders, 'toPay', TO_PAY)}
${bids(viewer, parts, 'outbid', t.nothingOutbid)}
${bids(viewer, parts, 'leading', t.nothingLeading)}
${orders(viewer, parts.orders, 'toReceive', TO_RECEIVE)}
${results(viewer, parts)}
${notices(viewer, parts.notices)}
${answers(viewer, parts.notices)}
</div>
${endingSoon(viewer, parts)}`,
  })
}

function section(id: string, title: string, content: Html): Html {
  return html`<section aria-labelledby="my-${id}"><h2 id="my-${id}">${title}</h2>
${content}</section>
`
}

/** Rows of what, how much and until when, with a way to all of them. */
/** The whole list that a section shows the beginning of; a count that is not exact is not shown. */
interface All {
  count: number
  isExact?: boolean | undefined
  path: string
}

function rows(viewer: Viewer, lines: readonly Html[], { count, isExact = true, path }: All): Html {
  const { talk } = viewer
  const text = isExact ? talk.count(count, talk.t.buying.overview.all) : talk.t.my.all
  return html`<ul class="links">${lines}</ul>
${(!isExact || count > lines.length) && html`<p><a href="${viewer.to(path)}">${text}</a></p>`}`
}

const link = (viewer: Viewer, path: string, name: string): Html =>
  html`<a href="${viewer.to(path)}" dir="auto">${name}</a>`

function bids(
  viewer: Viewer,
  parts: OverviewParts,
  status: 'outbid' | 'leading',
  nothing: string,
): Html {
  const { talk } = viewer
  const { overview: t, orders: words } = talk.t.buying
  const read = parts[status]
  if (read === 'away') return section(status, t[status], sectionAway(talk))
  if (read.bids.length === 0) {
    return section(status, t[status], html`<p class="empty">${nothing}</p>`)
  }
  const lines = read.bids.map(
    (
      bid,
    ) => html`<li>${link(viewer, `/lots/${bid.itemId}`, parts.names.get(bid.itemId) ?? words.unnamed)}<br>
<strong>${talk.money(bid.currentPrice, bid.currencyCode)}</strong> <small>${t.yourMax(talk.money(bid.myMaxAmount, bid.currencyCode))} · ${t.ends(talk.instant(bid.endDate))}</small></li>
`,
  )
  const all = {
    count: read.counts[status],
    isExact: read.isCountExact,
    path: `/my/bids?status=${status}`,
  }
  return section(status, t[status], rows(viewer, lines, all))
}

function results(viewer: Viewer, { won, lost, names }: OverviewParts): Html {
  const { talk } = viewer
  const { overview: t, orders: words } = talk.t.buying
  if (won === 'away' || lost === 'away') return section('results', t.results, sectionAway(talk))
  const both = [...won.bids, ...lost.bids]
    .sort((one, other) => other.endDate.localeCompare(one.endDate))
    .slice(0, SHOWN)
  if (both.length === 0) {
    return section('results', t.results, html`<p class="empty">${t.noResults}</p>`)
  }
  const { states } = talk.t.my
  const lines = both.map(
    (
      bid,
    ) => html`<li>${link(viewer, `/lots/${bid.itemId}`, names.get(bid.itemId) ?? words.unnamed)}<br>
<strong class="${bid.status}">${wordFor(states, bid.status)}</strong> <small>${talk.money(bid.finalAmount ?? bid.currentPrice, bid.currencyCode)} · ${talk.instant(bid.endDate)}</small></li>
`,
  )
  const all = {
    count: won.counts.won + won.counts.lost,
    isExact: won.isCountExact,
    path: '/my/bids',
  }
  return section('results', t.results, rows(viewer, lines, all))
}

function orders(
  viewer: Viewer,
  read: OverviewParts['orders'],
  name: 'toPay' | 'toReceive',
  states: readonly string[],
): Html {
  const { talk } = viewer
  const { overview: t } = talk.t.buying
  if (read === 'away') return section(name, t[name], sectionAway(talk))
  const count = read.counts
    .filter(({ state }) => states.includes(state))
    .reduce((sum, each) => sum + each.count, 0)
  if (count === 0) {
    const nothing = name === 'toPay' ? t.nothingToPay : t.nothingToReceive
    return section(name, t[name], html`<p class="empty">${nothing}</p>`)
  }
  const shown = read.orders.filter(({ state }) => states.includes(state)).slice(0, SHOWN)
  const lines = shown.map((order) => orderRow(viewer, order))
  return section(name, t[name], rows(viewer, lines, { count, path: '/my/orders' }))
}

function orderRow(viewer: Viewer, order: OrderSummaryView): Html {
  const { talk } = viewer
  const { overview: t, orders: words } = talk.t.buying
  const isUnpaid = TO_PAY.includes(order.state)
  return html`<li>${link(viewer, `/my/orders/${order.id}`, order.itemName ?? words.unnamed)}<br>
<strong>${isUnpaid ? talk.money(order.total, order.currencyCode) : wordFor(words.states, order.state)}</strong>${
    isUnpaid && html` <small>${t.dueAt(talk.instant(order.dueAt))}</small>`
  }</li>
`
}

/** Only where there are some: most users never have one. */
function openOffers(viewer: Viewer, { offers, names }: OverviewParts): Html | false {
  const { talk } = viewer
  const { overview: t, offers: words, orders: of } = talk.t.buying
  if (offers === 'away') return section('offers', t.offers, sectionAway(talk))
  if (offers.offers.length === 0) return false
  const lines = offers.offers.map(
    (
      offer,
    ) => html`<li>${link(viewer, `/my/offers/${offer.offerId}`, names.get(offer.itemId) ?? of.unnamed)}<br>
<strong>${talk.money(offer.amount, offer.currencyCode)}</strong> <small>${words.until} ${talk.instant(offer.expiresAt)}</small></li>
`,
  )
  const count = lines.length + (offers.nextBefore === undefined ? 0 : 1)
  return section('offers', t.offers, rows(viewer, lines, { count, path: '/my/offers' }))
}

function notices(viewer: Viewer, read: OverviewParts['notices']): Html {
  const { talk } = viewer
  const { overview: t } = talk.t.buying
  if (read === 'away') return section('notices', t.notices, sectionAway(talk))
  const unread = read.notifications.filter(isUnread).slice(0, SHOWN)
  if (unread.length === 0) {
    return section('notices', t.notices, html`<p class="empty">${t.noNotices}</p>`)
  }
  const lines = unread.map(
    (notice) => html`<li>${noticeText(viewer, notice)}</li>
`,
  )
  const all = { count: read.unreadCount, path: '/notifications' }
  return section('notices', t.notices, html`<div class="compact">${rows(viewer, lines, all)}</div>`)
}

function answers(viewer: Viewer, read: OverviewParts['notices']): Html | false {
  if (read === 'away') return false
  const found = read.notifications.filter(
    (notice) => notice.template === 'answer' && isUnread(notice),
  )
  if (found.length === 0) return false
  const lines = found.slice(0, SHOWN).map(
    (notice) => html`<li>${noticeText(viewer, notice)}</li>
`,
  )
  const all = { count: 0, path: '/notifications' }
  return section('answers', viewer.talk.t.buying.overview.answers, rows(viewer, lines, all))
}

const isUnread = ({ readAt }: InboxView['notifications'][number]) => readAt === undefined

function endingSoon(viewer: Viewer, { watched, serverTime }: OverviewParts): Html {
  const { talk } = viewer
  const { overview: t } = talk.t.buying
  if (watched === 'away') return section('watched', t.endingSoon, sectionAway(talk))
  const open = watched.items
    .map(({ item }) => item)
    .filter(({ status }) => status === 'active')
    .sort((one, other) => one.endDate.localeCompare(other.endDate))
    .slice(0, SHOWN)
  return section(
    'watched',
    t.endingSoon,
    open.length === 0
      ? html`<p class="empty">${t.nothingWatched}</p>
<p><a class="button" href="${viewer.to('/search?status=active&sort=ending')}">${t.begin}</a></p>`
      : cards(viewer, open, serverTime),
  )
}
