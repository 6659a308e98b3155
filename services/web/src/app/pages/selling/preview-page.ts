import { createHash } from 'node:crypto'
import { type Html, html } from '@auction/common/html.ts'
import { type LotParts, lotFace } from '#src/app/pages/lot/lot-page.ts'
import { hidden, postForm, sectionAway } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { SellerView } from '#src/infra/http/lots.ts'
import type { OwnAttributesView, OwnItemView, QuoteView } from '#src/infra/http/selling.ts'
import { inBothZones, sellingPage } from './frame.ts'
import { type StepEntry, stepPage, stepPath } from './sell-pages.ts'

interface PreviewParts {
  item: OwnItemView
  attributes: OwnAttributesView | 'away'
  seller: SellerView | 'away' | undefined
  quotes: readonly { amount: string; quote: QuoteView }[] | 'away'
}

/** What buyers will see, what the seller agrees to, and the button that makes it public. */
export function previewPage(viewer: Viewer, parts: PreviewParts, entry: StepEntry): string {
  const { item } = parts
  const { talk } = viewer
  const { selling } = talk.t
  const t = selling.preview
  const price = talk.money(item.startPrice, item.currencyCode)
  const isDraft = item.status === 'draft'
  const content = html`<section class="panel" aria-labelledby="facts"><h3 id="facts">${t.facts}</h3>
${facts(viewer, item)}
<h3>${t.fees}</h3>
<p>${t.free}</p>
${fees(viewer, parts.quotes)}
<p>${t.binding}</p>
${
  isDraft
    ? postForm(
        viewer.to(`/sell/${item.id}/publish`),
        'publish',
        t.publish(price),
        hidden('shown', shownDigest(item, parts.attributes)),
      )
    : html`<p>${t.isPublic} <a href="${viewer.to(`/lots/${item.id}`)}">${t.view}</a></p>`
}
<p><a href="${viewer.to(stepPath(item.id, 'delivery'))}">← ${selling.steps.delivery}</a></p></section>
<h2>${t.how}</h2>
<div class="lot-page preview">
${lotFace(viewer, lotParts(viewer, parts), { key: '' })}
</div>`
  return stepPage(viewer, item, 'preview', content, entry, { serverTime: item.serverTime })
}

/** Of all that the preview shows of an item: what is published is what its seller looked at. */
export function shownDigest(item: OwnItemView, attributes: OwnAttributesView | 'away'): string {
  const shown = [
    item.name,
    item.description,
    item.type,
    item.categories,
    item.currencyCode,
    item.startPrice,
    item.bidIncrement,
    item.reservePrice,
    item.buyoutPrice,
    item.buyoutReservationMinutes,
    isStarted(item) ? 'now' : item.startDate,
    item.originalEndDate,
    item.extensionThresholdMinutes,
    item.extensionDurationMinutes,
    item.extensionMode,
    item.images.map((image) => [image.id, image.alt_text]),
    attributes === 'away' ? attributes : attributes.map(({ key, value }) => [key, value]),
  ]
  return createHash('sha256').update(JSON.stringify(shown)).digest('base64url')
}

/** A draft with a start that is over begins when it is published. */
const isStarted = ({ startDate, serverTime }: OwnItemView): boolean =>
  Date.parse(startDate) <= Date.parse(serverTime)

function facts(viewer: Viewer, item: OwnItemView): Html {
  const { talk } = viewer
  const { selling } = talk.t
  const t = selling.preview
  const money = (amount: string | undefined) =>
    amount === undefined ? t.none : talk.money(amount, item.currencyCode)
  const isNow = item.status === 'draft' && isStarted(item)
  const minutes = item.buyoutReservationMinutes
  const mode = minutes === undefined ? '' : String(minutes)
  const modes: Readonly<Record<string, string>> = selling.buyModes
  const rows: [string, string | false][] = [
    [selling.startPrice, money(item.startPrice)],
    [selling.reservePrice, money(item.reservePrice)],
    [selling.buyoutPrice, money(item.buyoutPrice)],
    [
      selling.buyMode,
      item.buyoutPrice !== undefined && (modes[mode] ?? selling.buyModeMinutes(mode)),
    ],
    [selling.start, isNow ? t.startsNow : inBothZones(viewer, item.startDate)],
    [selling.endTime, inBothZones(viewer, item.originalEndDate)],
  ]
  return html`<dl class="details">${rows.map(
    ([name, value]) =>
      html`${value !== false && html`<div><dt>${name}</dt><dd>${value}</dd></div>`}`,
  )}</dl>`
}

function fees({ talk }: Viewer, quotes: PreviewParts['quotes']): Html {
  const { preview: t } = talk.t.selling
  if (quotes === 'away') return sectionAway(talk)
  const percent = new Intl.NumberFormat(talk.language, {
    style: 'percent',
    maximumFractionDigits: 2,
  })
  return html`<ul>${quotes.map(({ amount, quote }) => {
    const money = (text: string) => talk.money(text, quote.currencyCode)
    const share = percent.format(quote.basisPoints / 10_000)
    const isTaxed = /[1-9]/.test(quote.tax)
    if (!isTaxed && !/[1-9]/.test(quote.commission)) {
      return html`<li>${t.feeNone(money(amount))}</li>
`
    }
    return html`<li>${
      isTaxed
        ? t.feeTax(
            money(amount),
            money(quote.commission),
            share,
            money(quote.tax),
            money(quote.net),
          )
        : t.fee(money(amount), money(quote.commission), share, money(quote.net))
    }</li>
`
  })}</ul>`
}

/** The lot that there will be. */
function lotParts(viewer: Viewer, { item, attributes, seller }: PreviewParts): LotParts {
  const { buyoutPrice } = item
  return {
    item: { ...item, termsVersion: 1, watchCount: 0 },
    lot: {
      itemId: item.id,
      phase: isStarted(item) ? 'open' : 'pending',
      currencyCode: item.currencyCode,
      startPrice: item.startPrice,
      bidCount: 0,
      hasReserve: item.hasReserve,
      reserveMet: false,
      buyNowAvailable: buyoutPrice !== undefined,
      ...(buyoutPrice === undefined ? {} : { buyoutPrice }),
      startDate: item.startDate,
      endDate: item.endDate,
      hardEndDate: item.hardEndDate,
      extensionCount: 0,
      termsVersion: 1,
      sequence: 0,
      serverTime: item.serverTime,
    },
    history: { bids: [] },
    standing: { isSeller: viewer.isLoggedIn, isBlocked: false },
    comments: { items: [] },
    attributes: attributes === 'away' ? 'away' : { items: attributes },
    seller,
    deposits: undefined,
  }
}

/** Why one cannot publish yet, and the way to it. */
export function termsPage(
  viewer: Viewer,
  { itemId, version }: { itemId: string; version: string },
  { problems = [] }: StepEntry,
): string {
  const { terms: t, cancel } = viewer.talk.t.selling
  return sellingPage({
    viewer,
    part: 'sell',
    title: t.title,
    problems,
    content: html`<p>${t.why}</p>
<ul>${t.points.map((point) => html`<li>${point}</li>`)}</ul>
<p><small>${t.version(version)} · <a href="${viewer.to('/terms')}">${viewer.talk.t.frame.terms}</a> · <a href="${viewer.to('/fees')}">${viewer.talk.t.frame.fees}</a></small></p>
${postForm(viewer.to(`/sell/${itemId}/terms`), 'terms', t.accept, hidden('version', version))}
<p><a class="button" href="${viewer.to(stepPath(itemId, 'preview'))}">${cancel}</a></p>`,
  })
}
