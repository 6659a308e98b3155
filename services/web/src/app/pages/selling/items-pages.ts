import { type Html, html } from '@auction/common/html.ts'
import { field, hidden, type Notes, postForm, select } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { amountIn, type Typed } from '#src/domain/selling-form.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import type { OwnItemsView, OwnItemView } from '#src/infra/http/selling.ts'
import { inBothZones, sellingPage } from './frame.ts'

export const ITEM_STATES = [
  'draft',
  'scheduled',
  'active',
  'reserved',
  'ended',
  'sold',
  'expired',
  'cancelled',
  'removed',
] as const
export type ItemState = (typeof ITEM_STATES)[number]

export interface ItemEntry extends Notes {
  typed?: Typed
}

const stateName = (viewer: Viewer, state: string): string => {
  const { states } = viewer.talk.t.selling.items
  return Object.hasOwn(states, state) ? states[state as ItemState] : state
}

/** The items of a seller by state, with a way to each. */
export function myItemsPage(
  viewer: Viewer,
  { state, q }: { state: ItemState | undefined; q: string },
  { items, counts, nextCursor }: OwnItemsView,
  entry: ItemEntry,
): string {
  const { talk } = viewer
  const t = talk.t.selling.items
  const path = (changes: Record<string, string>) => {
    const query = new URLSearchParams(
      Object.entries({ state: state ?? '', q, ...changes }).filter(([, value]) => value !== ''),
    )
    return viewer.to(query.size === 0 ? '/my/items' : `/my/items?${query}`)
  }
  const tab = (each: ItemState) =>
    html`<a href="${path({ state: each })}"${each === state && html` aria-current="page"`}>${t.states[each]} (${talk.number(counts[each] ?? 0)})</a>`
  return sellingPage({
    viewer,
    part: 'items',
    title: t.title,
    ...entry,
    content: html`<nav class="tabs" aria-label="${t.tabs}"><a href="${path({ state: '' })}"${state === undefined && html` aria-current="page"`}>${t.all}</a>
${ITEM_STATES.map(tab)}</nav>
<form class="find" action="${viewer.to('/my/items')}">${state !== undefined && hidden('state', state)}
<input type="search" name="q" value="${q}" maxlength="${TEXT_LENGTHS_MAX['search.text']}" aria-label="${t.search}" placeholder="${t.search}"><button>${t.find}</button></form>
${
  items.length === 0
    ? html`<p class="empty">${t.empty}</p>`
    : html`<section class="scroll" aria-label="${t.title}" tabindex="0"><table class="stack">
<thead><tr><th scope="col">${t.item}</th><th scope="col">${t.state}</th><th scope="col">${t.price}</th><th scope="col">${t.bids}</th><th scope="col">${t.end}</th></tr></thead>
<tbody>${items.map(
        (
          item,
        ) => html`<tr><th scope="row"><a href="${viewer.to(`/my/items/${item.id}`)}" dir="auto">${item.name}</a></th>
<td data-label="${t.state}">${stateName(viewer, item.status)}</td>
<td data-label="${t.price}">${talk.money(item.currentPrice ?? item.startPrice, item.currencyCode)}</td>
<td data-label="${t.bids}">${talk.number(item.bidCount)}</td>
<td data-label="${t.end}">${talk.instant(item.endDate)}</td></tr>
`,
      )}</tbody></table></section>`
}
${nextCursor !== undefined && html`<p><a class="button" rel="next" href="${path({ cursor: nextCursor })}">${t.more}</a></p>`}
<p class="buttons"><a class="button primary" href="${viewer.to('/sell')}">${talk.t.selling.new}</a>
<a class="button" href="${viewer.to('/my/items/import')}">${t.import}</a>
<a class="button" href="${viewer.to('/my/items.csv')}">${t.export}</a></p>`,
  })
}

const EDITABLE: ReadonlySet<string> = new Set(['draft', 'scheduled', 'active'])
const PUBLIC: ReadonlySet<string> = new Set([
  'scheduled',
  'active',
  'reserved',
  'ended',
  'sold',
  'expired',
])
const WITHDRAWABLE: ReadonlySet<string> = new Set(['scheduled', 'active'])
/** Whether an item of these may be put up again is decided by bid. */
const OVER: ReadonlySet<string> = new Set(['ended', 'sold', 'expired', 'cancelled'])
const PLANNABLE: ReadonlySet<string> = new Set([
  'draft',
  'scheduled',
  'active',
  'reserved',
  'ended',
  'expired',
])

/** One item of a seller, and what can be done with it. */
export function ownItemPage(
  viewer: Viewer,
  item: OwnItemView,
  key: string,
  entry: ItemEntry,
): string {
  const { talk } = viewer
  const t = talk.t.selling.items
  const { id, status } = item
  const own = (name: string) => viewer.to(`/my/items/${id}/${name}`)
  const link = (isShown: boolean, path: string, text: string) =>
    isShown && html`<li><a href="${path}">${text}</a></li>`
  const isNew = item.relistedAs === undefined
  return sellingPage({
    viewer,
    part: 'items',
    title: item.name,
    heading: html`<bdi>${item.name}</bdi>`,
    ...entry,
    content: html`<dl class="details"><div><dt>${t.state}</dt><dd>${stateName(viewer, status)}</dd></div>
<div><dt>${t.price}</dt><dd>${talk.money(item.currentPrice ?? item.startPrice, item.currencyCode)}</dd></div>
<div><dt>${t.bids}</dt><dd>${talk.number(item.bidCount)}</dd></div>
<div><dt>${t.end}</dt><dd>${inBothZones(viewer, item.endDate)}</dd></div></dl>
${item.watchCount > 0 && html`<p>${talk.count(item.watchCount, t.watchers)}</p>`}
${item.removal !== undefined && html`<p class="wrong">${t.removedBecause(item.removal.reason)}</p>`}
${item.withdrawal !== undefined && html`<p dir="auto">${t.withdrawnBecause(item.withdrawal.reason)}</p>`}
${item.relistedAs !== undefined && html`<p>${t.relistedAs} <a href="${viewer.to(`/my/items/${item.relistedAs}`)}">${t.newLot}</a></p>`}
<h2>${t.manage}</h2>
<ul class="links">
${link(status === 'draft', viewer.to(`/sell/${id}/preview`), t.publish)}
${link(PUBLIC.has(status), viewer.to(`/lots/${id}`), t.view)}
${link(EDITABLE.has(status), viewer.to(`/sell/${id}`), t.editItem)}
${link(status === 'sold', viewer.to('/my/sales'), t.orders)}
${link(OVER.has(status) && isNew, own('relist'), t.relist)}
${link(OVER.has(status), own('offers'), talk.t.sales.offer)}
${link(WITHDRAWABLE.has(status), own('withdraw'), t.withdraw)}
${link(status === 'draft', own('delete'), t.delete)}
</ul>
<form method="post" action="${own('copy')}" data-form="copy">${hidden('key', key)}<p><button>${t.copy}</button></p></form>
${PLANNABLE.has(status) && isNew && planForm(viewer, item, entry)}`,
  })
}

function planForm(viewer: Viewer, item: OwnItemView, { typed, problems = [] }: ItemEntry): Html {
  const { items: t, save } = viewer.talk.t.selling
  return html`<section aria-labelledby="plan"><h2 id="plan">${t.plan}</h2>
<p>${t.planText}</p>
${postForm(
  viewer.to(`/my/items/${item.id}/plan`),
  'plan',
  save,
  html`${select({
    name: 'times',
    label: t.planTimes,
    options: Object.entries(t.planTimesOf),
    value: typed?.times ?? String(item.autoRelists ?? 0),
    problems,
  })}
${field({ name: 'priceDropPercent', label: t.planDrop, type: 'amount', value: typed?.priceDropPercent ?? String(item.relistPriceDropPercent ?? 0), lengthMax: 2, problems })}`,
)}</section>`
}

/** What cannot be taken back has a page of its own. */
function confirmPage(
  viewer: Viewer,
  item: OwnItemView,
  {
    name,
    title,
    text,
    button,
    fields = html``,
    entry,
  }: {
    name: string
    title: string
    text: string
    button: string
    fields?: Html
    entry: ItemEntry
  },
): string {
  return sellingPage({
    viewer,
    part: 'items',
    title,
    ...entry,
    content: html`<p dir="auto"><strong>${item.name}</strong></p>
<p>${text}</p>
${postForm(viewer.to(`/my/items/${item.id}/${name}`), name, button, fields)}
<p><a class="button" href="${viewer.to(`/my/items/${item.id}`)}">${viewer.talk.t.selling.cancel}</a></p>`,
  })
}

export function withdrawPage(viewer: Viewer, item: OwnItemView, entry: ItemEntry): string {
  const { items: t } = viewer.talk.t.selling
  const { problems = [], typed } = entry
  return confirmPage(viewer, item, {
    name: 'withdraw',
    title: t.withdrawTitle,
    text: t.withdrawText,
    button: t.withdrawYes,
    fields: field({
      name: 'reason',
      label: t.withdrawReason,
      type: 'long',
      hint: t.withdrawHint,
      value: typed?.reason ?? '',
      lengthMax: TEXT_LENGTHS_MAX['moderation.reason'],
      problems,
    }),
    entry,
  })
}

export function deletePage(viewer: Viewer, item: OwnItemView, entry: ItemEntry): string {
  const { items: t } = viewer.talk.t.selling
  const { deleteTitle: title, deleteText: text, deleteYes: button } = t
  return confirmPage(viewer, item, { name: 'delete', title, text, button, entry })
}

const RELIST_FIELDS = ['startPrice', 'reservePrice', 'buyoutPrice'] as const

/** A new round, with other prices if the seller wants. */
export function relistPage(
  viewer: Viewer,
  item: OwnItemView,
  key: string,
  entry: ItemEntry,
): string {
  const { talk } = viewer
  const { selling } = talk.t
  const { items: t } = selling
  const { problems = [], typed } = entry
  return confirmPage(viewer, item, {
    name: 'relist',
    title: t.relistTitle,
    text: t.relistText,
    button: t.relistYes,
    fields: html`${hidden('key', key)}${RELIST_FIELDS.map((name) =>
      field({
        name,
        label: `${selling[name]} (${item.currencyCode})`,
        type: 'amount',
        hint: selling[`${name}Hint`],
        value: typed?.[name] ?? amountIn(talk, item[name]),
        lengthMax: 32,
        isOptional: name !== 'startPrice',
        problems,
      }),
    )}`,
    entry,
  })
}
