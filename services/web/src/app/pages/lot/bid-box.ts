import { type Html, html } from '@auction/common/html.ts'
import { aliasIn, reserveBadge, timing } from '#src/app/pages/cards.ts'
import { layout } from '#src/app/pages/layout.ts'
import { field, hidden, postForm } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Talk } from '#src/domain/talk.ts'
import type { ItemPageView, LotView, StandingView } from '#src/infra/http/lots.ts'
import type { LotEntry, LotParts } from './lot-page.ts'

/**
 * Price, time, how the reader stands, and the form. The element `live-lot` keeps them as they are on the server
 * while the page is open; its texts are here, so that it has none of its own.
 */
export function bidBox(viewer: Viewer, parts: LotParts, entry: LotEntry): Html {
  const { item, lot } = parts
  const { talk } = viewer
  const { t } = talk
  const standing = parts.standing === 'away' ? undefined : parts.standing
  const price = lot.finalAmount ?? lot.currentPrice ?? lot.startPrice
  const status = lot.phase === 'closed' ? outcomeStatus(lot, item) : lot.phase
  const money = (amount: string) => talk.money(amount, lot.currencyCode)
  return html`<live-lot class="panel" role="group" aria-label="${t.lot.priceAndTime}" ${liveData(viewer, lot, standing)}>
${standingLine(talk, lot, standing)}
${standing?.status === 'won' && html`<p><a class="button primary" href="${viewer.to('/my/orders')}">${t.buying.offers.toOrders}</a></p>`}
<p class="price"><strong data-part="price">${money(price)}</strong>
<span><a href="#history" data-part="count">${lot.bidCount === 0 ? t.lot.startingPrice : talk.count(lot.bidCount, t.lot.bids)}</a><span data-part="leader">${leaderText(talk, lot, standing)}</span></span></p>
${reserveBadge(talk, lot)}
${timing(talk, status, lot.startDate, lot.endDate, Date.parse(lot.serverTime))}
${COMES_OPEN.has(lot.phase) && html`<p data-part="started" hidden>${t.bid.started} <a href="">${t.bid.reload}</a></p>`}
${depositPart(viewer, parts, standing, entry)}
${bidForm(viewer, lot, standing, entry)}
${buying(viewer, lot, standing)}
${endRules(talk, item, lot)}
<p class="unseen" role="status" data-part="said"></p>
<p class="unseen" role="alert" data-part="alarm"></p>
<p class="wrong" data-part="offline" hidden>${t.bid.interrupted}</p>
</live-lot>`
}

function leaderText(talk: Talk, lot: LotView, standing: StandingView | undefined): string {
  const { t } = talk
  // Of a lot that is over, the line of its reader's standing says who won.
  if (lot.leaderAlias === undefined || lot.phase === 'closed') return ''
  const isOwn = lot.leaderAlias === standing?.alias
  return `, ${isOwn ? t.bid.youLead : t.lot.leads(aliasIn(talk, lot.leaderAlias))}`
}

/** Phases after which a lot may take bids, while the page has no form. */
const COMES_OPEN: ReadonlySet<string> = new Set(['pending', 'reserved', 'closing'])

const outcomeStatus = (lot: LotView, item: ItemPageView): string => {
  if (lot.outcome === 'sold' || lot.outcome === 'bought_now') return 'sold'
  return lot.outcome === 'no_bids' || lot.outcome === 'reserve_not_met' ? 'expired' : item.status
}

/** What a script cannot know otherwise. Texts have {0} where an amount or a number belongs. */
function liveData(
  { talk, isLoggedIn, userId = '' }: Viewer,
  lot: LotView,
  standing: StandingView | undefined,
): Html {
  const { t } = talk
  const mark = '{0}'
  const texts: Record<string, string> = {
    'new-price': t.bid.newPrice(mark),
    'new-end': t.bid.newEnd,
    enter: isLoggedIn ? t.bid.enter(mark) : t.lot.nextBid(mark),
    leading: t.bid.leading(mark),
    outbid: t.bid.outbid(mark),
    won: t.bid.won,
    lost: t.bid.lost,
    over: t.bid.over,
    ends: t.lot.ends(mark),
    ended: t.lot.ended(mark),
    sold: t.status.sold,
    unsold: t.status.expired,
    bids: t.lot.bids(mark).other,
    'one-bid': t.lot.bids('1').one ?? t.lot.bids('1').other,
    bidder: t.lot.bidderAlias(mark),
    you: t.bid.you,
    'you-lead': t.bid.youLead,
    leads: t.lot.leads(mark),
    automatic: t.lot.automatic,
    'reserve-met': t.lot.reserveMet,
    reserved: t.status.reserved,
  }
  return html`data-item-id="${lot.itemId}" data-sequence="${lot.sequence}" data-bids="${lot.bidCount}" data-currency="${lot.currencyCode}" data-phase="${lot.phase}" data-zone="${talk.zone}" data-viewer="${userId}"${
    standing?.myMaxAmount !== undefined &&
    html` data-max="${talk.money(standing.myMaxAmount, lot.currencyCode)}"`
  }${
    standing?.alias !== undefined && html` data-alias="${standing.alias}"`
  }${standing?.status !== undefined && html` data-standing="${standing.status}"`}${Object.entries(
    texts,
  ).map(([name, text]) => html` data-text-${name}="${text}"`)}`
}

function standingLine(talk: Talk, lot: LotView, standing: StandingView | undefined): Html {
  const { bid } = talk.t
  const text = standingText(talk, lot, standing)
  const kind = standing?.isBlocked === true ? 'blocked' : (standing?.status ?? '')
  return html`<p class="standing ${kind}" data-part="standing"${text === undefined && html` hidden`}>${
    standing?.isSeller === true ? bid.seller : text
  }</p>`
}

function standingText(
  { t, money }: Talk,
  lot: LotView,
  standing: StandingView | undefined,
): string | undefined {
  if (standing === undefined) return undefined
  if (standing.isSeller) return t.bid.seller
  const max = money(standing.myMaxAmount ?? '0', lot.currencyCode)
  if (standing.status === 'leading') return t.bid.leading(max)
  if (standing.status === 'outbid') return t.bid.outbid(max)
  if (standing.status === 'won') return t.bid.won
  if (standing.status === 'lost') return t.bid.lost
  return standing.isBlocked ? t.bid.blocked : undefined
}

/** What a bidder has held before the first bid: said in words to all, with a way to it for those who may bid. */
function depositPart(
  viewer: Viewer,
  { lot, deposits }: LotParts,
  standing: StandingView | undefined,
  { key }: LotEntry,
): Html | false {
  if (lot.deposit === undefined || (lot.phase !== 'open' && lot.phase !== 'pending')) return false
  const { talk } = viewer
  const { deposit } = talk.t
  const amount = talk.money(lot.deposit, lot.currencyCode)
  const asked = html`<p data-part="deposit">${deposit.asked(amount)}</p>`
  if (!viewer.isLoggedIn || standing?.isSeller === true || standing?.isBlocked === true)
    return asked
  if (deposits === 'away') return html`${asked}<p>${deposit.away}</p>`
  const live = deposits?.find(({ isEnding }) => !isEnding)
  if (live?.state === 'held') {
    const until = live.heldUntil === undefined ? '' : talk.instant(live.heldUntil)
    return html`${asked}<p><strong>${until === '' ? deposit.held : deposit.heldUntil(until)}</strong></p>`
  }
  if (live?.state === 'requested' && live.next.url !== undefined) {
    return html`${asked}<p><a class="button primary" href="${live.next.url}">${deposit.goOn(amount)}</a></p>`
  }
  return html`${asked}${postForm(
    viewer.to(`/lots/${lot.itemId}/deposit`),
    'deposit',
    deposit.hold(amount),
    hidden('key', key),
  )}`
}

/** The form is there from the phase of the server and from what its reader may do, from nothing else. */
function bidForm(
  viewer: Viewer,
  lot: LotView,
  standing: StandingView | undefined,
  { key, maxAmount, termsVersion = String(lot.termsVersion), problems = [] }: LotEntry,
): Html | false {
  const { talk } = viewer
  const { t } = talk
  const { bid } = t
  if (lot.phase !== 'open' || lot.minNextBid === undefined) return false
  if (standing?.isSeller === true || standing?.isBlocked === true) return false
  if (!viewer.isLoggedIn) {
    const path = encodeURIComponent(viewer.to(`/lots/${lot.itemId}`))
    const next = t.lot.nextBid(talk.money(lot.minNextBid, lot.currencyCode))
    return html`<div data-part="form"><p data-part="enter">${next}</p>
<p><a class="button primary" href="${viewer.to('/login')}?returnTo=${path}">${bid.logIn}</a></p></div>`
  }
  const enter = bid.enter(talk.money(lot.minNextBid, lot.currencyCode))
  return html`<div data-part="form">${postForm(
    viewer.to(`/lots/${lot.itemId}/bids`),
    'bid',
    standing?.status === 'leading' ? bid.raise : bid.place,
    html`${hidden('key', key)}${hidden('termsVersion', termsVersion)}${hidden('currency', lot.currencyCode)}${field(
      {
        name: 'maxAmount',
        label: bid.yourMax(lot.currencyCode),
        type: 'amount',
        hint: html`<b data-part="enter">${enter}</b> ${bid.proxy}`,
        lengthMax: 32,
        problems: problems.filter(({ field: about }) => about === 'maxAmount'),
        ...(maxAmount === undefined ? {} : { value: maxAmount }),
      },
    )}`,
  )}</div>`
}

function buying(viewer: Viewer, lot: LotView, standing: StandingView | undefined): Html | false {
  if (!lot.buyNowAvailable || lot.buyoutPrice === undefined || lot.phase !== 'open') return false
  if (standing?.isSeller === true || standing?.isBlocked === true) return false
  const price = viewer.talk.money(lot.buyoutPrice, lot.currencyCode)
  return html`<p data-part="buy"><a class="button" href="${viewer.to(`/lots/${lot.itemId}/buy-now`)}">${viewer.talk.t.bid.buyNow(price)}</a></p>`
}

function endRules(talk: Talk, item: ItemPageView, lot: LotView): Html | false {
  const { bid } = talk.t
  if (lot.phase !== 'open' && lot.phase !== 'pending') return false
  const [within, by] = [item.extensionThresholdMinutes, item.extensionDurationMinutes]
  if (within === 0 || by === 0) return false
  const rule = item.extensionMode === 'from_end' ? bid.extensionBy : bid.extension
  return html`<p data-part="rules"><small>${rule(talk.number(within), talk.number(by))}
${lot.hardEndDate !== lot.endDate && bid.latestEnd(talk.instant(lot.hardEndDate))}
${lot.extensionCount > 0 && talk.count(lot.extensionCount, bid.extended)}</small></p>`
}

/** A maximum far above the price may be a slip: it counts when it is said twice. */
export function confirmBidPage(
  viewer: Viewer,
  item: ItemPageView,
  bid: { amount: string; price: string; confirmation: string; termsVersion: string; key: string },
): string {
  const { talk } = viewer
  const { t } = talk
  const amount = talk.money(bid.amount, item.currencyCode)
  return layout({
    viewer,
    title: t.bid.confirmTitle,
    content: html`<h1>${t.bid.confirmTitle}</h1>
<p dir="auto"><strong>${item.name}</strong></p>
<p>${t.bid.confirmText(amount, talk.money(bid.price, item.currencyCode))}</p>
${postForm(
  viewer.to(`/lots/${item.id}/bids`),
  'confirm',
  t.bid.confirmYes(amount),
  html`${hidden('confirmedAmount', bid.amount)}${hidden('confirmation', bid.confirmation)}${hidden('termsVersion', bid.termsVersion)}${hidden('currency', item.currencyCode)}${hidden('key', bid.key)}`,
)}
<p><a class="button" href="${viewer.to(`/lots/${item.id}`)}">${t.bid.goBack}</a></p>`,
  })
}

/** Buying ends an auction, so it has a page of its own. */
export function buyNowPage(
  viewer: Viewer,
  { item, lot }: Pick<LotParts, 'item' | 'lot'>,
  { key, problems = [] }: LotEntry,
): string {
  const { talk } = viewer
  const { t } = talk
  const price = talk.money(lot.buyoutPrice ?? '0', lot.currencyCode)
  const minutes = talk.number(lot.buyoutReservationMinutes ?? 0)
  return layout({
    viewer,
    title: t.bid.buyTitle,
    problems,
    content: html`<h1>${t.bid.buyTitle}</h1>
<p dir="auto"><strong>${item.name}</strong></p>
<p>${lot.buyoutMode === 'reserved' ? t.bid.buyReserved(price, minutes) : t.bid.buyImmediate(price)}</p>
${postForm(
  viewer.to(`/lots/${item.id}/buy-now`),
  'buy',
  t.bid.buyYes(price),
  html`${hidden('price', lot.buyoutPrice ?? '')}${hidden('termsVersion', String(lot.termsVersion))}${hidden('currency', lot.currencyCode)}${hidden('key', key)}`,
)}
<p><a class="button" href="${viewer.to(`/lots/${item.id}`)}">${t.bid.goBack}</a></p>`,
  })
}
