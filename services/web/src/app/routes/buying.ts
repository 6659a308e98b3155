import { randomUUID } from 'node:crypto'
import { readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import { UUID } from '@auction/common/ids.ts'
import type { FastifyRequest } from 'fastify'
import { fieldOf } from '#src/app/forms.ts'
import { ownRoutes } from '#src/app/own-routes.ts'
import { notFound, type PageAnswer, type PageRoutes } from '#src/app/page-routes.ts'
import {
  acceptOfferPage,
  type OfferParts,
  offerPage,
  offersPage,
} from '#src/app/pages/my/offers-pages.ts'
import { overviewPage, SHOWN } from '#src/app/pages/my/overview-page.ts'
import { searchesPage, watchlistPage } from '#src/app/pages/my/saved-pages.ts'
import { type Notes, saidIn } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { problemOf, type Refusal } from '#src/domain/problem-text.ts'
import type { Buying } from '#src/infra/http/buying.ts'
import type { Catalogue } from '#src/infra/http/catalogue.ts'
import type { Notifications } from '#src/infra/http/notifications.ts'
import { orAway, type ServiceAnswer } from '#src/infra/http/service-client.ts'
import { orLost } from './orders.ts'

/** Those that are to be paid or received are among the latest. */
const ORDERS_READ = 50
/** Answers to questions are looked for among so many notices. */
const NOTICES_READ = 50
const OFFERS_SHOWN = 10
const WATCHED_READ = 100
const WATCHED_SHOWN = 24

export interface BuyingRoutesOptions {
  buying: Buying
  catalogue: Catalogue
  notifications: Notifications
}

const idOf = ({ params }: FastifyRequest) => (params as { id: string }).id

/** The overview of a user, offers to them, what they watch and what they search for. */
export function buyingRoutes(pages: PageRoutes, options: BuyingRoutesOptions): void {
  const own = ownRoutes(pages)
  own.get('/my', async (viewer) => ({
    markup: overviewPage(viewer, await readOverview(viewer, options)),
  }))
  offerRoutes(own, options)
  savedRoutes(own, options)
}

async function readOverview(
  viewer: Viewer,
  { buying, catalogue, notifications }: BuyingRoutesOptions,
) {
  const { authorization, talk } = viewer
  const bids = (status: string) =>
    orAway(catalogue.readOwnBids(`limit=${SHOWN}&status=${status}`, authorization))
  const [outbid, leading, won, lost, orders, offers, notices, watched] = await Promise.all([
    bids('outbid'),
    bids('leading'),
    bids('won'),
    bids('lost'),
    orAway(buying.listOrders({ limit: String(ORDERS_READ) }, authorization)),
    orAway(buying.listOffers({ open: 'true', limit: String(SHOWN) }, authorization)),
    orAway(
      notifications.readInbox(
        {
          limit: String(NOTICES_READ),
          unread: 'true',
          language: talk.locale,
          timeZone: talk.zone,
        },
        authorization,
      ),
    ),
    orAway(buying.listWatched({ limit: String(WATCHED_READ) }, authorization)),
  ])
  const named = [
    ...[outbid, leading, won, lost].flatMap((read) => (read === 'away' ? [] : read.bids)),
    ...(offers === 'away' ? [] : offers.offers),
  ]
  return {
    outbid,
    leading,
    won,
    lost,
    orders,
    offers,
    notices,
    watched,
    names: await namesOf(viewer, catalogue, named),
    serverTime: new Date().toISOString(),
  }
}

/** Names of lots, each read once; one that is hidden or cannot be read has none. */
async function namesOf(
  { authorization }: Viewer,
  catalogue: Catalogue,
  of: readonly { itemId: string }[],
): Promise<Map<string, string>> {
  const ids = [...new Set(of.map(({ itemId }) => itemId))]
  const named = await Promise.all(
    ids.map(async (id) => [id, await orAway(catalogue.readName(id, authorization))] as const),
  )
  return new Map(
    named.flatMap(([id, name]) => (name === undefined || name === 'away' ? [] : [[id, name]])),
  )
}

function offerRoutes(own: PageRoutes, { buying, catalogue }: BuyingRoutesOptions): void {
  const read = async (viewer: Viewer, id: string): Promise<OfferParts | undefined> => {
    const { authorization } = viewer
    const offer = UUID.test(id) ? await buying.readOffer(id, authorization) : undefined
    if (offer === undefined) return undefined
    return { offer, item: await orAway(buying.readPictured(offer.itemId, authorization)) }
  }
  const show = async (
    viewer: Viewer,
    id: string,
    notes: Notes,
    statusCode = 200,
  ): Promise<PageAnswer> => {
    const parts = await read(viewer, id)
    if (parts === undefined) return notFound(viewer)
    return { statusCode, markup: offerPage(viewer, parts, { ...notes, key: randomUUID() }) }
  }

  const showList = async (
    viewer: Viewer,
    query: unknown,
    notes: Notes,
    statusCode = 200,
  ): Promise<PageAnswer> => {
    const before = fieldOf(query, 'before')
    const { authorization } = viewer
    const [list, wantsOffers] = await Promise.all([
      buying.listOffers(
        { limit: String(OFFERS_SHOWN), ...(UUID.test(before) ? { before } : {}) },
        authorization,
      ),
      orAway(buying.readOfferPreference(authorization)),
    ])
    const names = await namesOf(viewer, catalogue, list.offers)
    return { statusCode, markup: offersPage(viewer, list, names, { wantsOffers, ...notes }) }
  }

  own.get('/my/offers', (viewer, { query }) =>
    showList(viewer, query, { flash: saidIn(viewer.talk.t.buying.said, query) }),
  )
  own.post('/my/offers/preference', async (viewer, { body }) => {
    const wants = fieldOf(body, 'wants') !== 'no'
    const answer = await buying.setOfferPreference(wants, viewer.authorization)
    if (answer.status >= 300) {
      return showList(viewer, {}, { problems: [problemIn(viewer, answer)] }, answer.status)
    }
    return { to: viewer.to(`/my/offers?said=${wants ? 'wants' : 'wantsNone'}`) }
  })

  own.get('/my/offers/:id', (viewer, request) => show(viewer, idOf(request), {}))
  own.get('/my/offers/:id/acceptance', async (viewer, request) => {
    const id = idOf(request)
    const parts = await read(viewer, id)
    if (parts === undefined) return notFound(viewer)
    // It ended meanwhile: its page says how.
    if (parts.offer.state !== 'open') return { to: viewer.to(`/my/offers/${id}`) }
    return { markup: acceptOfferPage(viewer, parts, { key: randomUUID() }) }
  })
  own.get('/my/offers/:id/refusal', async (viewer, request) => {
    const id = idOf(request)
    return UUID.test(id) ? { to: viewer.to(`/my/offers/${id}`) } : notFound(viewer)
  })

  for (const answer of ['acceptance', 'refusal'] as const) {
    own.post(`/my/offers/:id/${answer}`, async (viewer, request) => {
      const id = idOf(request)
      if (!UUID.test(id)) return notFound(viewer)
      const given = fieldOf(request.body, 'key')
      const key = readIdempotencyKey(given) === undefined ? randomUUID() : given
      const sent = await orLost(buying.answerOffer(id, answer, key, viewer.authorization))
      if (sent === 'lost') {
        // The same key again: should the answer have arrived, it counts once.
        const problems = [{ text: viewer.talk.t.buying.offers.lost }]
        const parts = await read(viewer, id)
        if (parts === undefined) return notFound(viewer)
        const page = answer === 'acceptance' ? acceptOfferPage : offerPage
        return { statusCode: 503, markup: page(viewer, parts, { key, problems }) }
      }
      if (sent.status < 300) return { to: viewer.to(`/my/offers/${id}`) }
      const problems = [problemOf(sent.body as unknown as Refusal, viewer.talk)]
      return show(viewer, id, { problems }, sent.status)
    })
  }
}

const problemIn = ({ talk }: Viewer, { body }: ServiceAnswer) =>
  problemOf(body as unknown as Refusal, talk)

/** What is gone already is not there either. */
const isGone = ({ status }: ServiceAnswer): boolean => status < 300 || status === 404

function savedRoutes(own: PageRoutes, { buying }: BuyingRoutesOptions): void {
  const showWatched = async (
    viewer: Viewer,
    query: unknown,
    notes: Notes,
    statusCode = 200,
  ): Promise<PageAnswer> => {
    const cursor = fieldOf(query, 'cursor').slice(0, 400)
    const list = await buying.listWatched(
      { limit: String(WATCHED_SHOWN), ...(cursor === '' ? {} : { cursor }) },
      viewer.authorization,
    )
    const markup = watchlistPage(viewer, list, new Date().toISOString(), notes)
    return { statusCode, markup }
  }
  own.get('/my/watchlist', (viewer, { query }) =>
    showWatched(viewer, query, { flash: saidIn(viewer.talk.t.buying.said, query) }),
  )
  own.post('/my/watchlist/:id/remove', async (viewer, request) => {
    const id = idOf(request)
    if (!UUID.test(id)) return notFound(viewer)
    const answer = await buying.unwatch(id, viewer.authorization)
    if (isGone(answer)) return { to: viewer.to('/my/watchlist?said=unwatched') }
    return showWatched(viewer, {}, { problems: [problemIn(viewer, answer)] }, answer.status)
  })

  const showSearches = async (
    viewer: Viewer,
    notes: Notes,
    statusCode = 200,
  ): Promise<PageAnswer> => {
    const searches = await buying.listSearches(viewer.authorization)
    return { statusCode, markup: searchesPage(viewer, searches, notes) }
  }
  own.get('/my/searches', (viewer, { query }) =>
    showSearches(viewer, { flash: saidIn(viewer.talk.t.buying.said, query) }),
  )
  own.post('/my/searches/:id/delete', async (viewer, request) => {
    const id = idOf(request)
    if (!UUID.test(id)) return notFound(viewer)
    const answer = await buying.deleteSearch(id, viewer.authorization)
    if (isGone(answer)) return { to: viewer.to('/my/searches?said=deleted') }
    return showSearches(viewer, { problems: [problemIn(viewer, answer)] }, answer.status)
  })
}
