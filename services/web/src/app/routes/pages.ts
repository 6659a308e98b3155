import { UUID } from '@auction/common/ids.ts'
import { createShared } from '@auction/common/shared.ts'
import { excerptOf } from '@auction/common/text-excerpt.ts'
import { fieldOf, trimmedOf } from '#src/app/forms.ts'
import { loginFor, notFound, type PageAnswer, type PageRoutes } from '#src/app/page-routes.ts'
import { categoryPage, sellerPage } from '#src/app/pages/category-page.ts'
import { type HomeLists, homePage } from '#src/app/pages/home-page.ts'
import { LISTED, lotsPage, PAGE_MAX, PAGE_SIZE } from '#src/app/pages/lots-page.ts'
import { BID_STATES, myBidsPage } from '#src/app/pages/my-bids-page.ts'
import { saidOf } from '#src/app/pages/parts.ts'
import {
  SEARCH_NAME_CHARACTERS_MAX,
  searchPage,
  searchProblems,
} from '#src/app/pages/search-page.ts'
import { createSharedPages } from '#src/app/shared-pages.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { type Problem, problemOf, type Refusal } from '#src/domain/problem-text.ts'
import { readSearchQuery, searchPath, toApiQuery } from '#src/domain/search-query.ts'
import type { Catalogue, SearchResultView } from '#src/infra/http/catalogue.ts'
import type { Lots } from '#src/infra/http/lots.ts'
import { orAway, UpstreamError } from '#src/infra/http/service-client.ts'

const ENDING_SHOWN = 12
const NEWEST_SHOWN = 8
// Each has a name that is read for it.
const OWN_BIDS_SHOWN = 10

interface Sources {
  catalogue: Catalogue
  lots: Lots
  sharedMs: number
}

/** The lists of lots, and the page for every address that leads nowhere. */
export function pageRoutes(pages: PageRoutes, { catalogue, lots, sharedMs }: Sources): void {
  const shared = createSharedPages(sharedMs)
  // They are the same for all, so users share them although each has a page of their own.
  const sharedLists = createShared<HomeLists>(sharedMs)
  const readLists = () => sharedLists.of('home', () => readHomeLists(catalogue))

  pages.get('/', (asked) =>
    shared.of(asked, {}, (viewer) => readHome(viewer, catalogue, readLists())),
  )

  pages.get('/lots', (asked, { query }) =>
    shared.of(asked, parametersOf(query, ['status', 'page']), (viewer) =>
      readLots(viewer, catalogue, query as Record<string, unknown>),
    ),
  )

  pages.get('/search', (viewer, { query }) => {
    const flash = saidOf(viewer.talk, query)
    return readSearch(viewer, catalogue, query, flash === undefined ? {} : { flash })
  })

  pages.post('/search/save', async (viewer, { body }) => {
    const query = readSearchQuery(body)
    if (!viewer.isLoggedIn) return { to: loginFor(viewer, viewer.to(searchPath(query))) }
    const { parameters } = toApiQuery(query, viewer.talk.locale)
    const { endingWithinMinutes: _, sort: __, buyNow, ...filters } = parameters
    const saved = await catalogue.saveSearch(
      {
        name:
          trimmedOf(body, 'name') ||
          excerptOf(query.q, SEARCH_NAME_CHARACTERS_MAX) ||
          viewer.talk.t.search.title,
        filters: { ...filters, ...(buyNow === undefined ? {} : { buyNow: true }) },
      },
      viewer.authorization,
    )
    if (saved.ok) {
      const path = searchPath(query)
      return { to: viewer.to(`${path}${path.includes('?') ? '&' : '?'}said=saved`) }
    }
    const problem = problemOf(saved.refusal as unknown as Refusal, viewer.talk)
    const page = await readSearch(viewer, catalogue, body, { problems: [{ text: problem.text }] })
    return { ...page, statusCode: saved.status }
  })

  pages.get('/categories/:id', (asked, { params, query }) =>
    shared.of(asked, parametersOf(query, ['cursor']), (viewer) =>
      readCategory(viewer, catalogue, (params as { id: string }).id, fieldOf(query, 'cursor')),
    ),
  )

  pages.get('/sellers/:id', async (viewer, { params }) => {
    const { id } = params as { id: string }
    if (!UUID.test(id)) return notFound(viewer)
    const [seller, result] = await Promise.all([
      lots.readSeller(id),
      found(catalogue, { seller: id, limit: String(PAGE_SIZE) }),
    ])
    if (seller === undefined) return notFound(viewer)
    return { markup: sellerPage(viewer, id, seller, result) }
  })

  pages.get('/my/bids', async (viewer, { query, originalUrl }) => {
    if (!viewer.isLoggedIn) return { to: loginFor(viewer, originalUrl) }
    const asked = fieldOf(query, 'status')
    const status = BID_STATES.find((state) => state === asked)
    const before = fieldOf(query, 'before')
    const parameters = new URLSearchParams({
      limit: String(OWN_BIDS_SHOWN),
      ...(status === undefined ? {} : { status }),
      ...(UUID.test(before) ? { before } : {}),
    })
    const own = await catalogue.readOwnBids(String(parameters), viewer.authorization)
    const named = await Promise.all(
      own.bids.map(async ({ itemId }) => {
        const name = await orAway(catalogue.readName(itemId, viewer.authorization))
        return [itemId, name] as const
      }),
    )
    const names = new Map(
      named.flatMap(([id, name]) => (name === undefined || name === 'away' ? [] : [[id, name]])),
    )
    return { markup: myBidsPage(viewer, status, own, names), isSecret: true }
  })

  pages.get('/*', async (viewer) => notFound(viewer))
  pages.post('/*', async (viewer) => notFound(viewer))
}

/** As they were given; a parameter that was given twice is its own text, for a page refuses it. */
const parametersOf = (query: unknown, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    names.map((name) => [name, String((query as Record<string, unknown>)[name] ?? '')]),
  )

async function readHome(
  viewer: Viewer,
  catalogue: Catalogue,
  reading: Promise<HomeLists>,
): Promise<PageAnswer> {
  const { authorization } = viewer
  const [lists, bids, watched] = await Promise.all([
    reading,
    viewer.isLoggedIn ? orAway(catalogue.readOwnBids('limit=1', authorization)) : undefined,
    viewer.isLoggedIn ? orAway(catalogue.readWatchlist(authorization)) : undefined,
  ])
  return { markup: homePage(viewer, { lists, bids, watched }) }
}

/** Any of them may be away; without a list of lots there is no first page. */
async function readHomeLists(catalogue: Catalogue): Promise<HomeLists> {
  const [ending, newest, categories] = await Promise.all([
    orAway(found(catalogue, { status: 'active', sort: 'ending', limit: String(ENDING_SHOWN) })),
    orAway(found(catalogue, { sort: 'newest', limit: String(NEWEST_SHOWN) })),
    orAway(catalogue.readCategories()),
  ])
  const [read] = [ending, newest].filter((list) => list !== 'away')
  if (read === undefined) throw new UpstreamError('no list of lots for the first page')
  return { ending, newest, categories, serverTime: read.serverTime }
}

/** For a search that we put together ourselves, so that a refusal is a failure. */
async function found(
  catalogue: Catalogue,
  query: Record<string, string>,
): Promise<SearchResultView> {
  const answer = await catalogue.search(new URLSearchParams(query))
  if (!answer.ok) throw new UpstreamError(`the search answered ${answer.status}`)
  return answer.body
}

async function readLots(
  viewer: Viewer,
  catalogue: Catalogue,
  query: Record<string, unknown>,
): Promise<PageAnswer> {
  const status = query.status ?? 'active'
  const page = query.page ?? '1'
  if (typeof status !== 'string' || !LISTED.includes(status)) return notFound(viewer)
  if (typeof page !== 'string' || !/^[1-9]\d{0,4}$/.test(page) || Number(page) > PAGE_MAX) {
    return notFound(viewer)
  }
  // What ends next comes first; of what is over, what ended last.
  const sort = status === 'active' || status === 'scheduled' ? 'endDate' : '-endDate'
  const list = await catalogue.listItems({ status, page: Number(page), limit: PAGE_SIZE, sort })
  return { markup: lotsPage(viewer, status, list) }
}

async function readSearch(
  viewer: Viewer,
  catalogue: Catalogue,
  asked: unknown,
  notes: { flash?: string; problems?: Problem[] },
): Promise<{ statusCode: number; markup: string }> {
  const query = readSearchQuery(asked)
  const { parameters, problems: wrong } = toApiQuery(query, viewer.talk.locale)
  const problems = [...(notes.problems ?? []), ...searchProblems(viewer.talk, wrong)]
  const [answer, categories] = await Promise.all([
    wrong.length > 0 ? undefined : catalogue.search(withPage(parameters, query.cursor)),
    orAway(catalogue.readCategories()),
  ])
  if (answer !== undefined && !answer.ok) problems.push({ text: viewer.talk.t.search.invalid })
  const result = answer?.ok === true ? answer.body : undefined
  const { flash } = notes
  const markup = searchPage(viewer, {
    query,
    result,
    categories,
    problems,
    ...(flash === undefined ? {} : { flash }),
  })
  return { statusCode: result === undefined ? 422 : 200, markup }
}

function withPage(parameters: Record<string, string>, cursor: string): URLSearchParams {
  return new URLSearchParams({
    ...parameters,
    facets: 'true',
    limit: String(PAGE_SIZE),
    ...(cursor === '' ? {} : { cursor }),
  })
}

async function readCategory(
  viewer: Viewer,
  catalogue: Catalogue,
  id: string,
  cursor: string,
): Promise<PageAnswer> {
  if (!UUID.test(id)) return notFound(viewer)
  const query = {
    category: id,
    limit: String(PAGE_SIZE),
    ...(cursor === '' ? {} : { cursor: cursor.slice(0, 400) }),
  }
  const [category, categories, answer] = await Promise.all([
    catalogue.readCategory(id),
    orAway(catalogue.readCategories()),
    catalogue.search(new URLSearchParams(query)),
  ])
  // A cursor of another list is an address that leads nowhere, as is a category that is gone.
  if (category === undefined || !answer.ok) return notFound(viewer)
  return { markup: categoryPage(viewer, category, categories, answer.body) }
}
