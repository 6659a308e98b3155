import {
  displayAmount,
  displayCount,
  displayInstant,
  displayTimeLeft,
} from '#src/domain/display.ts'
import { type Html, html } from '#src/domain/html.ts'
import type { ItemListView, ItemView } from '#src/infra/http/upstream.ts'
import { layout } from './layout.ts'

/** Statuses that the list can show, in the order of the tabs. */
export const LISTED: Readonly<Record<string, { tab: string; empty: string }>> = {
  active: { tab: 'Open', empty: 'No lot is open just now.' },
  scheduled: { tab: 'Coming up', empty: 'No lot is coming up.' },
  sold: { tab: 'Sold', empty: 'Nothing has been sold yet.' },
  expired: { tab: 'Not sold', empty: 'No lot has ended without a sale.' },
}

/** Lots of one status, one page of them. */
export function lotsPage(status: string, list: ItemListView): string {
  const nowMs = Date.parse(list.serverTime)
  const { tab = '', empty = '' } = LISTED[status] ?? {}
  return layout({
    title: `${tab} lots – Auction`,
    serverTime: list.serverTime,
    content: html`<h1>Lots</h1>
<nav class="tabs" aria-label="Lots by status">${Object.entries(LISTED).map(
      ([value, { tab: name }]) =>
        html`<a href="/?status=${value}"${value === status && html` aria-current="page"`}>${name}</a>`,
    )}</nav>
<div id="live">
<p class="count">${displayCount(list.totalItems, 'lot')}</p>
${
  list.items.length === 0
    ? html`<p class="empty">${empty}</p>`
    : html`<ul class="lots">${list.items.map((item) => lotCard(item, nowMs))}</ul>`
}
</div>
${pages(status, list)}`,
  })
}

function lotCard(item: ItemView, nowMs: number): Html {
  const price = item.currentPrice ?? item.startPrice
  return html`<li class="lot">
<h2><a href="/lots/${item.id}">${item.name}</a></h2>
<p class="price"><strong>${displayAmount(price, item.currencyCode)}</strong>
<span>${item.bidCount === 0 ? 'starting price' : displayCount(item.bidCount, 'bid')}</span></p>
${reserveBadge(item)}
${timing(item.status, item.startDate, item.endDate, nowMs)}
</li>
`
}

/** Whether there is a hidden reserve and whether it is met, never its amount. */
export function reserveBadge(lot: { hasReserve: boolean; reserveMet: boolean }): Html {
  if (!lot.hasReserve) return html`<p class="badge">No reserve</p>`
  return lot.reserveMet
    ? html`<p class="badge good">Reserve met</p>`
    : html`<p class="badge warn">Reserve not met</p>`
}

/** When it starts or ends; the script turns the static text into a countdown. */
export function timing(status: string, startDate: string, endDate: string, nowMs: number): Html {
  if (status === 'scheduled' || status === 'pending') {
    return html`<p class="time">Starts in ${countdown(startDate, nowMs)}
<small>${displayInstant(startDate)}</small></p>`
  }
  if (status === 'active' || status === 'open') {
    return html`<p class="time">Time left ${countdown(endDate, nowMs)}
<small>ends ${displayInstant(endDate)}</small></p>`
  }
  return html`<p class="time">${STATUS_NAMES[status] ?? status}
<small>ended ${displayInstant(endDate)}</small></p>`
}

const STATUS_NAMES: Readonly<Record<string, string>> = {
  sold: 'Sold',
  expired: 'Not sold',
  ended: 'Ended',
  cancelled: 'Cancelled',
  closing: 'Closing',
  closed: 'Closed',
  reserved: 'Being bought',
}

function countdown(instant: string, nowMs: number): Html {
  const left = displayTimeLeft(Date.parse(instant) - nowMs)
  return html`<time class="countdown" datetime="${instant}" data-countdown>${left}</time>`
}

function pages(status: string, { page, totalPages }: ItemListView): Html {
  if (totalPages <= 1) return html``
  const link = (to: number, name: string) =>
    html`<a href="/?status=${status}&amp;page=${to}">${name}</a>`
  return html`<nav class="pages" aria-label="Pages">
${page > 1 && link(page - 1, 'Previous')}
<span>Page ${page} of ${totalPages}</span>
${page < totalPages && link(page + 1, 'Next')}
</nav>`
}
