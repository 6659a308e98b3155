import { randomUUID } from 'node:crypto'
import { readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import { UUID } from '@auction/common/ids.ts'
import { minorDigits } from '@auction/common/money.ts'
import { trimText, withoutGaps } from '@auction/common/text.ts'
import { fieldOf } from '#src/app/forms.ts'
import { notFound, type PageAnswer, type PageRoutes } from '#src/app/page-routes.ts'
import { ORDER_STATES } from '#src/app/pages/my/orders-page.ts'
import { saidIn } from '#src/app/pages/parts.ts'
import {
  offersPage,
  type SaleEntry,
  salePage,
  salesPage,
} from '#src/app/pages/selling/sale-pages.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { type Problem, problemOf, type Refusal } from '#src/domain/problem-text.ts'
import { amountOf, type Typed } from '#src/domain/selling-form.ts'
import type { Lots } from '#src/infra/http/lots.ts'
import type { SaleDeed, Sales, SaleView } from '#src/infra/http/sales.ts'
import type { Selling } from '#src/infra/http/selling.ts'
import { orAway, type ServiceAnswer } from '#src/infra/http/service-client.ts'
import { orLost } from '../orders.ts'
import { BUTTON, ownItem, ownRoutes, parameterOf } from './guard.ts'

const LISTED = '20'

export interface SalesDependencies {
  sales: Sales
  selling: Selling
  lots: Lots
}

/** What a seller sold, and what is done about it. */
export function salesRoutes(pages: PageRoutes, dependencies: SalesDependencies): void {
  const { sales } = dependencies
  const routes = ownRoutes(pages)

  routes.get('/my/sales', async (viewer, { query }) => {
    const asked = fieldOf(query, 'state')
    const state = ORDER_STATES.find((each) => each === asked)
    const cursor = fieldOf(query, 'cursor')
    const list = await sales.listOrders(
      {
        limit: LISTED,
        ...(state === undefined ? {} : { state }),
        ...(UUID.test(cursor) ? { cursor } : {}),
      },
      viewer.authorization,
    )
    return { markup: salesPage(viewer, state, list), isSecret: true }
  })

  routes.get('/my/sales/:orderId', async (viewer, request) => {
    const order = await ownSale(sales, viewer, parameterOf(request, 'orderId'))
    if (order === undefined) return notFound(viewer)
    const flash = saidIn(viewer.talk.t.sales.said, request.query)
    return showSale(dependencies, viewer, order, { flash }, 200)
  })

  /** A form of the page of a sale: what is asked of order, and what the page says afterwards. */
  const act = (
    name: string,
    said: string,
    deedOf: (typed: Typed, viewer: Viewer) => SaleDeed | Problem,
    field?: { name: string; wrong: string },
  ) =>
    routes.post(
      `/my/sales/:orderId/${name}`,
      pageOf,
      async (viewer, request, typed) => {
        const order = await ownSale(sales, viewer, parameterOf(request, 'orderId'))
        if (order === undefined) return notFound(viewer)
        const deed = deedOf(typed, viewer)
        if ('text' in deed)
          return showSale(dependencies, viewer, order, { typed, problems: [deed] }, 422)
        const answer = await sales.actOnOrder(order.id, deed, viewer.authorization)
        if (answer.status < 300) {
          const isAgreed = answer.body.isCancelled === true
          return { to: viewer.to(`/my/sales/${order.id}?said=${isAgreed ? 'cancelled' : said}`) }
        }
        // What a schema refuses of a form with one field is that field.
        const isSchema = String(answer.body.code).startsWith('request.')
        const refusal = isSchema && field !== undefined ? { body: { code: field.wrong } } : answer
        const { text } = saleProblem(viewer, refusal)
        const problems = [field === undefined ? { text } : { field: field.name, text }]
        return showSale(dependencies, viewer, order, { typed, problems }, statusOf(answer))
      },
      field === undefined ? BUTTON : {},
    )

  act('prepare', 'prepared', () => ({ method: 'POST', path: 'preparation' }))
  act(
    'ship',
    'shipped',
    ({ carrier = 'other', trackingNumber = '' }) => ({
      method: 'POST',
      path: 'shipments',
      body: {
        carrier,
        ...(trimText(trackingNumber) === '' ? {} : { trackingNumber: trimText(trackingNumber) }),
      },
    }),
    { name: 'trackingNumber', wrong: 'order.invalid_tracking_number' },
  )
  act(
    'collect',
    'handed',
    ({ code = '' }, { talk }) => {
      const figures = withoutGaps(code)
      if (!/^\d{6}$/.test(figures)) {
        return { field: 'code', text: talk.t.sales.errors['order.code_wrong'] }
      }
      return { method: 'POST', path: 'collection', body: { code: figures } }
    },
    { name: 'code', wrong: 'order.code_wrong' },
  )
  act('cancel', 'cancelled', () => ({ method: 'POST', path: 'cancellation' }))
  act('reopen', 'reopened', () => ({ method: 'POST', path: 'reopening' }))
  act(
    'messages',
    'written',
    ({ message = '' }) => ({ method: 'POST', path: 'dispute/messages', body: { message } }),
    { name: 'message', wrong: 'order.invalid_message' },
  )

  routes.post(
    '/my/sales/:orderId/agreement',
    pageOf,
    async (viewer, request, { agree }) => {
      const order = await ownSale(sales, viewer, parameterOf(request, 'orderId'))
      if (order === undefined) return notFound(viewer)
      const method = agree === 'no' ? 'DELETE' : 'PUT'
      const deed = { method, path: 'cancellation-request' } as const
      const answer = await sales.actOnOrder(order.id, deed, viewer.authorization)
      if (answer.status >= 300) {
        const problems = [saleProblem(viewer, answer)]
        return showSale(dependencies, viewer, order, { problems }, statusOf(answer))
      }
      const isCancelled = answer.body.isCancelled === true
      const said = agree === 'no' ? 'kept' : isCancelled ? 'cancelled' : 'asked'
      return { to: viewer.to(`/my/sales/${order.id}?said=${said}`) }
    },
    BUTTON,
  )

  routes.post(
    '/my/sales/:orderId/block',
    pageOf,
    async (viewer, request) => {
      const order = await ownSale(sales, viewer, parameterOf(request, 'orderId'))
      if (order === undefined) return notFound(viewer)
      const answer = await sales.blockBuyer(order.buyerId, viewer.authorization)
      if (answer.status < 300) return { to: viewer.to(`/my/sales/${order.id}?said=blocked`) }
      const problems = [saleProblem(viewer, answer)]
      return showSale(dependencies, viewer, order, { problems }, statusOf(answer))
    },
    BUTTON,
  )

  offerRoutes(pages, dependencies)
}

const pageOf = ({ orderId }: Record<string, string>) => `/my/sales/${orderId}`

/** What a schema refuses is 400, and what is wrong with a form is 422 for a browser. */
export const statusOf = ({ status }: ServiceAnswer): number => (status === 400 ? 422 : status)

/** The text for a refusal, by its code, as a seller reads it. */
export function saleProblem({ talk }: Viewer, { body }: Pick<ServiceAnswer, 'body'>): Problem {
  const refusal = body as unknown as Refusal
  const { errors } = talk.t.sales
  return Object.hasOwn(errors, refusal.code)
    ? { text: errors[refusal.code as keyof typeof errors] }
    : { text: problemOf(refusal, talk).text }
}

/** A sale of the reader's own: who bought it, or moderates, has other pages. */
export async function ownSale(
  sales: Sales,
  viewer: Viewer,
  id: string,
): Promise<SaleView | undefined> {
  if (!UUID.test(id)) return undefined
  const order = await sales.readOrder(id, viewer.authorization)
  return order?.role === 'seller' ? order : undefined
}

export async function showSale(
  { sales, lots }: Pick<SalesDependencies, 'sales' | 'lots'>,
  viewer: Viewer,
  order: SaleView,
  entry: SaleEntry,
  statusCode: number,
): Promise<PageAnswer> {
  const { authorization } = viewer
  const { paymentId } = order
  const [buyer, dispute, refunds] = await Promise.all([
    orAway(lots.readSeller(order.buyerId)),
    orAway(sales.readDispute(order.id, authorization)),
    paymentId === undefined ? [] : orAway(sales.readRefunds(paymentId, authorization)),
  ])
  const key = keyOf(entry.typed)
  const markup = salePage(viewer, { order, buyer, dispute, refunds, key }, entry)
  return { statusCode, markup, isSecret: true }
}

/** That of the form, so that pressing twice does it once. */
export function keyOf(typed: Typed | undefined): string {
  const given = typed?.key ?? ''
  return given.length <= 64 ? (readIdempotencyKey(given) ?? randomUUID()) : randomUUID()
}

/** An item that is over, offered to a bidder at the own highest bid of that bidder. */
function offerRoutes(pages: PageRoutes, { sales, selling }: SalesDependencies): void {
  const routes = ownRoutes(pages)
  const url = '/my/items/:itemId/offers'
  const back = ({ itemId }: Record<string, string>) => `/my/items/${itemId}/offers`

  const show = async (
    viewer: Viewer,
    id: string,
    entry: SaleEntry,
    statusCode: number,
  ): Promise<PageAnswer> => {
    const item = await ownItem(selling, viewer, id)
    if (item === undefined) return notFound(viewer)
    const offers = await sales.readOffers(id, viewer.authorization)
    const known = offers ?? { offers: [], kinds: [] }
    const markup = offersPage(viewer, item, known, keyOf(entry.typed), entry)
    return { statusCode, markup, isSecret: true }
  }

  routes.get(url, (viewer, request) => {
    const flash = saidIn(viewer.talk.t.sales.said, request.query)
    return show(viewer, parameterOf(request, 'itemId'), { flash }, 200)
  })

  routes.post(url, back, async (viewer, request, typed) => {
    const id = parameterOf(request, 'itemId')
    const item = await ownItem(selling, viewer, id)
    if (item === undefined) return notFound(viewer)
    const digits = minorDigits(item.currencyCode) ?? 2
    const floor = amountOf(typed, 'cascadeFloor', viewer.talk, digits, false)
    if ('problem' in floor) return show(viewer, id, { typed, problems: [floor.problem] }, 422)
    const { kind = '', days = '', bidderNumber = '' } = typed
    const offer = {
      kind,
      days: Number(days) || 0,
      ...(/^\d{1,9}$/.test(bidderNumber) ? { bidderNumber: Number(bidderNumber) } : {}),
      ...(floor.value === null ? {} : { cascadeFloor: floor.value }),
    }
    // Another choice is another offer, also when the back button brought the old form.
    const key = `${keyOf(typed)}:${kind}:${bidderNumber}:${days}:${floor.value ?? ''}`.slice(0, 128)
    const answer = await orLost(sales.makeOffer(id, key, offer, viewer.authorization))
    if (answer === 'lost') {
      const problems = [{ text: viewer.talk.t.sales.offers.lost }]
      return show(viewer, id, { typed: { ...typed, key: keyOf(typed) }, problems }, 503)
    }
    if (answer.status < 300) return { to: viewer.to(`/my/items/${id}/offers?said=offered`) }
    const { key: _, ...kept } = typed
    const problems = [saleProblem(viewer, answer)]
    return show(viewer, id, { typed: kept, problems }, statusOf(answer))
  })

  routes.post(
    `${url}/:offerId/withdraw`,
    back,
    async (viewer, request, typed) => {
      const id = parameterOf(request, 'itemId')
      const offerId = parameterOf(request, 'offerId')
      const key = `${keyOf(typed)}:withdraw`
      const answer = await sales.withdrawOffer(offerId, key, viewer.authorization)
      if (answer.status < 300) return { to: viewer.to(`/my/items/${id}/offers?said=withdrawn`) }
      return show(viewer, id, { problems: [saleProblem(viewer, answer)] }, statusOf(answer))
    },
    BUTTON,
  )
}
