import { type Html, html } from '@auction/common/html.ts'
import { excerptOf } from '@auction/common/text-excerpt.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Problem } from '#src/domain/problem-text.ts'
import {
  ENDING_MINUTES,
  SEARCH_SORTS,
  SEARCH_STATUSES,
  type SearchQuery,
  searchPath,
} from '#src/domain/search-query.ts'
import type { Talk } from '#src/domain/talk.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import type { CategoryView, SearchResultView } from '#src/infra/http/catalogue.ts'
import { cards, clockNote, statusName } from './cards.ts'
import { layout } from './layout.ts'
import { field, hidden, type Notes, postForm, sectionAway } from './parts.ts'

/** Of the words that a saved search is named by. */
export const SEARCH_NAME_CHARACTERS_MAX = 60

export interface SearchParts extends Notes {
  query: SearchQuery
  /** Absent when the search could not be made. */
  result: SearchResultView | undefined
  categories: readonly CategoryView[] | 'away'
}

export const CURRENCIES = ['EUR', 'USD', 'GBP', 'CHF', 'TRY', 'JPY']

/** Lots by words and filters. The filters are the address, so that back, bookmarks and links keep them. */
export function searchPage(viewer: Viewer, parts: SearchParts): string {
  const { query, result, problems = [] } = parts
  const { talk } = viewer
  const { search } = talk.t
  const title = query.q === '' ? search.title : search.titleFor(query.q)
  return layout({
    viewer,
    title,
    problems,
    scripts: ['cards'],
    query: query.q,
    ...(parts.flash === undefined ? {} : { flash: parts.flash }),
    ...(result === undefined ? {} : { serverTime: result.serverTime }),
    content: html`<h1 dir="auto">${title}</h1>
<div class="search-page">
${filterForm(viewer, parts)}
<div class="results">
${chips(viewer, parts)}
${result !== undefined && results(viewer, query, result)}
${result !== undefined && saving(viewer, query)}
${result !== undefined && clockNote(talk, result.serverTime)}
</div></div>`,
  })
}

function results(viewer: Viewer, query: SearchQuery, result: SearchResultView): Html {
  const { talk } = viewer
  const { search } = talk.t
  const { facets, items, nextCursor } = result
  const next = nextCursor === undefined ? undefined : searchPath(query, { cursor: nextCursor })
  return html`${facets !== undefined && html`<p class="count">${facets.isTotalExact ? talk.count(facets.total, search.found) : search.atLeast(talk.number(facets.total))}</p>`}
${result.spelling === 'similar' && items.length > 0 && html`<p>${search.similar}</p>`}
${items.length === 0 ? html`<p class="empty">${search.none}</p>` : cards(viewer, items, result.serverTime)}
${next !== undefined && html`<p><a class="button" rel="next" href="${viewer.to(next)}">${search.more}</a></p>`}`
}

const option = (value: string, name: string, chosen: string): Html =>
  html`<option value="${value}"${value === chosen && html` selected`}>${name}</option>`

const select = (name: string, label: string, options: Html): Html =>
  html`<div class="field"><label for="field-${name}">${label}</label><select id="field-${name}" name="${name}">${options}</select></div>
`

function filterForm(
  viewer: Viewer,
  { query, result, categories, problems = [] }: SearchParts,
): Html {
  const { talk } = viewer
  const { search } = talk.t
  const counts = result?.facets
  const withCount = (name: string, count: number | undefined) =>
    count === undefined ? name : `${name} (${talk.number(count)})`
  const price = (name: 'minPrice' | 'maxPrice', label: string) =>
    field({
      name,
      label,
      type: 'amount',
      value: query[name],
      isOptional: true,
      lengthMax: 32,
      problems,
    })
  return html`<details class="filters"${problems.length > 0 && html` open`}><summary>${search.filters}</summary>
<form action="${viewer.to('/search')}">
${field({ name: 'q', label: search.words, value: query.q, isOptional: true, lengthMax: TEXT_LENGTHS_MAX['search.text'], problems })}
${
  categories === 'away'
    ? sectionAway(talk)
    : select(
        'category',
        search.category,
        html`${option('', search.anyCategory, query.category)}${inTree(categories).map(
          ({ category, depth }) =>
            option(
              category.id,
              withCount(`${'– '.repeat(depth)}${category.name}`, counts?.categories[category.id]),
              query.category,
            ),
        )}`,
      )
}
${select(
  'status',
  search.status,
  html`${option('', search.anyStatus, query.status)}${SEARCH_STATUSES.map((status) =>
    option(status, withCount(statusName(talk, status), counts?.status[status]), query.status),
  )}`,
)}
<p><input id="field-buyNow" name="buyNow" type="checkbox" value="yes"${query.buyNow === 'yes' && html` checked`}>
<label for="field-buyNow">${withCount(search.buyNow, counts?.buyNow)}</label></p>
${select(
  'currencyCode',
  search.currency,
  html`${option('', search.anyCurrency, query.currencyCode)}${CURRENCIES.map((code) =>
    option(code, code, query.currencyCode),
  )}`,
)}
${price('minPrice', search.minPrice)}
${price('maxPrice', search.maxPrice)}
${select(
  'ending',
  search.ending,
  html`${option('', search.anyTime, query.ending)}${Object.keys(ENDING_MINUTES).map((name) =>
    option(name, search[name as keyof typeof ENDING_MINUTES], query.ending),
  )}`,
)}
${select(
  'sort',
  search.sort,
  html`${SEARCH_SORTS.filter((sort) => sort !== 'relevance' || query.q !== '').map((sort) =>
    option(sort, search.sorts[sort], query.sort),
  )}`,
)}
${query.seller !== '' && hidden('seller', query.seller)}
<p><button class="primary">${search.apply}</button></p>
</form></details>`
}

interface Placed {
  category: CategoryView
  depth: number
}

/** Parents before their children, each as deep as it is. */
export function inTree(
  categories: readonly CategoryView[],
  parentId: string | null = null,
  depth = 0,
): Placed[] {
  return categories
    .filter(({ parent_id }) => parent_id === parentId)
    .flatMap((category) => [{ category, depth }, ...inTree(categories, category.id, depth + 1)])
}

/** Each filter in use, as a link that removes it. */
function chips(viewer: Viewer, { query, categories }: SearchParts): Html | false {
  const { talk } = viewer
  const { search } = talk.t
  const named: [keyof SearchQuery, string][] = [
    ['q', query.q],
    ['category', categoryName(categories, query.category)],
    ['status', query.status === '' ? '' : statusName(talk, query.status)],
    ['buyNow', query.buyNow === '' ? '' : search.buyNow],
    ['currencyCode', query.currencyCode],
    ['minPrice', query.minPrice === '' ? '' : `${search.minPrice} ${query.minPrice}`],
    ['maxPrice', query.maxPrice === '' ? '' : `${search.maxPrice} ${query.maxPrice}`],
    ['ending', query.ending === '' ? '' : endingName(talk, query.ending)],
  ]
  const used = named.filter(([name]) => query[name] !== '')
  if (used.length === 0) return false
  return html`<ul class="chips" aria-label="${search.active}">${used.map(
    ([name, text]) =>
      html`<li><a class="chip" href="${viewer.to(searchPath(query, { [name]: '' }))}" aria-label="${search.removeFilter(text)}"><bdi>${text}</bdi> <span aria-hidden="true">×</span></a></li>`,
  )}
<li><a class="chip" href="${viewer.to('/search')}">${search.clear}</a></li></ul>`
}

const endingName = ({ t }: Talk, ending: string) =>
  `${t.search.ending} ${t.search[ending as keyof typeof ENDING_MINUTES]}`

const categoryName = (categories: SearchParts['categories'], id: string): string => {
  const known = categories === 'away' ? undefined : categories.find((each) => each.id === id)
  return known?.name ?? id
}

/** Saved is what was looked for, not how it was ordered; the name is what its owner calls it. */
function saving(viewer: Viewer, query: SearchQuery): Html | false {
  const { search } = viewer.talk.t
  if (!viewer.isLoggedIn) return false
  return html`<details class="save"><summary>${search.save}</summary>
${postForm(
  viewer.to('/search/save'),
  'save',
  search.save,
  html`${Object.entries(query)
    .filter(([name, value]) => value !== '' && name !== 'cursor')
    .map(([name, value]) => hidden(name, value))}${field({
    name: 'name',
    label: search.saveName,
    hint: search.saveHint,
    value: excerptOf(query.q, SEARCH_NAME_CHARACTERS_MAX),
    lengthMax: TEXT_LENGTHS_MAX['saved_search.name'],
  })}`,
)}</details>`
}

/** What is wrong with filters, in words. */
export function searchProblems(
  { t }: Talk,
  problems: readonly { field: string; reason: string }[],
): Problem[] {
  const texts: Record<string, string> = {
    not_an_amount: t.amount.notAnAmount,
    ambiguous: t.amount.ambiguous,
    needs_currency: t.search.needsCurrency,
    too_long: t.selling.reasons.too_long,
  }
  return problems.map(({ field: name, reason }) => ({
    field: name,
    text: texts[reason] ?? t.search.invalid,
  }))
}
