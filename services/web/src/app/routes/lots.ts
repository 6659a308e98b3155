import { randomUUID } from 'node:crypto'
import { type Html, html } from '@auction/common/html.ts'
import { readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import { UUID } from '@auction/common/ids.ts'
import { minorDigits } from '@auction/common/money.ts'
import type { FastifyRequest } from 'fastify'
import { fieldOf, trimmedOf } from '#src/app/forms.ts'
import { loginFor, notFound, type PageAnswer, type PageRoutes } from '#src/app/page-routes.ts'
import { againPage, keptPage } from '#src/app/pages/lot/again-page.ts'
import { buyNowPage, confirmBidPage } from '#src/app/pages/lot/bid-box.ts'
import { type LotEntry, type LotParts, lotPage } from '#src/app/pages/lot/lot-page.ts'
import { saidOf } from '#src/app/pages/parts.ts'
import { createSharedPages } from '#src/app/shared-pages.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { type ReadAmount, readAmount } from '#src/domain/amount.ts'
import { type Problem, problemOf, type Refusal } from '#src/domain/problem-text.ts'
import { returnPath } from '#src/domain/return-path.ts'
import type { Talk } from '#src/domain/talk.ts'
import type { Buying } from '#src/infra/http/buying.ts'
import type { Lots } from '#src/infra/http/lots.ts'
import {
  LoginNeededError,
  orAway,
  type ServiceAnswer,
  UpstreamError,
} from '#src/infra/http/service-client.ts'

/** All that the page of a lot is read from. */
type PageSources = Lots & Pick<Buying, 'readDeposits'>

const idOf = ({ params }: FastifyRequest) => (params as { itemId: string }).itemId

/** One lot and all that can be done with it, by forms that need no script. */
export function lotRoutes(
  pages: PageRoutes,
  services: Lots,
  buying: Pick<Buying, 'readDeposits' | 'beginDeposit'>,
  sharedMs: number,
): void {
  const lots: PageSources = { ...services, readDeposits: buying.readDeposits }
  const shared = createSharedPages(sharedMs)

  pages.get('/lots/:itemId', (asked, request) => {
    // Visitors have no forms, and so nothing that they typed.
    const said = fieldOf(request.query, 'said')
    return shared.of(
      asked,
      { said: saidOf(asked.talk, { said }) === undefined ? '' : said },
      (viewer) => show(lots, viewer, idOf(request), entryOf(request)),
    )
  })

  /** A form of the page. Who is not logged in any more comes back to it with what they typed. */
  const act = (
    name: string,
    typedOf: (body: unknown, talk: Talk) => Record<string, string>,
    handler: (viewer: Viewer, id: string, body: unknown) => Promise<PageAnswer>,
  ) => {
    // A reload, a bookmark or another language of the page that answered the form.
    if (name !== 'buy-now') {
      pages.get(`/lots/:itemId/${name}`, async (viewer, request) => {
        const id = idOf(request)
        return UUID.test(id) ? { to: viewer.to(`/lots/${id}`) } : notFound(viewer)
      })
    }
    pages.post(`/lots/:itemId/${name}`, async (sender, request) => {
      const id = idOf(request)
      const viewer = { ...sender, path: sender.to(`/lots/${id}`) }
      if (!UUID.test(id)) return notFound(sender)
      const login = () => toLogin(viewer, id, typedOf(request.body, viewer.talk))
      if (!viewer.isLoggedIn) return login()
      try {
        return await handler(viewer, id, request.body)
      } catch (error) {
        if (error instanceof LoginNeededError) return login()
        throw error
      }
    })
  }

  act(
    'bids',
    (body, talk) => {
      const confirmed = readConfirmed(fieldOf(body, 'confirmedAmount'))
      return {
        max: confirmed.ok
          ? amountIn(talk, confirmed.amount)
          : trimmedOf(body, 'maxAmount').slice(0, 32),
      }
    },
    (viewer, id, body) => placeBid(lots, viewer, id, body),
  )

  pages.get('/lots/:itemId/buy-now', async (viewer, request) => {
    if (!viewer.isLoggedIn) return { to: loginFor(viewer, request.originalUrl) }
    return showPurchase(lots, viewer, idOf(request), { key: randomUUID() }, 200)
  })

  act('buy-now', nothing, (viewer, id, body) => buyNow(lots, viewer, id, body))

  act('deposit', nothing, async (viewer, id, body) => {
    const key = keyOf(body)
    const path = viewer.to(`/lots/${id}`)
    const deposit = { itemId: id, returnUrl: path }
    const answer = await orLost(buying.beginDeposit(key, deposit, viewer.authorization))
    if (answer !== 'lost') {
      return answer.status === 201 ? { to: path } : refused(lots, viewer, id, answer)
    }
    // The same key again: should it have been begun, it is not begun twice.
    const problems = [{ text: viewer.talk.t.deposit.lost }]
    return show(lots, viewer, id, { key, problems }, 503)
  })

  act('watch', nothing, async (viewer, id, body) => {
    const isWatched = fieldOf(body, 'watch') !== 'no'
    const answer = await lots.setWatch(id, isWatched, viewer.authorization)
    if (answer.status >= 300) return refused(lots, viewer, id, answer)
    return { to: viewer.to(`/lots/${id}?said=${isWatched ? 'watched' : 'unwatched'}`) }
  })

  act(
    'questions',
    (body) => {
      const [content, parent] = [fieldOf(body, 'content'), fieldOf(body, 'parent')]
      return UUID.test(parent) ? { answer: content, parent } : { question: content }
    },
    async (viewer, id, body) => {
      const [content, parent] = [fieldOf(body, 'content'), fieldOf(body, 'parent')]
      const comment = UUID.test(parent)
        ? { content, kind: 'answer', parent_id: parent }
        : { content, kind: 'question' }
      const answer = await lots.writeComment(id, comment, viewer.authorization)
      if (answer.status !== 201) {
        const typed = UUID.test(parent) ? { answer: { parent, content } } : { question: content }
        return refused(lots, viewer, id, answer, typed)
      }
      return { to: viewer.to(`/lots/${id}?said=asked`) }
    },
  )

  act('report', nothing, async (viewer, id, body) => {
    const reason = fieldOf(body, 'reason')
    const answer = await lots.report(id, { reason }, viewer.authorization)
    // A second report while the first is open is answered as the first was.
    if (answer.status !== 201) return refused(lots, viewer, id, answer)
    return { to: viewer.to(`/lots/${id}?said=reported`) }
  })
}

const nothing = () => ({})

async function placeBid(
  lots: PageSources,
  viewer: Viewer,
  id: string,
  body: unknown,
): Promise<PageAnswer> {
  const confirmation = fieldOf(body, 'confirmation')
  const typed = fieldOf(body, 'maxAmount')
  const read =
    confirmation === ''
      ? readAmount(typed, viewer.talk.locale, minorDigits(fieldOf(body, 'currency')))
      : readConfirmed(fieldOf(body, 'confirmedAmount'))
  if (!read.ok) {
    const problems = [{ field: 'maxAmount', text: amountText(viewer.talk, read.reason) }]
    return show(lots, viewer, id, { key: randomUUID(), maxAmount: typed, problems }, 422)
  }
  const { amount } = read
  const key = keyOf(body)
  const terms = fieldOf(body, 'termsVersion')
  const bid = {
    maxAmount: amount,
    ...(/^\d{1,9}$/.test(terms) ? { termsVersion: Number(terms) } : {}),
    ...(confirmation === '' ? {} : { confirmation }),
  }
  const currency = currencyOf(body)
  const answer = await orLost(lots.placeBid(id, `${key}:${amount}`, bid, viewer.authorization))
  const maxAmount = confirmation === '' ? typed : amountIn(viewer.talk, amount)
  if (answer === 'lost') {
    // The same key and the same fields again: should the bid have arrived, it is not placed twice.
    const problem = viewer.talk.t.bid.lostAnswer
    const sent =
      confirmation === '' ? { maxAmount: typed } : { confirmedAmount: amount, confirmation }
    const fields = { ...sent, key, termsVersion: terms, currency }
    const form = { itemId: id, action: 'bids', name: 'bid', fields }
    const again = () =>
      againPage(viewer, form, { problem, amount: viewer.talk.money(amount, currency).trim() })
    if (confirmation !== '') return { statusCode: 503, markup: again() }
    const entry = { key, maxAmount, termsVersion: terms, problems: [{ text: problem }] }
    const page = await orAway(show(lots, viewer, id, entry, 503))
    return page === 'away' ? { statusCode: 503, markup: again() } : page
  }
  if (answer.status === 201) return { to: viewer.to(`/lots/${id}?said=bid`) }
  const refusal = answer.body as unknown as Refusal
  if (refusal.code === 'bid.confirmation_required') {
    return askAgain(lots, viewer, id, { amount, terms, details: refusal.details ?? {} })
  }
  const problems = [await bidProblem(lots, viewer.talk, id, refusal)]
  return show(lots, viewer, id, { key: randomUUID(), maxAmount, problems }, answer.status)
}

async function buyNow(
  lots: PageSources,
  viewer: Viewer,
  id: string,
  body: unknown,
): Promise<PageAnswer> {
  const key = keyOf(body)
  const terms = fieldOf(body, 'termsVersion')
  const purchase = {
    price: fieldOf(body, 'price').slice(0, 32),
    ...(/^\d{1,9}$/.test(terms) ? { termsVersion: Number(terms) } : {}),
  }
  const answer = await orLost(lots.buyNow(id, key, purchase, viewer.authorization))
  if (answer === 'lost') {
    // Not the page of before: when the purchase counts, it would say that the lot cannot be bought any more.
    const currency = currencyOf(body)
    const fields = { price: purchase.price, key, termsVersion: terms, currency }
    const form = { itemId: id, action: 'buy-now', name: 'buy', fields }
    const amount = viewer.talk.money(purchase.price, currency).trim()
    const problem = viewer.talk.t.bid.lostPurchase
    return { statusCode: 503, markup: againPage(viewer, form, { problem, amount }) }
  }
  if (answer.status !== 201) return refused(lots, viewer, id, answer)
  const said = answer.body.outcome === 'reserved' ? 'reserved' : 'bought'
  return { to: viewer.to(`/lots/${id}?said=${said}`) }
}

/** From our own page of confirmation, and checked all the same: it becomes part of a header. */
function readConfirmed(amount: string): ReadAmount {
  if (/^\d{1,15}(\.\d{1,4})?$/.test(amount)) return { ok: true, amount }
  return { ok: false, reason: 'not_an_amount' }
}

/** What comes back from a login is typed already; the rest is as for all who open the page. */
function entryOf({ query }: FastifyRequest): LotEntry & { said?: string } {
  const of = (name: string) => fieldOf(query, name)
  return {
    key: randomUUID(),
    ...(of('max') === '' ? {} : { maxAmount: of('max').slice(0, 32) }),
    ...(of('question') === '' ? {} : { question: of('question') }),
    ...(of('answer') === '' ? {} : { answer: { parent: of('parent'), content: of('answer') } }),
    ...(of('said') === '' ? {} : { said: of('said') }),
  }
}

async function readParts(
  lots: PageSources,
  { authorization }: Viewer,
  id: string,
): Promise<LotParts | undefined> {
  if (!UUID.test(id)) return undefined
  const [item, lot, history, comments, attributes, standing] = await Promise.all([
    lots.readItem(id, authorization),
    lots.readLot(id),
    orAway(lots.readHistory(id)),
    orAway(lots.readComments(id)),
    orAway(lots.readAttributes(id)),
    authorization === undefined ? undefined : orAway(lots.readStanding(id, authorization)),
  ])
  if (item === undefined || lot === undefined) return undefined
  const [seller, deposits] = await Promise.all([
    orAway(lots.readSeller(item.sellerID)),
    lot.deposit === undefined || authorization === undefined
      ? undefined
      : orAway(lots.readDeposits(id, authorization)),
  ])
  return { item, lot, history, comments, attributes, standing, seller, deposits }
}

async function show(
  lots: PageSources,
  viewer: Viewer,
  id: string,
  entry: LotEntry & { said?: string },
  statusCode = 200,
): Promise<PageAnswer> {
  const parts = await readParts(lots, viewer, id)
  if (parts === undefined) return notFound(viewer)
  const flash = flashOf(viewer, parts, entry.said)
  const markup = lotPage(viewer, parts, flash === undefined ? entry : { ...entry, flash })
  return { statusCode, markup }
}

/** What happened is read from how the user stands now: an address that anyone can write proves nothing. */
function flashOf(
  { talk, isLoggedIn }: Viewer,
  { lot, standing }: LotParts,
  said: string | undefined,
): string | Html | undefined {
  const { bid } = talk.t
  if (said !== 'bid' && said !== 'bought' && said !== 'reserved') return saidOf(talk, { said })
  if (standing === 'away' && isLoggedIn) {
    return html`${bid.standingAway} <a href="">${talk.t.message.tryAgain}</a>`
  }
  if (standing === undefined || standing === 'away') return undefined
  if (said === 'bought') return standing.status === 'won' ? bid.bought : undefined
  if (said === 'reserved') return standing.isReservedForMe === true ? bid.reserved : undefined
  const max = talk.money(standing.myMaxAmount ?? '0', lot.currencyCode)
  if (standing.status === 'leading') return bid.placedLeading(max)
  return standing.status === 'outbid' ? bid.placedOutbid(max) : undefined
}

async function showPurchase(
  lots: PageSources,
  viewer: Viewer,
  id: string,
  entry: LotEntry,
  statusCode: number,
): Promise<PageAnswer> {
  const parts = await readParts(lots, viewer, id)
  if (parts === undefined) return notFound(viewer)
  if (!parts.lot.buyNowAvailable) {
    const code = 'bid.buy_now_unavailable'
    const problems = [problemOf({ code }, viewer.talk)]
    return { statusCode: 409, markup: lotPage(viewer, parts, { ...entry, problems }) }
  }
  return { statusCode, markup: buyNowPage(viewer, parts, entry) }
}

async function askAgain(
  lots: PageSources,
  viewer: Viewer,
  id: string,
  bid: { amount: string; terms: string; details: NonNullable<Refusal['details']> },
): Promise<PageAnswer> {
  const item = await lots.readItem(id, viewer.authorization)
  if (item === undefined) return notFound(viewer)
  const { amount, terms, details } = bid
  const [price, confirmation] = [String(details.price), String(details.confirmation)]
  // Another request, and so another key.
  const markup = confirmBidPage(viewer, item, {
    amount,
    price,
    confirmation,
    termsVersion: terms,
    key: randomUUID(),
  })
  return { statusCode: 409, markup }
}

async function bidProblem(
  lots: PageSources,
  talk: Talk,
  id: string,
  refusal: Refusal,
): Promise<Problem> {
  const minimum = refusal.details?.minNextBid
  if (refusal.code !== 'bid.too_low' || typeof minimum !== 'string') return problemOf(refusal, talk)
  const lot = await orAway(lots.readLot(id))
  const currencyCode = lot === 'away' || lot === undefined ? '' : lot.currencyCode
  return { field: 'maxAmount', text: talk.t.refusal.tooLow(talk.money(minimum, currencyCode)) }
}

function refused(
  lots: PageSources,
  viewer: Viewer,
  id: string,
  { status, body }: ServiceAnswer,
  typed: Partial<LotEntry> = {},
): Promise<PageAnswer> {
  const problem = problemOf(body as unknown as Refusal, viewer.talk)
  // There may be many forms to answer with, and so no one field to lead to.
  const problems = [typed.answer === undefined ? problem : { text: problem.text }]
  return show(lots, viewer, id, { key: randomUUID(), ...typed, problems }, status)
}

/** The login, and after it the page with what was typed before. Where no address can hold that, it stays in a page. */
function toLogin(viewer: Viewer, id: string, typed: Record<string, string>): PageAnswer {
  const query = new URLSearchParams(Object.entries(typed).filter(([, value]) => value !== ''))
  const path = viewer.to(`/lots/${id}`)
  const back = query.size === 0 ? path : `${path}?${query}`
  if (returnPath(back, '') !== '') return { to: loginFor(viewer, back) }
  const { question, answer = '', parent = '' } = typed
  const isQuestion = question !== undefined
  const form = {
    itemId: id,
    action: 'questions',
    name: isQuestion ? 'ask' : 'answer',
    fields: isQuestion ? {} : { parent },
  }
  return { statusCode: 401, markup: keptPage(viewer, form, question ?? answer) }
}

/** Refusals of an overloaded service that recorded nothing; after any other failure the outcome is unknown. */
const NOTHING_RECORDED: ReadonlySet<unknown> = new Set(['bid.queue_full', 'bid.waited_too_long'])

/** Whether a bid counted is unknown when its answer did not come. */
async function orLost(sending: Promise<ServiceAnswer>): Promise<ServiceAnswer | 'lost'> {
  try {
    const answer = await sending
    return answer.status < 500 || NOTHING_RECORDED.has(answer.body.code) ? answer : 'lost'
  } catch (error) {
    if (error instanceof UpstreamError) return 'lost'
    throw error
  }
}

/**
 * The key of the form. The amount is added to it: pressing twice is one bid, and another amount is another bid,
 * also when the browser's back button brought the old form.
 */
function keyOf(body: unknown): string {
  const given = fieldOf(body, 'key')
  const isOurs = given.length <= 64 && readIdempotencyKey(given) !== undefined
  return isOurs ? given : randomUUID()
}

/** Of the page that the form was on; only for how amounts are read and shown. */
function currencyOf(body: unknown): string {
  const currency = fieldOf(body, 'currency')
  return minorDigits(currency) === undefined ? '' : currency
}

const amountText = ({ t }: Talk, reason: 'missing' | 'not_an_amount' | 'ambiguous'): string =>
  ({
    missing: t.amount.missing,
    not_an_amount: t.amount.notAnAmount,
    ambiguous: t.amount.ambiguous,
  })[reason]

/** As the reader would have typed it. */
const amountIn = ({ locale }: Talk, amount: string): string =>
  locale === 'en' ? amount : amount.replace('.', ',')
