import { type Html, html } from '@auction/common/html.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Talk } from '#src/domain/talk.ts'
import type { ImageView, ListedItemView } from '#src/infra/http/shapes.ts'

/** The longest side of each size, as auction makes them. */
const SIDES = { small: 320, medium: 800, large: 1600 } as const

/** Widths in `srcset` are what the files have: the longest side is limited, so portraits are narrower. */
export function picture(
  image: ImageView,
  options: { alt: string; sizes: string; isFirst?: boolean },
): Html {
  const { width, height, urls } = image
  const widthOf = (side: number) =>
    Math.max(1, Math.round(Math.min((side * width) / Math.max(width, height), width)))
  const sources = (['small', 'medium', 'large'] as const)
    .map((size) => `${urls[size]} ${widthOf(SIDES[size])}w`)
    // A small picture is the same in every size.
    .filter(
      (source, index, all) => index === 0 || source.split(' ')[1] !== all[index - 1]?.split(' ')[1],
    )
    .join(', ')
  const loading =
    options.isFirst === true ? html` fetchpriority="high"` : html` loading="lazy" decoding="async"`
  return html`<img src="${urls.medium}" srcset="${sources}" sizes="${options.sizes}" alt="${options.alt}" width="${width}" height="${height}"${loading}>`
}

/** Lots as cards, each with its picture, price and time. */
export function cards(
  viewer: Viewer,
  items: readonly ListedItemView[],
  serverTime: string,
  below?: (item: ListedItemView) => Html,
): Html {
  const nowMs = Date.parse(serverTime)
  return html`<ul class="cards" ${liveTexts(viewer.talk)}>${items.map((item, index) => card(viewer, item, nowMs, index < 4, below))}</ul>`
}

/** What the script of cards writes; {0} is where an amount or a number belongs. */
function liveTexts({ t, zone }: Talk): Html {
  const mark = '{0}'
  const texts = {
    bids: t.lot.bids(mark).other,
    'one-bid': t.lot.bids('1').one ?? t.lot.bids('1').other,
    ends: t.lot.ends(mark),
    sold: t.status.sold,
    unsold: t.status.expired,
  }
  return html`data-zone="${zone}"${Object.entries(texts).map(([name, text]) => html` data-text-${name}="${text}"`)}`
}

function card(
  viewer: Viewer,
  item: ListedItemView,
  nowMs: number,
  isFirst: boolean,
  below?: (item: ListedItemView) => Html,
): Html {
  const { talk } = viewer
  const { t } = talk
  const price = item.currentPrice ?? item.startPrice
  return html`<li><live-card class="card" data-item-id="${item.id}" data-currency="${item.currencyCode}">
<div class="thumb">${
    // The name beside it says what it is, so that a screen reader need not say it twice.
    item.image !== undefined &&
    picture(item.image, { alt: '', sizes: '(min-width: 40rem) 17rem, 45vw', isFirst })
  }</div>
<h2><a href="${viewer.to(`/lots/${item.id}`)}" dir="auto">${item.name}</a></h2>
<p class="price"><strong data-part="price">${talk.money(price, item.currencyCode)}</strong>
<span data-part="count">${item.bidCount === 0 ? t.lot.startingPrice : talk.count(item.bidCount, t.lot.bids)}</span></p>
${item.buyNowAvailable === true && item.buyoutPrice !== undefined && html`<p class="badge">${t.bid.buyNow(talk.money(item.buyoutPrice, item.currencyCode))}</p>`}
${item.hasReserve && reserveBadge(talk, item)}
${timing(talk, item.status, item.startDate, item.endDate, nowMs)}
</live-card>${below?.(item)}</li>
`
}

/** Whether there is a hidden reserve and whether it is met, never its amount. */
export function reserveBadge({ t }: Talk, lot: { hasReserve: boolean; reserveMet: boolean }): Html {
  if (!lot.hasReserve) return html`<p class="badge" data-part="reserve">${t.lot.noReserve}</p>`
  return lot.reserveMet
    ? html`<p class="badge good" data-part="reserve">${t.lot.reserveMet}</p>`
    : html`<p class="badge warn" data-part="reserve">${t.lot.reserveNotMet}</p>`
}

/** When it starts or ends; the script turns the static text into a countdown. */
export function timing(
  talk: Talk,
  status: string,
  startDate: string,
  endDate: string,
  nowMs: number,
): Html {
  const { t } = talk
  if (status === 'scheduled' || status === 'pending') {
    return html`<p class="time" data-part="time">${t.lot.startsIn} ${countdown(talk, startDate, nowMs, t.lot.starting)}
<small>${talk.instant(startDate)}</small></p>`
  }
  if (status === 'active' || status === 'open') {
    return html`<p class="time" data-part="time">${t.lot.timeLeft} ${countdown(talk, endDate, nowMs, t.bid.closing)}
<small data-part="ends">${t.lot.ends(talk.instant(endDate))}</small></p>`
  }
  return html`<p class="time" data-part="time">${statusName(talk, status)}
<small>${t.lot.ended(talk.instant(endDate))}</small></p>`
}

export function statusName({ t }: Talk, status: string): string {
  return Object.hasOwn(t.status, status) ? t.status[status as keyof typeof t.status] : status
}

function countdown(talk: Talk, instant: string, nowMs: number, over: string): Html {
  const leftMs = Date.parse(instant) - nowMs
  // At zero only the server knows whether a late bid moved the end.
  const text = leftMs > 0 ? talk.timeLeft(leftMs) : over
  return html`<time class="countdown" datetime="${instant}" data-countdown="${over}">${text}</time>`
}

/** Whose clock the times on the page are of. */
export const clockNote = (talk: Talk, serverTime: string): Html =>
  html`<p class="clock">${talk.t.lot.clock(talk.instant(serverTime))}</p>`

/** "bidder 3" of the API, in the language of the reader. */
export function aliasIn({ t, number }: Talk, alias: string): string {
  const n = /^bidder (\d+)$/.exec(alias)?.[1]
  return n === undefined ? alias : t.lot.bidderAlias(number(Number(n)))
}
