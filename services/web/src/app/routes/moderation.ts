import { randomUUID } from 'node:crypto'
import { readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import { UUID } from '@auction/common/ids.ts'
import { minorDigits } from '@auction/common/money.ts'
import { trimText } from '@auction/common/text.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { fieldOf } from '#src/app/forms.ts'
import {
  loginFor,
  notFound,
  type PageAnswer,
  type PageHandler,
  type PageRoutes,
} from '#src/app/page-routes.ts'
import {
  disputesPage,
  FLAG_KINDS,
  flagsPage,
  type OrderParts,
  operatedOrderPage,
} from '#src/app/pages/moderation/desk-pages.ts'
import { forbiddenPage } from '#src/app/pages/moderation/frame.ts'
import {
  actionsPage,
  queuePage,
  REPORT_KINDS,
  REPORT_STATES,
  reportPage,
} from '#src/app/pages/moderation/reports-page.ts'
import { type Notes, saidIn } from '#src/app/pages/parts.ts'
import { type Act, answerAct } from '#src/app/proofs.ts'
import { isModerator, type Viewer } from '#src/app/viewer.ts'
import { readAmount } from '#src/domain/amount.ts'
import { type Problem, problemOf, type Refusal } from '#src/domain/problem-text.ts'
import { type Identity, ProofNeededError } from '#src/infra/http/identity.ts'
import type { Moderation } from '#src/infra/http/moderation.ts'
import { orAway, type ServiceAnswer } from '#src/infra/http/service-client.ts'
import { orLost } from './orders.ts'

const ACTIONS_SHOWN = 30
const PAGE_MAX = 10_000
const CURSOR = /^[0-9]{1,14}\.[0-9a-f-]{36}$/

export interface DeskOptions {
  identity: Identity
  moderation: Moderation
}

export const idOf = ({ params }: FastifyRequest) => (params as { id: string }).id

/**
 * A reload, a bookmark or another language of what a form was answered with leads to the page of the form. Only ids
 * come into the address: anything else may hold characters that no header takes.
 */
export const backTo =
  (page: (request: FastifyRequest) => string): PageHandler =>
  async (viewer, request) =>
    UUID.test(idOf(request)) ? { to: viewer.to(page(request)) } : notFound(viewer)

export const forbidden = (viewer: Viewer): PageAnswer => ({
  statusCode: 403,
  markup: forbiddenPage(viewer),
  isSecret: true,
})

/** A page for those who have a role; the service behind it judges once more. */
export function forRole(
  hasRole: (viewer: Viewer) => boolean,
  show: (viewer: Viewer, request: FastifyRequest, reply: FastifyReply) => Promise<PageAnswer>,
) {
  return async (viewer: Viewer, request: FastifyRequest, reply: FastifyReply) => {
    if (!viewer.isLoggedIn) return { to: loginFor(viewer, viewer.path) }
    if (!hasRole(viewer)) return forbidden(viewer)
    return { isSecret: true, ...(await show(viewer, request, reply)) }
  }
}

export const saidAt = ({ talk }: Viewer, { query }: FastifyRequest): Notes => ({
  flash: saidIn(talk.t.moderation.said, query),
})

/** What waits for another operator is not done yet. */
export const saidOf = ({ status }: Pick<ServiceAnswer, 'status'>, said: string): string =>
  status === 202 ? 'waiting' : said

/** What a service refused, at the field of the form that it is about. */
export function refusedAt(
  { talk }: Viewer,
  { body }: Pick<ServiceAnswer, 'body'>,
  fields: readonly string[],
  byCode: Readonly<Record<string, string>> = {},
): Problem {
  const refusal = body as unknown as Refusal
  const { text } = problemOf(refusal, talk)
  const field = byCode[refusal.code] ?? String(refusal.details?.field).replace(/^\//, '')
  return fields.includes(field) ? { field, text } : { text }
}

/** The desk of moderators. */
export function deskRoutes(pages: PageRoutes, options: DeskOptions): void {
  queueRoutes(pages, options)
  decisionRoutes(pages, options)
  listRoutes(pages, options)
  orderRoutes(pages, options)
}

/** Names of people and of lots, as far as they can be read. */
export async function namesOf(
  { moderation }: DeskOptions,
  { authorization }: Viewer,
  { people = [], items = [] }: { people?: (string | null)[]; items?: string[] },
): Promise<Map<string, string>> {
  const ids = new Set(people.filter((id) => id !== null))
  const read = await Promise.all([
    ...[...ids].map(async (id) => [id, await orAway(moderation.readUserName(id))] as const),
    ...[...new Set(items)].map(
      async (id) => [id, await orAway(moderation.readItemName(id, authorization))] as const,
    ),
  ])
  return new Map(
    read.flatMap(([id, name]) => (name === undefined || name === 'away' ? [] : [[id, name]])),
  )
}

const pageOf = (query: unknown): string => {
  const page = Number(fieldOf(query, 'page') || '1')
  return String(Number.isInteger(page) && page >= 1 && page <= PAGE_MAX ? page : 1)
}

function queueRoutes(pages: PageRoutes, options: DeskOptions): void {
  const { moderation } = options
  pages.get(
    '/moderation',
    forRole(isModerator, async (viewer, request) => {
      const { query } = request
      const state = REPORT_STATES.find((each) => each === fieldOf(query, 'state')) ?? 'open'
      const kind = REPORT_KINDS.find((each) => each === fieldOf(query, 'kind'))
      const search = new URLSearchParams({
        state,
        page: pageOf(query),
        ...(kind === undefined ? {} : { reason: kind }),
      })
      const queue = await moderation.readQueue(search, viewer.authorization)
      if (queue === undefined) return forbidden(viewer)
      return { markup: queuePage(viewer, { state, kind }, queue, saidAt(viewer, request)) }
    }),
  )
  pages.get(
    '/moderation/reports/:id',
    forRole(isModerator, (viewer, request) =>
      showReport(options, viewer, idOf(request), saidAt(viewer, request)),
    ),
  )
}

async function showReport(
  options: DeskOptions,
  viewer: Viewer,
  id: string,
  notes: Notes & { came?: { verb: string; reason: string } },
  statusCode = 200,
): Promise<PageAnswer> {
  const { moderation } = options
  const as = viewer.authorization
  const report = UUID.test(id) ? await moderation.readReport(id, as) : undefined
  if (report === undefined) return notFound(viewer)
  const query = new URLSearchParams({ itemId: report.itemId, limit: String(ACTIONS_SHOWN) })
  const actions = (await orAway(moderation.readActions(query, as))) ?? 'away'
  const people = [report.sellerId, report.reporterId, report.comment?.authorId ?? null]
  const actors = actions === 'away' ? [] : actions.map(({ actorId }) => actorId)
  const names = await namesOf(options, viewer, { people: [...people, ...actors] })
  const markup = reportPage(viewer, { report, actions, names, ...notes })
  return { statusCode, markup, isSecret: true }
}

/** Who has lost the role meanwhile is refused by the page as well. */
export const forModerators =
  (hasRole: (viewer: Viewer) => boolean, act: Act): Act =>
  async (viewer, caller, request) =>
    hasRole(viewer) ? act(viewer, caller, request) : forbidden(viewer)

const SAID = { dismiss: 'dismissed', remove: 'removed', restore: 'restored' } as const

function decisionRoutes(pages: PageRoutes, options: DeskOptions): void {
  const { identity, moderation } = options
  for (const [kind, verb] of [
    ['reports', 'dismiss'],
    ['items', 'remove'],
    ['items', 'restore'],
    ['comments', 'remove'],
    ['comments', 'restore'],
  ] as const) {
    const url = `/moderation/${kind}/:id/${verb}`
    const pageOfForm = ({ body }: FastifyRequest) => {
      const report = fieldOf(body, 'report')
      return UUID.test(report) ? `/moderation/reports/${report}` : '/moderation/actions'
    }
    pages.get(url, async (viewer) => ({ to: viewer.to('/moderation') }))
    pages.post(
      url,
      answerAct(
        identity,
        { page: pageOfForm },
        forModerators(isModerator, async (viewer, _caller, request) => {
          const [id, report] = [idOf(request), fieldOf(request.body, 'report')]
          if (!UUID.test(id)) return notFound(viewer)
          const reason = fieldOf(request.body, 'reason')
          const path = `${kind}/${id}/${verb}`
          const answer = await moderation.decide(path, reason, viewer.authorization)
          // What is dismissed leaves the queue; of the rest the page shows how it is now.
          const next = verb === 'dismiss' ? '/moderation' : pageOfForm(request)
          if (answer.status < 300) return { to: viewer.to(`${next}?said=${SAID[verb]}`) }
          const byCode = { 'moderation.validation_failed': 'reason' }
          const problems = [refusedAt(viewer, answer, ['reason'], byCode)]
          if (UUID.test(report)) {
            const notes = { problems, came: { verb, reason } }
            return showReport(options, viewer, report, notes, answer.status)
          }
          const came = { path: `/moderation/${path}`, reason }
          return showActions(options, viewer, {}, { problems, came }, answer.status)
        }),
      ),
    )
  }
}

async function showActions(
  options: DeskOptions,
  viewer: Viewer,
  query: unknown,
  notes: Notes & { came?: { path: string; reason: string } },
  statusCode = 200,
): Promise<PageAnswer> {
  const before = fieldOf(query, 'before')
  const search = new URLSearchParams({
    limit: String(ACTIONS_SHOWN),
    ...(/^[1-9]\d{0,15}$/.test(before) ? { before } : {}),
  })
  const actions = await options.moderation.readActions(search, viewer.authorization)
  if (actions === undefined) return forbidden(viewer)
  const names = await namesOf(options, viewer, {
    people: actions.map(({ actorId }) => actorId),
    items: actions.map(({ itemId }) => itemId),
  })
  const last = actions.length < ACTIONS_SHOWN ? undefined : actions.at(-1)
  const more = last === undefined ? undefined : `/moderation/actions?before=${last.sequence}`
  const markup = actionsPage(viewer, actions, { names, more, ...notes })
  return { statusCode, markup, isSecret: true }
}

function listRoutes(pages: PageRoutes, options: DeskOptions): void {
  const { moderation } = options
  pages.get(
    '/moderation/actions',
    forRole(isModerator, (viewer, request) =>
      showActions(options, viewer, request.query, saidAt(viewer, request)),
    ),
  )
  pages.get(
    '/moderation/flags',
    forRole(isModerator, async (viewer, { query }) => {
      const kind = FLAG_KINDS.find((each) => each === fieldOf(query, 'kind'))
      const search = new URLSearchParams({
        page: pageOf(query),
        ...(kind === undefined ? {} : { kind }),
      })
      const flags = await moderation.readFlags(search, viewer.authorization)
      if (flags === undefined) return forbidden(viewer)
      const names = await namesOf(options, viewer, {
        people: flags.items.flatMap(({ userId, sellerId }) => [userId, sellerId ?? null]),
        items: flags.items.flatMap(({ itemId }) => (itemId === undefined ? [] : [itemId])),
      })
      return { markup: flagsPage(viewer, kind, flags, names) }
    }),
  )
  pages.get(
    '/moderation/disputes',
    forRole(isModerator, async (viewer, { query }) => {
      const cursor = fieldOf(query, 'cursor')
      const search = new URLSearchParams(CURSOR.test(cursor) ? { cursor } : {})
      const disputes = await moderation.readDisputes(search, viewer.authorization)
      return disputes === undefined ? forbidden(viewer) : { markup: disputesPage(viewer, disputes) }
    }),
  )
}

async function showOrder(
  options: DeskOptions,
  viewer: Viewer,
  id: string,
  notes: Pick<OrderParts, 'flash' | 'problems' | 'typed'> & { key?: string },
  statusCode = 200,
): Promise<PageAnswer> {
  const { moderation } = options
  const as = viewer.authorization
  const order = UUID.test(id) ? await moderation.readOrder(id, as) : undefined
  if (order === undefined) return notFound(viewer)
  const { paymentId } = order
  const [dispute, refunds, names] = await Promise.all([
    orAway(moderation.readDispute(id, as)),
    paymentId === undefined ? undefined : orAway(moderation.readRefunds(paymentId, as)),
    namesOf(options, viewer, { people: [order.buyerId, order.sellerId] }),
  ])
  const parts = { order, dispute, refunds, names, key: randomUUID(), ...notes }
  return { statusCode, markup: operatedOrderPage(viewer, parts), isSecret: true }
}

function orderRoutes(pages: PageRoutes, options: DeskOptions): void {
  const { identity, moderation } = options
  const URL = '/operator/orders/:id'
  pages.get(
    URL,
    forRole(isModerator, (viewer, request) =>
      showOrder(options, viewer, idOf(request), saidAt(viewer, request)),
    ),
  )
  const form = (
    name: string,
    said: string,
    act: (
      viewer: Viewer,
      id: string,
      body: Record<string, string>,
      caller: Parameters<Act>[1],
    ) => Promise<{ answer: ServiceAnswer } | { problem: Problem } | { lost: Problem; key: string }>,
  ) => {
    const page = (request: FastifyRequest) => `/operator/orders/${idOf(request)}`
    pages.get(`${URL}/${name}`, backTo(page))
    pages.post(
      `${URL}/${name}`,
      answerAct(
        identity,
        { page },
        forModerators(isModerator, async (viewer, caller, request) => {
          const id = idOf(request)
          if (!UUID.test(id)) return notFound(viewer)
          const typed = (request.body ?? {}) as Record<string, string>
          const done = await act(viewer, id, typed, caller)
          if ('problem' in done) {
            const key = typed.key === undefined ? {} : { key: keyOf(typed) }
            const notes = { problems: [done.problem], typed, ...key }
            return showOrder(options, viewer, id, notes, 422)
          }
          if ('lost' in done) {
            // The same key with what was typed: should it have counted, it does not count twice.
            const notes = { problems: [done.lost], typed, key: done.key }
            return showOrder(options, viewer, id, notes, 503)
          }
          const { answer } = done
          if (answer.status < 300)
            return { to: viewer.to(`${page(request)}?said=${saidOf(answer, said)}`) }
          const fields = ['message', 'refundAmount', 'resolution', 'outcome', 'amount', 'reason']
          const problems = [refusedAt(viewer, answer, fields, FIELDS)]
          return showOrder(options, viewer, id, { problems, typed }, answer.status)
        }),
      ),
    )
  }
  const amountIn = ({ talk }: Viewer, text: string, currency: string) =>
    readAmount(text, talk.locale, minorDigits(currency))

  form('resolution', 'decided', async (viewer, id, typed) => {
    const { resolution = '', refundAmount = '', message = '', currency = '' } = typed
    const isForBuyer = resolution !== 'seller'
    const amount = amountIn(viewer, refundAmount, currency)
    const isGiven = isForBuyer && trimText(refundAmount) !== ''
    if (isGiven && !amount.ok)
      return { problem: amountProblem(viewer, 'refundAmount', amount.reason) }
    const body = {
      resolution: isForBuyer ? 'buyer' : 'seller',
      message,
      ...(isGiven && amount.ok ? { refundAmount: amount.amount } : {}),
    }
    return { answer: await moderation.resolveDispute(id, body, viewer.authorization) }
  })
  form('settlement', 'settled', async (viewer, id, { outcome = '', message = '' }) => {
    const body = { outcome: outcome === 'resumed' ? 'resumed' : 'refunded', message }
    return { answer: await moderation.settleRefund(id, body, viewer.authorization) }
  })
  form('refund', 'refunded', async (viewer, id, typed, caller) => {
    const { amount: text = '', reason = '', payment = '', currency = '' } = typed
    const amount = amountIn(viewer, text, currency)
    if (!amount.ok) return { problem: amountProblem(viewer, 'amount', amount.reason) }
    if (!UUID.test(payment)) return { problem: { text: viewer.talk.t.refusal.fillIn } }
    const body = { orderId: id, amount: amount.amount, reason }
    // Payment looks at when the token was proved.
    const authorization = await caller.authorization()
    const key = keyOf(typed)
    const sending = moderation.refund(payment, `${key}:${amount.amount}`, body, authorization)
    const answer = await orLost(sending)
    if (answer === 'lost') return { lost: { text: viewer.talk.t.sales.refundLost }, key }
    if (answer.body.code === 'payment.proof_required') throw new ProofNeededError('a refund')
    return { answer }
  })
}

const FIELDS: Readonly<Record<string, string>> = {
  'order.invalid_message': 'message',
  'order.refund_invalid': 'refundAmount',
  'payment.amount': 'amount',
  'payment.refund_too_large': 'amount',
  'payment.refund_not_covered': 'amount',
  'payment.not_supported': 'amount',
}

const keyOf = ({ key = '' }: Record<string, string>): string =>
  key.length <= 64 && readIdempotencyKey(key) !== undefined ? key : randomUUID()

function amountProblem(
  { talk }: Viewer,
  field: string,
  reason: 'missing' | 'not_an_amount' | 'ambiguous',
): Problem {
  const { amount } = talk.t
  const texts = {
    missing: amount.missing,
    not_an_amount: amount.notAnAmount,
    ambiguous: amount.ambiguous,
  }
  return { field, text: texts[reason] }
}
