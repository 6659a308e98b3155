import { randomUUID } from 'node:crypto'
import { readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import { UUID } from '@auction/common/ids.ts'
import { trimText } from '@auction/common/text.ts'
import type { FastifyRequest } from 'fastify'
import { fieldOf, trimmedOf } from '#src/app/forms.ts'
import { ownRoutes } from '#src/app/own-routes.ts'
import {
  notFound,
  type PageAnswer,
  type PageRoutes,
  UnansweredFormError,
} from '#src/app/page-routes.ts'
import { keptFormPage, unansweredFormPage } from '#src/app/pages/kept-page.ts'
import {
  collectionCodePage,
  DISPUTE_REASONS,
  deliveryForm,
  disputeMessageForm,
  type OrderEntry,
  openDisputeForm,
  orderPage,
} from '#src/app/pages/my/order-page.ts'
import { ORDER_STATES, ordersPage } from '#src/app/pages/my/orders-page.ts'
import { type PayEntry, payPage } from '#src/app/pages/my/pay-page.ts'
import { saidIn } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { type Problem, problemOf, type Refusal } from '#src/domain/problem-text.ts'
import type { Talk } from '#src/domain/talk.ts'
import type { Buying, OrderDeed, OrderSummaryView, OrderView } from '#src/infra/http/buying.ts'
import type { Lots } from '#src/infra/http/lots.ts'
import {
  LoginNeededError,
  orAway,
  type ServiceAnswer,
  UpstreamError,
} from '#src/infra/http/service-client.ts'

const ORDERS_SHOWN = 20
/** As many as one payment takes. */
const PAID_TOGETHER_MAX = 20

export interface OrderRoutesOptions {
  buying: Buying
  lots: Lots
}

const idOf = ({ params }: FastifyRequest) => (params as { id: string }).id

/** What a user bought: the list, one purchase with all that its buyer can do, and paying. */
export function orderRoutes(pages: PageRoutes, options: OrderRoutesOptions): void {
  const own = ownRoutes(pages)
  const { buying } = options

  own.get('/my/orders', async (viewer, { query }) => {
    const asked = fieldOf(query, 'state')
    const state = ORDER_STATES.find((each) => each === asked)
    const cursor = fieldOf(query, 'cursor')
    const list = await buying.listOrders(
      {
        limit: String(ORDERS_SHOWN),
        ...(state === undefined ? {} : { state }),
        ...(UUID.test(cursor) ? { cursor } : {}),
      },
      viewer.authorization,
    )
    return { markup: ordersPage(viewer, state, list) }
  })

  own.get('/my/orders/:id', (viewer, request) => {
    return show(options, viewer, idOf(request), {}, 200, fieldOf(request.query, 'said'))
  })

  deedRoutes(own, pages, options)
  payRoutes(own, options)
}

/** What a form asks for, or what is wrong with it. */
type Asked = { deed: OrderDeed; said: string } | { problems: Problem[] }

interface Form {
  /** The end of its address. */
  name: string
  read(body: unknown, talk: Talk): Asked
  /** What was typed, for a page that shows it again. */
  typed(body: unknown): OrderEntry
  /** With what was typed, in a page that keeps it while its writer logs in. */
  kept?(viewer: Viewer, id: string, entry: OrderEntry): ReturnType<typeof deliveryForm>
}

const nothing = () => ({})

const messageOf = (body: unknown): OrderEntry => ({
  reason: fieldOf(body, 'reason'),
  message: fieldOf(body, 'message'),
})

const FORMS: readonly Form[] = [
  {
    name: 'delivery',
    read: readDelivery,
    typed: (body) => ({ method: fieldOf(body, 'method'), address: addressOf(body) }),
    kept: (viewer, id, entry) => deliveryForm(viewer, { id }, entry),
  },
  {
    name: 'receipt',
    read: () => ({ deed: { method: 'POST', path: 'receipt' }, said: 'received' }),
    typed: nothing,
  },
  {
    name: 'cancellation',
    read: (body) =>
      fieldOf(body, 'agree') === 'yes'
        ? { deed: { method: 'PUT', path: 'cancellation-request' }, said: 'asked' }
        : { deed: { method: 'DELETE', path: 'cancellation-request' }, said: 'kept' },
    typed: nothing,
  },
  {
    name: 'dispute',
    read(body, { t }) {
      const asked = fieldOf(body, 'reason')
      const reason = DISPUTE_REASONS.find((each) => each === asked)
      const message = fieldOf(body, 'message')
      const problems = [
        ...(reason === undefined ? [{ field: 'reason', text: t.buying.wrong.reason }] : []),
        ...messageProblems(message, t),
      ]
      if (problems.length > 0) return { problems }
      return {
        deed: { method: 'POST', path: 'dispute', body: { reason, message } },
        said: 'disputed',
      }
    },
    typed: messageOf,
    kept: openDisputeForm,
  },
  {
    name: 'dispute/messages',
    read(body, { t }) {
      const message = fieldOf(body, 'message')
      const problems = messageProblems(message, t)
      if (problems.length > 0) return { problems }
      return {
        deed: { method: 'POST', path: 'dispute/messages', body: { message } },
        said: 'written',
      }
    },
    typed: messageOf,
    kept: disputeMessageForm,
  },
  {
    name: 'dispute/withdrawal',
    read: () => ({ deed: { method: 'POST', path: 'dispute/withdrawal' }, said: 'withdrawn' }),
    typed: nothing,
  },
]

const messageProblems = (message: string, t: Talk['t']): Problem[] =>
  trimText(message) === ''
    ? [{ field: 'message', text: t.buying.errors['order.invalid_message'] }]
    : []

function deedRoutes(own: PageRoutes, pages: PageRoutes, options: OrderRoutesOptions): void {
  const { buying } = options
  for (const { name, read, typed, kept } of FORMS) {
    const url = `/my/orders/:id/${name}`
    // A reload, a bookmark or another language of the page that answered the form.
    own.get(url, async (viewer, request) => toOrder(viewer, idOf(request)))
    pages.post(url, async (viewer, request) => {
      const { body } = request
      const id = idOf(request)
      if (!UUID.test(id)) return notFound(viewer)
      const entry = typed(body)
      const login = (): PageAnswer => {
        if (kept === undefined) throw new LoginNeededError('the session ended')
        const form = kept(viewer, id, entry)
        const markup = keptFormPage(viewer, `/my/orders/${id}`, form)
        return { statusCode: 401, markup, isSecret: true }
      }
      if (!viewer.isLoggedIn) return login()
      try {
        const asked = read(body, viewer.talk)
        if ('problems' in asked) {
          return await show(options, viewer, id, { ...entry, problems: asked.problems }, 422)
        }
        const answer = await buying.actOnOrder(id, asked.deed, viewer.authorization)
        if (answer.status >= 300) {
          const problem = orderProblem(answer.body as unknown as Refusal, viewer.talk)
          return await show(options, viewer, id, { ...entry, problems: [problem] }, answer.status)
        }
        const said = answer.body.isCancelled === true ? 'cancelled' : asked.said
        return { to: viewer.to(`/my/orders/${id}?said=${said}`) }
      } catch (error) {
        if (error instanceof LoginNeededError) return login()
        if (!(error instanceof UpstreamError) || kept === undefined) throw error
        const form = kept(viewer, id, entry)
        const markup = unansweredFormPage(viewer, `/my/orders/${id}`, form)
        throw new UnansweredFormError(markup, { cause: error })
      }
    })
  }

  own.get('/my/orders/:id/collection-code', async (viewer, request) =>
    toOrder(viewer, idOf(request)),
  )
  own.post('/my/orders/:id/collection-code', async (viewer, request) => {
    const id = idOf(request)
    if (!UUID.test(id)) return notFound(viewer)
    const deed = { method: 'POST', path: 'collection-code' } as const
    const { status, body } = await buying.actOnOrder(id, deed, viewer.authorization)
    // It is shown once, and so this is its page; sent again there is a new one.
    if (status === 200) return { markup: collectionCodePage(viewer, id, String(body.code)) }
    const problem = orderProblem(body as unknown as Refusal, viewer.talk)
    return show(options, viewer, id, { problems: [problem] }, status)
  })
}

const toOrder = (viewer: Viewer, id: string): PageAnswer =>
  UUID.test(id) ? { to: viewer.to(`/my/orders/${id}`) } : notFound(viewer)

const ADDRESS_FIELDS = [
  'name',
  'line1',
  'line2',
  'postalCode',
  'city',
  'region',
  'country',
] as const
type AddressField = (typeof ADDRESS_FIELDS)[number]

const addressOf = (body: unknown): Record<AddressField, string> =>
  Object.fromEntries(ADDRESS_FIELDS.map((name) => [name, trimmedOf(body, name)])) as Record<
    AddressField,
    string
  >

function readDelivery(body: unknown, { t }: Talk): Asked {
  const method = fieldOf(body, 'method')
  const { wrong } = t.buying
  const said = 'delivery'
  if (method === 'collection')
    return { deed: { method: 'PUT', path: 'delivery', body: { method } }, said }
  if (method !== 'shipping') return { problems: [{ field: 'method', text: wrong.method }] }
  const address = addressOf(body)
  const missing = (['name', 'line1', 'city', 'country'] as const).filter(
    (name) => address[name] === '',
  )
  if (missing.length > 0) return { problems: missing.map((name) => addressProblem(t, name)) }
  // What is not there is left out: an empty text is none.
  const given = Object.fromEntries(Object.entries(address).filter(([, value]) => value !== ''))
  return { deed: { method: 'PUT', path: 'delivery', body: { method, address: given } }, said }
}

function addressProblem({ buying }: Talk['t'], field: AddressField): Problem {
  const { wrong } = buying
  if (field === 'country') return { field, text: wrong.country }
  if (field === 'name') return { field, text: wrong.name }
  return { field, text: field === 'line1' || field === 'line2' ? wrong.line : wrong.place }
}

/** A refusal of the order service; of an address it names the field. */
function orderProblem(refusal: Refusal, talk: Talk): Problem {
  const name = String(refusal.details?.field).split('/').at(-1)
  const field = ADDRESS_FIELDS.find((each) => each === name)
  if (field !== undefined) return addressProblem(talk.t, field)
  const problem = problemOf(refusal, talk)
  return refusal.code === 'order.invalid_message' ? { ...problem, field: 'message' } : problem
}

async function show(
  { buying, lots }: OrderRoutesOptions,
  viewer: Viewer,
  id: string,
  entry: OrderEntry,
  statusCode = 200,
  said = '',
): Promise<PageAnswer> {
  const { authorization } = viewer
  const order = UUID.test(id) ? await buying.readOrder(id, authorization) : undefined
  const elsewhere = elsewhereOf(viewer, order)
  if (order === undefined || elsewhere !== undefined) return elsewhere ?? notFound(viewer)
  const [item, seller, dispute, invoices] = await Promise.all([
    orAway(buying.readPictured(order.itemId, authorization)),
    orAway(lots.readSeller(order.sellerId)),
    orAway(buying.readDispute(id, authorization)),
    orAway(buying.readInvoices(id, authorization)),
  ])
  const parts = { order, item, seller, dispute, invoices }
  const flash = flashOf(viewer, order, said)
  const noted = flash === undefined ? entry : { ...entry, flash }
  return { statusCode, markup: orderPage(viewer, parts, noted), isSecret: true }
}

/** What happened is said only of an order that it happened to: anyone can write an address. */
function flashOf(viewer: Viewer, order: OrderView, said: string): string | undefined {
  const { state, cancellationAskedBy, delivery } = order
  const isTrue: Readonly<Record<string, boolean>> = {
    delivery: delivery !== undefined,
    received: state === 'delivered' || state === 'completed',
    asked: cancellationAskedBy === 'buyer',
    kept: cancellationAskedBy === undefined && order.actions.includes('agree_to_cancellation'),
    cancelled: state === 'cancelled',
    disputed: state === 'disputed',
    written: state === 'disputed',
    withdrawn: state !== 'disputed' && !order.actions.includes('dispute'),
  }
  return isTrue[said] === true ? saidIn(viewer.talk.t.buying.said, { said }) : undefined
}

/** Sellers have a page of their own for it. */
function elsewhereOf(viewer: Viewer, order: OrderView | undefined): PageAnswer | undefined {
  if (order?.role !== 'seller') return order?.role === 'buyer' ? undefined : notFound(viewer)
  return { to: viewer.to(`/my/sales/${order.id}`) }
}

function payRoutes(own: PageRoutes, options: OrderRoutesOptions): void {
  const { buying } = options
  own.get('/my/orders/:id/pay', (viewer, request) => {
    return showPay(options, viewer, idOf(request), {
      key: randomUUID(),
      chosen: [],
      isReturned: fieldOf(request.query, 'returned') === 'yes',
    })
  })

  own.post('/my/orders/:id/pay', async (viewer, request) => {
    const id = idOf(request)
    if (!UUID.test(id)) return notFound(viewer)
    const key = keyOf(request.body)
    const chosen = chosenIn(request.body).filter((each) => each !== id)
    const path = viewer.to(`/my/orders/${id}/pay`)
    const payment = {
      orderIds: [id, ...chosen].slice(0, PAID_TOGETHER_MAX),
      returnUrl: `${path}?returned=yes`,
    }
    const answer = await orLost(buying.beginPayment(key, payment, viewer.authorization))
    if (answer !== 'lost' && answer.status === 201) return { to: path }
    // The same key and the same orders again: should it have been begun, it is not begun twice.
    const isLost = answer === 'lost'
    const problem = isLost
      ? { text: viewer.talk.t.buying.pay.lost }
      : problemOf(answer.body as unknown as Refusal, viewer.talk)
    const entry = { key: isLost ? key : randomUUID(), chosen, isReturned: false }
    const status = isLost ? 503 : answer.status
    return showPay(options, viewer, id, { ...entry, problems: [problem] }, status)
  })

  own.get('/my/orders/:id/pay/stop', async (viewer, request) => {
    const id = idOf(request)
    return UUID.test(id) ? { to: viewer.to(`/my/orders/${id}/pay`) } : notFound(viewer)
  })
  own.post('/my/orders/:id/pay/stop', async (viewer, request) => {
    const id = idOf(request)
    const payment = fieldOf(request.body, 'payment')
    if (!UUID.test(id) || !UUID.test(payment)) return notFound(viewer)
    const { status, body } = await buying.cancelPayment(payment, viewer.authorization)
    if (status < 300) return { to: viewer.to(`/my/orders/${id}/pay`) }
    const problems = [problemOf(body as unknown as Refusal, viewer.talk)]
    const entry = { key: randomUUID(), chosen: [], isReturned: false, problems }
    return showPay(options, viewer, id, entry, status)
  })
}

async function showPay(
  { buying }: OrderRoutesOptions,
  viewer: Viewer,
  id: string,
  entry: PayEntry,
  statusCode = 200,
): Promise<PageAnswer> {
  const { authorization } = viewer
  const order = UUID.test(id) ? await buying.readOrder(id, authorization) : undefined
  const elsewhere = elsewhereOf(viewer, order)
  if (order === undefined || elsewhere !== undefined) return elsewhere ?? notFound(viewer)
  const unpaid = (state: string) =>
    buying.listOrders({ state, limit: String(PAID_TOGETHER_MAX) }, authorization)
  const [payment, others] = await Promise.all([
    orAway(buying.readLastPayment(id, authorization)),
    orAway(Promise.all([unpaid('pending_payment'), unpaid('overdue')])),
  ])
  const parts = {
    order,
    payment,
    others:
      others === 'away'
        ? others
        : payableWith(
            order,
            others.flatMap(({ orders }) => orders),
          ),
  }
  return { statusCode, markup: payPage(viewer, parts, entry), isSecret: true }
}

function payableWith(
  { id, sellerId, currencyCode }: OrderView,
  orders: readonly OrderSummaryView[],
): OrderSummaryView[] {
  const fitting = orders.filter(
    (each) =>
      each.id !== id &&
      each.sellerId === sellerId &&
      each.currencyCode === currencyCode &&
      !each.isBeingPaid,
  )
  // What became overdue between the two reads is in both of them.
  const byId = new Map(fitting.map((each) => [each.id, each]))
  return [...byId.values()].slice(0, PAID_TOGETHER_MAX - 1)
}

/** Each box has a name of its own, because of several fields with one name the last counts. */
const chosenIn = (body: unknown): string[] =>
  Object.keys((body ?? {}) as object)
    .map((name) => /^with-(.+)$/.exec(name)?.[1] ?? '')
    .filter((id) => UUID.test(id))

function keyOf(body: unknown): string {
  const given = fieldOf(body, 'key')
  return readIdempotencyKey(given) === undefined ? randomUUID() : given
}

/** Refusals of services that are not set up, and so did nothing. */
const NOTHING_BEGUN: ReadonlySet<unknown> = new Set(['payment.no_provider'])

/** Whether it was done is unknown when its answer did not come. */
export async function orLost(sending: Promise<ServiceAnswer>): Promise<ServiceAnswer | 'lost'> {
  try {
    const answer = await sending
    return answer.status < 500 || NOTHING_BEGUN.has(answer.body.code) ? answer : 'lost'
  } catch (error) {
    if (error instanceof UpstreamError) return 'lost'
    throw error
  }
}
