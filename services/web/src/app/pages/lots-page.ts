import { type Html, html } from '@auction/common/html.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { ItemListView } from '#src/infra/http/catalogue.ts'
import { cards, clockNote, statusName } from './cards.ts'
import { layout } from './layout.ts'

/** Statuses that the list can show, in the order of the tabs. */
export const PAGE_SIZE = 24
// Numbered pages of auction's lists end there.
const LISTED_MAX = 10_000
export const PAGE_MAX = Math.ceil(LISTED_MAX / PAGE_SIZE)
export const LISTED: readonly string[] = ['active', 'scheduled', 'sold', 'expired']

/** Lots of one status, one page of them. */
export function lotsPage(viewer: Viewer, status: string, list: ItemListView): string {
  const { talk } = viewer
  const { t } = talk
  return layout({
    viewer,
    title: `${t.list.title}: ${statusName(talk, status)}`,
    description: t.home.intro,
    serverTime: list.serverTime,
    scripts: ['cards'],
    content: html`<h1>${t.list.title}</h1>
<nav class="tabs" aria-label="${t.list.tabs}">${LISTED.map(
      (value) =>
        html`<a href="${viewer.to('/lots')}?status=${value}"${value === status && html` aria-current="page"`}>${statusName(talk, value)}</a>`,
    )}</nav>
<p class="count">${list.isTotalExact === false ? t.list.moreThan(talk.number(list.totalItems)) : talk.count(list.totalItems, t.list.lots)}</p>
${
  list.items.length === 0
    ? html`<p class="empty">${t.list.empty}</p>`
    : cards(viewer, list.items, list.serverTime)
}
${pages(viewer, status, list)}
${clockNote(talk, list.serverTime)}`,
  })
}

function pages(viewer: Viewer, status: string, { page, totalPages: all }: ItemListView): Html {
  // An auction of the version before counts more pages than there are.
  const totalPages = Math.min(all, PAGE_MAX)
  if (totalPages <= 1) return html``
  const { t, number } = viewer.talk
  const link = (to: number, name: string) =>
    html`<a href="${viewer.to('/lots')}?status=${status}&amp;page=${to}">${name}</a>`
  return html`<nav class="pages" aria-label="${t.list.pages}">
${page > 1 && link(page - 1, t.list.previous)}
<span>${t.list.page(number(page), number(totalPages))}</span>
${page < totalPages && link(page + 1, t.list.next)}
</nav>`
}
