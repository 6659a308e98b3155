import { html } from '@auction/common/html.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type {
  CategoryDetailView,
  CategoryView,
  SearchResultView,
} from '#src/infra/http/catalogue.ts'
import type { SellerView } from '#src/infra/http/lots.ts'
import { cards, clockNote } from './cards.ts'
import { categoryLinks } from './home-page.ts'
import { layout } from './layout.ts'

/** One category: where it is, what is below it, and its lots. */
export function categoryPage(
  viewer: Viewer,
  category: CategoryDetailView,
  categories: readonly CategoryView[] | 'away',
  result: SearchResultView,
): string {
  const { talk } = viewer
  const { t } = talk
  const parents = category.path.filter(({ id }) => id !== category.id)
  return layout({
    viewer,
    title: category.name,
    description: category.description || t.category.lotsIn(category.name),
    serverTime: result.serverTime,
    scripts: ['cards'],
    content: html`<nav class="path" aria-label="${t.category.path}"><a class="crumb" href="${viewer.to('/')}">${t.home.categories}</a>${parents.map(
      ({ id, name }) =>
        html`<a class="crumb" href="${viewer.to(`/categories/${id}`)}"><bdi>${name}</bdi></a>`,
    )}</nav>
<h1 dir="auto">${category.name}</h1>
${category.description !== '' && html`<p dir="auto">${category.description}</p>`}
${categories !== 'away' && categoryLinks(viewer, categories, category.id)}
<p><a href="${viewer.to(`/search?category=${category.id}`)}">${t.search.filters}: ${t.category.lotsIn(category.name)}</a></p>
${result.items.length === 0 ? html`<p class="empty">${t.list.empty}</p>` : cards(viewer, result.items, result.serverTime)}
${result.nextCursor !== undefined && html`<p><a class="button" rel="next" href="${viewer.to(`/categories/${category.id}?cursor=${encodeURIComponent(result.nextCursor)}`)}">${t.search.more}</a></p>`}
${clockNote(talk, result.serverTime)}`,
  })
}

/** A seller, as all see them, and what they sell now. */
export function sellerPage(
  viewer: Viewer,
  sellerId: string,
  seller: SellerView,
  result: SearchResultView,
): string {
  const { talk } = viewer
  const { t } = talk
  const place = [seller.city, seller.country].filter((part) => part !== null && part !== '')
  return layout({
    viewer,
    title: seller.name,
    description: `${seller.name}: ${t.seller.open}`,
    serverTime: result.serverTime,
    scripts: ['cards'],
    content: html`<h1 dir="auto">${seller.name}</h1>
<p>${seller.isBusiness ? t.seller.business : t.seller.private} · ${place.length > 0 && html`<bdi>${place.join(', ')}</bdi> · `}${t.bid.sellerSince(talk.day(seller.createdAt))}</p>
${seller.description !== null && html`<p class="words" dir="auto">${seller.description}</p>`}
<h2>${t.seller.open}</h2>
${result.items.length === 0 ? html`<p class="empty">${t.seller.none}</p>` : cards(viewer, result.items, result.serverTime)}
${result.nextCursor !== undefined && html`<p><a class="button" rel="next" href="${viewer.to(`/search?seller=${sellerId}`)}">${t.search.more}</a></p>`}
${clockNote(talk, result.serverTime)}`,
  })
}
