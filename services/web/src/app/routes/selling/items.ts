import { randomUUID } from 'node:crypto'
import { readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import { minorDigits } from '@auction/common/money.ts'
import { trimText } from '@auction/common/text.ts'
import { fieldOf, trimmedOf } from '#src/app/forms.ts'
import { notFound, type PageAnswer, type PageRoutes } from '#src/app/page-routes.ts'
import { saidIn } from '#src/app/pages/parts.ts'
import { importPage } from '#src/app/pages/selling/import-page.ts'
import {
  deletePage,
  ITEM_STATES,
  type ItemEntry,
  myItemsPage,
  ownItemPage,
  relistPage,
  withdrawPage,
} from '#src/app/pages/selling/items-pages.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Problem, Refusal } from '#src/domain/problem-text.ts'
import { amountOf, type Typed } from '#src/domain/selling-form.ts'
import { sellingProblem } from '#src/domain/selling-problem.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import type { OwnItemView, Selling } from '#src/infra/http/selling.ts'
import type { ServiceAnswer } from '#src/infra/http/service-client.ts'
import { ownItem, ownRoutes, parameterOf } from './guard.ts'

const LISTED = 20
/** What is typed into the forms of an item; the rest of them are buttons. */
const TYPED = ['reason', 'startPrice', 'reservePrice', 'buyoutPrice', 'priceDropPercent'] as const

/** A seller's items, and what is done with them besides editing. */
export function itemRoutes(pages: PageRoutes, selling: Selling): void {
  const routes = ownRoutes(pages)

  routes.get('/my/items', async (viewer, { query }) => {
    const asked = fieldOf(query, 'state')
    const state = ITEM_STATES.find((each) => each === asked)
    const q = trimmedOf(query, 'q')
    const cursor = fieldOf(query, 'cursor')
    const all = { limit: String(LISTED), ...(state === undefined ? {} : { status: state }) }
    const parameters = new URLSearchParams({
      ...all,
      ...(q === '' ? {} : { q }),
      ...(/^[\w-]{1,400}$/.test(cursor) ? { cursor } : {}),
    })
    const { authorization } = viewer
    const isAsked = q.length <= TEXT_LENGTHS_MAX['search.text']
    const found = isAsked ? await selling.findItems(parameters, authorization) : undefined
    // What cannot be searched for is said to be so above all of them.
    const list =
      found?.ok === true
        ? found.body
        : await selling.readItems(new URLSearchParams(all), authorization)
    const imported = Number(fieldOf(query, 'imported'))
    const { talk } = viewer
    const problems = found?.ok === true ? [] : [{ text: talk.t.search.invalid }]
    const flash =
      Number.isInteger(imported) && imported > 0
        ? talk.count(imported, talk.t.selling.importing.done)
        : saidIn(talk.t.selling.said, query)
    const markup = myItemsPage(viewer, { state, q }, list, { flash, problems })
    return { statusCode: found?.ok === true ? 200 : 422, markup, isSecret: true }
  })

  routes.get('/my/items.csv', async () => ({ to: '/api/v1/my/items.csv' }))

  routes.get('/my/items/import', async (viewer) => ({
    markup: importPage(viewer, { key: randomUUID() }),
  }))

  const page = (
    name: string,
    make: (viewer: Viewer, item: OwnItemView, entry: ItemEntry) => string,
  ) =>
    routes.get(`/my/items/:itemId${name}`, async (viewer, request) => {
      const item = await ownItem(selling, viewer, parameterOf(request, 'itemId'))
      if (item === undefined) return notFound(viewer)
      const flash = saidIn(viewer.talk.t.selling.said, request.query)
      return { markup: make(viewer, item, { flash }), isSecret: true }
    })

  const withKey =
    (make: (viewer: Viewer, item: OwnItemView, key: string, entry: ItemEntry) => string) =>
    (viewer: Viewer, item: OwnItemView, entry: ItemEntry) =>
      make(viewer, item, keyOf(entry.typed), entry)

  page('', withKey(ownItemPage))
  page('/withdraw', withdrawPage)
  page('/delete', deletePage)
  page('/relist', withKey(relistPage))

  const act = (
    name: string,
    make: (viewer: Viewer, item: OwnItemView, entry: ItemEntry) => string,
    handler: (viewer: Viewer, item: OwnItemView, typed: Typed) => Promise<PageAnswer | Problem[]>,
  ) =>
    routes.post(
      `/my/items/:itemId/${name}`,
      ({ itemId }) => `/my/items/${itemId}`,
      async (viewer, request, typed) => {
        const item = await ownItem(selling, viewer, parameterOf(request, 'itemId'))
        if (item === undefined) return notFound(viewer)
        const answer = await handler(viewer, item, typed)
        if (!Array.isArray(answer)) return answer
        const markup = make(viewer, item, { typed, problems: answer })
        return { statusCode: 422, markup, isSecret: true }
      },
      { isKept: (typed) => TYPED.some((name) => trimText(typed[name] ?? '') !== '') },
    )

  const problemsOf = (viewer: Viewer, { body }: ServiceAnswer): Problem[] => [
    sellingProblem(body as unknown as Refusal, viewer.talk),
  ]

  act('withdraw', withdrawPage, async (viewer, { id }, { reason = '' }) => {
    const { authorization } = viewer
    const answer = await selling.act(id, 'withdraw', { body: { reason }, authorization })
    if (answer.status >= 300) return problemsOf(viewer, answer)
    return { to: viewer.to(`/my/items/${id}?said=withdrawn`) }
  })

  act('delete', deletePage, async (viewer, { id }) => {
    const answer = await selling.deleteItem(id, viewer.authorization)
    // Deleted twice is deleted.
    if (answer.status >= 300 && answer.status !== 404) return problemsOf(viewer, answer)
    return { to: viewer.to('/my/items?said=deleted') }
  })

  act('relist', withKey(relistPage), async (viewer, item, typed) => {
    const digits = minorDigits(item.currencyCode) ?? 2
    const changes: Record<string, string | null> = {}
    const problems: Problem[] = []
    for (const name of ['startPrice', 'reservePrice', 'buyoutPrice']) {
      const read = amountOf(typed, name, viewer.talk, digits, name === 'startPrice')
      if ('problem' in read) problems.push(read.problem)
      else changes[name] = read.value
    }
    if (problems.length > 0) return problems
    const answer = await selling.act(item.id, 'relist', {
      body: changes,
      idempotencyKey: keyOf(typed),
      authorization: viewer.authorization,
    })
    if (answer.status >= 300) return problemsOf(viewer, answer)
    return { to: viewer.to(`/my/items/${String(answer.body.id)}?said=relisted`) }
  })

  act('plan', withKey(ownItemPage), async (viewer, { id }, typed) => {
    const { times = '', priceDropPercent = '' } = typed
    const drop = trimText(priceDropPercent) || '0'
    const isWhole = /^\d{1,2}$/.test(drop) && Number(drop) <= 90
    const { reasons } = viewer.talk.t.selling
    if (!isWhole) return [{ field: 'priceDropPercent', text: reasons.not_a_whole_number }]
    const plan = { times: Number(times) || 0, priceDropPercent: Number(drop) }
    const answer = await selling.planRelist(id, plan, viewer.authorization)
    if (answer.status >= 300) return problemsOf(viewer, answer)
    return { to: viewer.to(`/my/items/${id}?said=planned`) }
  })

  act('copy', withKey(ownItemPage), async (viewer, item, typed) => {
    const { authorization } = viewer
    const answer = await selling.createItem(copyOf(item), keyOf(typed), authorization)
    if (answer.status !== 201) return problemsOf(viewer, answer)
    const id = String(answer.body.id)
    const attributes = (await selling.readAttributes(item.id, authorization)).map(
      ({ key, value }) => ({ key, value }),
    )
    // The same key again is the same draft; what is missing of it is set again.
    const steps = [
      ...(item.categories.length === 0
        ? []
        : [() => selling.setCategories(id, item.categories, authorization)]),
      ...(attributes.length === 0
        ? []
        : [() => selling.setAttributes(id, attributes, authorization)]),
      ...(item.images.length === 0 ? [] : [() => selling.copyPictures(id, item.id, authorization)]),
    ]
    for (const step of steps) {
      const done = await step()
      // A category that is hidden meanwhile is left out; the seller sees the draft next.
      if (done.status >= 500) return problemsOf(viewer, done)
    }
    return { to: viewer.to(`/sell/${id}?said=copied`) }
  })
}

/** That of the form, so that pressing twice does it once. */
function keyOf(typed: Typed | undefined): string {
  const given = typed?.key ?? ''
  return given.length <= 64 ? (readIdempotencyKey(given) ?? randomUUID()) : randomUUID()
}

/** The same item, from now on for as long as it was meant to last. */
function copyOf(item: OwnItemView) {
  const lengthMs = Date.parse(item.originalEndDate) - Date.parse(item.startDate)
  const now = Date.now()
  const optional = {
    bidIncrement: item.bidIncrement,
    reservePrice: item.reservePrice,
    buyoutPrice: item.buyoutPrice,
    buyoutReservationMinutes: item.buyoutReservationMinutes,
  }
  return {
    name: item.name,
    description: item.description,
    type: item.type,
    currencyCode: item.currencyCode,
    startPrice: item.startPrice,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    startDate: new Date(now).toISOString(),
    endDate: new Date(now + lengthMs).toISOString(),
    extensionDurationMinutes: item.extensionDurationMinutes,
    extensionMode: item.extensionMode,
  }
}
