import { type Html, html } from '@auction/common/html.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { CategoryView, OwnBidsView, SearchResultView } from '#src/infra/http/catalogue.ts'
import type { ListedItemView } from '#src/infra/http/shapes.ts'
import { cards, clockNote } from './cards.ts'
import { layout } from './layout.ts'
import { sectionAway } from './parts.ts'

/** What all readers see. */
export interface HomeLists {
  ending: SearchResultView | 'away'
  newest: SearchResultView | 'away'
  categories: readonly CategoryView[] | 'away'
  serverTime: string
}

export interface HomeParts {
  lists: HomeLists
  /** Of users only. */
  bids: OwnBidsView | 'away' | undefined
  watched: readonly ListedItemView[] | 'away' | undefined
}

/** The first page: what ends soon, what is new, and, for users, how their bids stand. */
export function homePage(viewer: Viewer, parts: HomeParts): string {
  const { talk } = viewer
  const { home } = talk.t
  const { ending, newest, categories, serverTime } = parts.lists
  return layout({
    viewer,
    title: home.title,
    description: home.intro,
    scripts: ['cards'],
    serverTime,
    content: html`<h1>${home.title}</h1>
${!viewer.isLoggedIn && html`<p>${home.intro}</p>`}
${ownBids(viewer, parts.bids)}
${categories === 'away' ? sectionAway(talk) : categoryLinks(viewer, categories)}
<section aria-labelledby="ending"><h2 id="ending">${home.endingSoon}</h2>
${ending === 'away' ? sectionAway(talk) : endingCards(viewer, ending)}
<p><a href="${viewer.to('/search?status=active&sort=ending')}">${home.allEnding}</a></p></section>
${
  Array.isArray(parts.watched) &&
  parts.watched.length > 0 &&
  html`<section aria-labelledby="watched"><h2 id="watched">${home.watched}</h2>
${cards(viewer, parts.watched, serverTime)}</section>`
}
<section aria-labelledby="newest"><h2 id="newest">${home.newest}</h2>
${newest === 'away' ? sectionAway(talk) : cards(viewer, newest.items, newest.serverTime)}
<p><a href="${viewer.to('/search?sort=newest')}">${home.allNewest}</a></p></section>
${clockNote(talk, serverTime)}`,
  })
}

const endingCards = (viewer: Viewer, { items, serverTime }: SearchResultView): Html =>
  items.length === 0
    ? html`<p class="empty">${viewer.talk.t.list.empty}</p>`
    : cards(viewer, items, serverTime)

function ownBids(viewer: Viewer, bids: HomeParts['bids']): Html | false {
  const { talk } = viewer
  const { home } = talk.t
  if (bids === undefined) return false
  if (bids === 'away') return sectionAway(talk)
  const { counts, isCountExact = true } = bids
  // Where not all lots are counted there may be more, and even where none was.
  const line = (status: 'outbid' | 'leading') => {
    if (isCountExact && counts[status] === 0) return false
    const text = isCountExact ? talk.count(counts[status], home[status]) : talk.t.my.states[status]
    return html`<p class="standing ${status}"><a href="${viewer.to(`/my/bids?status=${status}`)}">${text}</a></p>`
  }
  if (isCountExact && counts.leading + counts.outbid === 0) return false
  return html`<section class="yours" aria-label="${home.yours}">
${line('outbid')}
${line('leading')}</section>`
}

/** The categories without a parent, those with lots first by name. */
export function categoryLinks(
  viewer: Viewer,
  categories: readonly CategoryView[],
  parentId: string | null = null,
): Html | false {
  const shown = categories.filter(({ parent_id }) => parent_id === parentId)
  if (shown.length === 0) return false
  const { talk } = viewer
  const label = parentId === null ? talk.t.home.categories : talk.t.category.below
  return html`<nav class="categories" aria-label="${label}">${shown.map(
    ({ id, name, item_count }) =>
      html`<a class="chip" href="${viewer.to(`/categories/${id}`)}"><bdi>${name}</bdi> <small>${talk.number(item_count)}</small></a>`,
  )}</nav>`
}
