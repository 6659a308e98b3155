import { randomUUID } from 'node:crypto'
import { NEXT_PATH } from '@auction/common/contracts/item-summaries.ts'
import { readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import { UUID } from '@auction/common/ids.ts'
import { withLineFeeds } from '@auction/common/text.ts'
import { notFound, type PageAnswer, type PageRoutes } from '#src/app/page-routes.ts'
import { saidIn } from '#src/app/pages/parts.ts'
import { picturesPage } from '#src/app/pages/selling/pictures-page.ts'
import { previewPage, shownDigest, termsPage } from '#src/app/pages/selling/preview-page.ts'
import {
  deliveryPage,
  draftsNote,
  OWN_KEYS,
  pricePage,
  STEPS,
  type Step,
  type StepEntry,
  stepPath,
  whatPage,
} from '#src/app/pages/selling/sell-pages.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Problem, Refusal } from '#src/domain/problem-text.ts'
import { readAttributesForm, readPriceForm, type Typed } from '#src/domain/selling-form.ts'
import { sellingProblem } from '#src/domain/selling-problem.ts'
import type { Catalogue } from '#src/infra/http/catalogue.ts'
import type { Identity } from '#src/infra/http/identity.ts'
import type { Lots } from '#src/infra/http/lots.ts'
import type { DefinitionView, OwnItemView, Selling } from '#src/infra/http/selling.ts'
import {
  LoginNeededError,
  orAway,
  type ServiceAnswer,
  UpstreamError,
} from '#src/infra/http/service-client.ts'
import { BUTTON, ownItem, ownRoutes, parameterOf } from './guard.ts'

export interface SellDependencies {
  selling: Selling
  catalogue: Catalogue
  lots: Lots
  identity: Identity
}

const WEEK_MS = 7 * 86_400_000
const DRAFTS_SHOWN = 5

/** A description of 40,000 bytes and a name of 6,400, each of which is three in a form, and the rest of the form. */
const WHAT_BYTES_MAX = 192 * 1024

/** Selling an item, a step at a time; each form saves the draft. */
export function sellRoutes(pages: PageRoutes, dependencies: SellDependencies): void {
  const { selling, identity } = dependencies
  const routes = ownRoutes(pages)
  const pageOf = (step: Step) => (parameters: Record<string, string>) =>
    stepPath(parameters.itemId ?? '', step)

  routes.get('/sell', (viewer) => showWhat(dependencies, viewer, undefined, {}))

  routes.post(
    '/sell',
    () => '/sell',
    async (viewer, _request, typed) => {
      const given = typed.key ?? ''
      const key = given.length <= 64 ? readIdempotencyKey(given) : undefined
      const now = Date.now()
      const draft = {
        name: typed.name ?? '',
        currencyCode: viewer.talk.locale === 'tr' ? 'TRY' : 'EUR',
        startPrice: '1.00',
        startDate: new Date(now).toISOString(),
        endDate: new Date(now + WEEK_MS).toISOString(),
      }
      const created = await selling.createItem(draft, key ?? randomUUID(), viewer.authorization)
      if (created.status !== 201) {
        const problems = [sellingProblem(created.body as unknown as Refusal, viewer.talk)]
        // What the key made is deleted: with the same key the form could never be sent again.
        const isUsed = created.body.code === 'item.create.key_reused'
        const entry = { typed: isUsed ? withoutKey(typed) : typed, problems }
        return showWhat(dependencies, viewer, undefined, entry, created.status)
      }
      const item = await ownItem(selling, viewer, String(created.body.id))
      if (item === undefined) throw new UpstreamError('a draft that was created is not there')
      if (item.status !== 'draft') {
        // An old page that the back button brought must not change what bidders see.
        const problems = [{ text: viewer.talk.t.selling.errors['item.create.key_reused'] }]
        const entry = { typed: withoutKey(typed), problems }
        return showWhat(dependencies, viewer, undefined, entry, 409)
      }
      // The same form again, changed, changes the draft that it made.
      return saveWhat(dependencies, viewer, item, typed)
    },
    { bodyLimit: WHAT_BYTES_MAX },
  )

  for (const step of STEPS) {
    routes.get(stepPath(':itemId', step), async (viewer, request) => {
      const item = await ownItem(selling, viewer, parameterOf(request, 'itemId'))
      if (item === undefined) return notFound(viewer)
      const said = saidIn(viewer.talk.t.selling.said, request.query)
      return show(dependencies, viewer, item, step, said === undefined ? {} : { flash: said })
    })
  }

  const save = (
    step: Step,
    handler: (viewer: Viewer, item: OwnItemView, typed: Typed) => Promise<PageAnswer>,
  ) =>
    routes.post(
      stepPath(':itemId', step),
      pageOf(step),
      async (viewer, request, typed) => {
        const item = await ownItem(selling, viewer, parameterOf(request, 'itemId'))
        return item === undefined ? notFound(viewer) : handler(viewer, item, typed)
      },
      step === 'what' ? { bodyLimit: WHAT_BYTES_MAX } : {},
    )

  save('what', (viewer, item, typed) => saveWhat(dependencies, viewer, item, typed))

  save('price', async (viewer, item, typed) => {
    const { changes, problems } = readPriceForm(typed, viewer.talk, item)
    // What is shown is what counts now; only what the seller changed becomes a choice of theirs.
    if (changes.extensionThresholdMinutes === item.extensionThresholdMinutes) {
      delete changes.extensionThresholdMinutes
    }
    const again = (found: Problem[], statusCode: number) =>
      show(dependencies, viewer, item, 'price', { typed, problems: found }, statusCode)
    if (problems.length > 0) return again(problems, 422)
    const answer = await selling.changeItem(item.id, changes, viewer.authorization)
    if (answer.status >= 300) return again([problemOf(viewer, answer)], statusOf(answer))
    return onward(viewer, item.id, 'price', typed)
  })

  save('delivery', async (viewer, item, typed) => {
    const problems = await saveAttributes(selling, viewer, item, typed)
    if (problems.length === 0) return onward(viewer, item.id, 'delivery', typed)
    return show(dependencies, viewer, item, 'delivery', { typed, problems }, 422)
  })

  routes.post(
    '/sell/:itemId/pictures/:imageId',
    pageOf('pictures'),
    async (viewer, request, typed) => {
      const item = await ownItem(selling, viewer, parameterOf(request, 'itemId'))
      if (item === undefined) return notFound(viewer)
      const answer = await changePicture(selling, viewer, item, {
        imageId: parameterOf(request, 'imageId'),
        typed,
      })
      if (typeof answer === 'string') {
        return { to: viewer.to(`${stepPath(item.id, 'pictures')}?said=${answer}`) }
      }
      const problems = [{ text: problemOf(viewer, answer).text }]
      return show(dependencies, viewer, item, 'pictures', { typed, problems }, statusOf(answer))
    },
    { isKept: (typed) => (typed.do ?? 'alt') === 'alt' },
  )

  routes.post(
    '/sell/:itemId/publish',
    pageOf('preview'),
    async (viewer, request, typed) => {
      const item = await ownItem(selling, viewer, parameterOf(request, 'itemId'))
      if (item === undefined) return notFound(viewer)
      const attributes = await selling.readAttributes(item.id, viewer.authorization)
      // Another tab may have changed it; what is public already is not published again.
      if (item.status === 'draft' && typed.shown !== shownDigest(item, attributes)) {
        const problems = [{ text: viewer.talk.t.selling.preview.changed }]
        return show(dependencies, viewer, item, 'preview', { problems }, 409)
      }
      return publish(dependencies, viewer, item)
    },
    BUTTON,
  )

  routes.get('/sell/:itemId/terms', async (viewer, request) => {
    const itemId = parameterOf(request, 'itemId')
    if (!UUID.test(itemId)) return notFound(viewer)
    const version = await selling.readTermsVersion()
    return { markup: termsPage(viewer, { itemId, version }, {}) }
  })

  routes.post(
    '/sell/:itemId/terms',
    ({ itemId }) => `/sell/${itemId}/terms`,
    async (viewer, request, { version = '' }) => {
      const itemId = parameterOf(request, 'itemId')
      const answer = await identity.act(request, 'POST', '/identity/me/seller-terms', { version })
      if (answer.status === 401) throw new LoginNeededError('the terms need a session')
      if (answer.status < 300)
        return { to: viewer.to(`${stepPath(itemId, 'preview')}?said=accepted`) }
      if (typeof answer.body.code !== 'string') {
        throw new UpstreamError(`the terms were answered ${answer.status}`)
      }
      const problems = [problemOf(viewer, answer)]
      const now = await selling.readTermsVersion()
      const markup = termsPage(viewer, { itemId, version: now }, { problems })
      return { statusCode: answer.status, markup }
    },
    BUTTON,
  )
}

const withoutKey = ({ key: _, ...typed }: Typed): Typed => typed

const problemOf = (viewer: Viewer, { body }: Pick<ServiceAnswer, 'body'>): Problem =>
  sellingProblem(body as unknown as Refusal, viewer.talk)

/** A form that is not right is 422 for a browser, whatever the API calls it. */
const statusOf = ({ status }: ServiceAnswer): number => (status === 400 ? 422 : status)

/** Where a button of a step leads after it saved. */
function onward(viewer: Viewer, id: string, step: Step, { go = 'next' }: Typed): PageAnswer {
  if (go === 'stay') return { to: viewer.to(`${stepPath(id, step)}?said=saved`) }
  const at = STEPS.indexOf(step) + (go === 'back' ? -1 : 1)
  return { to: viewer.to(stepPath(id, STEPS[at] ?? 'what')) }
}

async function show(
  dependencies: SellDependencies,
  viewer: Viewer,
  item: OwnItemView,
  step: Step,
  entry: StepEntry,
  statusCode = 200,
): Promise<PageAnswer> {
  const { selling } = dependencies
  switch (step) {
    case 'what':
      return showWhat(dependencies, viewer, item, entry, statusCode)
    case 'pictures':
      return { statusCode, markup: picturesPage(viewer, item, entry) }
    case 'price':
      return { statusCode, markup: pricePage(viewer, item, entry) }
    case 'delivery': {
      const attributes = await selling.readAttributes(item.id, viewer.authorization)
      return { statusCode, markup: deliveryPage(viewer, item, attributes, entry) }
    }
    case 'preview':
      return showPreview(dependencies, viewer, item, entry, statusCode)
  }
}

async function showWhat(
  { selling, catalogue }: SellDependencies,
  viewer: Viewer,
  item: OwnItemView | undefined,
  entry: StepEntry,
  statusCode = 200,
): Promise<PageAnswer> {
  const { authorization } = viewer
  const categoryId = item?.categories[0]
  const [categories, category, attributes, drafts] = await Promise.all([
    orAway(catalogue.readCategories()),
    categoryId === undefined ? undefined : orAway(selling.readCategory(categoryId)),
    item === undefined ? [] : selling.readAttributes(item.id, authorization),
    item === undefined ? orAway(selling.readItems(DRAFTS, authorization)) : undefined,
  ])
  const known = drafts === undefined || drafts === 'away' ? [] : drafts.items
  const markup = whatPage(
    viewer,
    {
      item,
      categories,
      category,
      attributes,
      // Of a form that comes back it stays: what was made by it may be there.
      key: entry.typed?.key ?? randomUUID(),
      drafts: draftsNote(viewer, known),
    },
    entry,
  )
  return { statusCode, markup }
}

const DRAFTS = new URLSearchParams({ status: 'draft', limit: String(DRAFTS_SHOWN) })

/** Name, description, category and what the category asks for; what was saved stays when the next is refused. */
async function saveWhat(
  dependencies: SellDependencies,
  viewer: Viewer,
  item: OwnItemView,
  typed: Typed,
): Promise<PageAnswer> {
  const { selling } = dependencies
  const again = async (problems: Problem[], statusCode: number) => {
    // As it is now: a part of the form may be stored.
    const now = (await ownItem(selling, viewer, item.id)) ?? item
    return showWhat(dependencies, viewer, now, { typed, problems }, statusCode)
  }
  const { name = '', description = '', category = '' } = typed
  // Browsers send other ends of lines than were stored: what came by the API or in a file may have any.
  const written = withLineFeeds(description)
  const changes = {
    ...(name === item.name ? {} : { name }),
    ...(written === withLineFeeds(item.description) ? {} : { description: written }),
  }
  if (Object.keys(changes).length > 0) {
    const answer = await selling.changeItem(item.id, changes, viewer.authorization)
    if (answer.status >= 300) return again([problemOf(viewer, answer)], statusOf(answer))
  }
  const isMoved = typed.category !== undefined && category !== (item.categories[0] ?? '')
  if (isMoved) {
    const categories = UUID.test(category) ? [category] : []
    const answer = await selling.setCategories(item.id, categories, viewer.authorization)
    if (answer.status >= 300) return again([problemOf(viewer, answer)], statusOf(answer))
  }
  const problems = await saveAttributes(selling, viewer, item, typed)
  if (problems.length > 0) return again(problems, 422)
  if (isMoved && (typed.go ?? 'next') === 'next' && UUID.test(category)) {
    const read = await orAway(selling.readCategory(category))
    const asks = read === undefined || read === 'away' ? [] : read.attributes
    if (asks.some(({ key }) => !(OWN_KEYS as readonly string[]).includes(key))) {
      return { to: viewer.to(`${stepPath(item.id, 'what')}?said=details`) }
    }
  }
  return onward(viewer, item.id, 'what', typed)
}

/** Sets what was filled in, deletes what was emptied, and leaves what did not change. */
async function saveAttributes(
  selling: Selling,
  viewer: Viewer,
  item: OwnItemView,
  typed: Typed,
): Promise<Problem[]> {
  const { authorization } = viewer
  const [stored, definitions] = await Promise.all([
    selling.readAttributes(item.id, authorization),
    readDefinitions(selling, item, typed),
  ])
  const form = readAttributesForm(typed, viewer.talk, stored, definitions)
  const { changed, emptied, problems } = form
  if (problems.length > 0) return problems
  if (changed.length > 0) {
    const answer = await selling.setAttributes(item.id, changed, authorization)
    if (answer.status >= 300) {
      return [sellingProblem(answer.body as unknown as Refusal, viewer.talk, 'attr-')]
    }
  }
  for (const { id } of stored.filter(({ key }) => emptied.includes(key))) {
    const answer = await selling.deleteAttribute(item.id, id, authorization)
    // Another tab was quicker.
    if (answer.status >= 300 && answer.status !== 404) return [problemOf(viewer, answer)]
  }
  return []
}

/** What the category that the form was shown with says of its fields. Those of every category are texts. */
async function readDefinitions(
  selling: Selling,
  { categories: [categoryId] }: OwnItemView,
  typed: Typed,
): Promise<readonly DefinitionView[]> {
  const own: ReadonlySet<string> = new Set(OWN_KEYS.map((key) => `attr-${key}`))
  const isAsked = Object.keys(typed).some((name) => name.startsWith('attr-') && !own.has(name))
  if (categoryId === undefined || !isAsked) return []
  return (await selling.readCategory(categoryId))?.attributes ?? []
}

/** Moves, describes or deletes a picture; what was typed about it is saved with any of these. */
async function changePicture(
  selling: Selling,
  { authorization }: Viewer,
  item: OwnItemView,
  { imageId, typed }: { imageId: string; typed: Typed },
): Promise<string | ServiceAnswer> {
  const act = typed.do ?? 'alt'
  const ids = item.images.map(({ id }) => id)
  const at = ids.indexOf(imageId)
  if (act === 'delete') {
    const answer = await selling.deletePicture(item.id, imageId, authorization)
    // Deleted twice is deleted.
    return answer.status < 300 || answer.status === 404 ? 'removed' : answer
  }
  const altText = typed[`altText-${imageId}`]
  if (altText !== undefined && altText !== item.images[at]?.alt_text) {
    const answer = await selling.describePicture(item.id, imageId, altText, authorization)
    if (answer.status >= 300) return answer
  }
  if (act !== 'up' && act !== 'down') return 'described'
  const to = act === 'up' ? at - 1 : at + 1
  const other = ids[to]
  if (at < 0 || other === undefined) return 'moved'
  ids[to] = imageId
  ids[at] = other
  const answer = await selling.orderPictures(item.id, ids, authorization)
  return answer.status < 300 ? 'moved' : answer
}

async function showPreview(
  { selling, lots }: SellDependencies,
  viewer: Viewer,
  item: OwnItemView,
  entry: StepEntry,
  statusCode: number,
): Promise<PageAnswer> {
  const [attributes, seller, quotes] = await Promise.all([
    orAway(selling.readAttributes(item.id, viewer.authorization)),
    orAway(lots.readSeller(item.sellerID)),
    orAway(readQuotes(selling, viewer, item)),
  ])
  return { statusCode, markup: previewPage(viewer, { item, attributes, seller, quotes }, entry) }
}

/** What the platform keeps at the prices that the seller named. */
async function readQuotes(selling: Selling, viewer: Viewer, item: OwnItemView) {
  const { currencyCode, startPrice, reservePrice, buyoutPrice } = item
  const paths = await Promise.all(item.categories.map((id) => readPath(selling, id)))
  const categoryIds = paths.flatMap((path, index) => (index === 0 ? path : [NEXT_PATH, ...path]))
  const amounts = [startPrice, reservePrice, buyoutPrice].filter((each) => each !== undefined)
  return Promise.all(
    [...new Set(amounts)].map(async (amount) => ({
      amount,
      quote: await selling.readQuote({ amount, currencyCode, categoryIds }, viewer.authorization),
    })),
  )
}

/** A category with those above it, the closest first. A hidden one is not shown, and has a rate all the same. */
async function readPath(selling: Selling, categoryId: string): Promise<string[]> {
  const category = await selling.readCategory(categoryId)
  if (category === undefined) throw new UpstreamError(`no path of the category ${categoryId}`)
  return category.path.map(({ id }) => id).reverse()
}

async function publish(
  dependencies: SellDependencies,
  viewer: Viewer,
  item: OwnItemView,
): Promise<PageAnswer> {
  const { selling } = dependencies
  const { id, status, startDate, serverTime } = item
  const price = (answer: ServiceAnswer) =>
    show(dependencies, viewer, item, 'price', { problems: [problemOf(viewer, answer)] }, 422)
  if (status === 'draft' && startDate <= serverTime) {
    // It begins when it is published, and that is now.
    const change = { startDate: serverTime }
    const answer = await selling.changeItem(id, change, viewer.authorization)
    if (answer.status === 400) return price(answer)
    if (answer.status >= 300) return refused(dependencies, viewer, item, answer)
  }
  const { authorization } = viewer
  const answer = await selling.act(id, 'publish', { authorization })
  if (answer.status < 300) return { to: viewer.to(`/lots/${id}?said=published`) }
  if (answer.body.code === 'item.publish.seller_role_required') {
    return { to: viewer.to(`/sell/${id}/terms`) }
  }
  if (answer.body.code === 'item.publish.validation_failed') return price(answer)
  return refused(dependencies, viewer, item, answer)
}

function refused(
  dependencies: SellDependencies,
  viewer: Viewer,
  item: OwnItemView,
  answer: ServiceAnswer,
): Promise<PageAnswer> {
  const problems = [{ text: problemOf(viewer, answer).text }]
  return show(dependencies, viewer, item, 'preview', { problems }, statusOf(answer))
}
