import { UUID } from '@auction/common/ids.ts'
import { trimText, withLineFeeds } from '@auction/common/text.ts'
import type { FastifyRequest } from 'fastify'
import { fieldOf, trimmedOf } from '#src/app/forms.ts'
import { notFound, type PageAnswer, type PageRoutes } from '#src/app/page-routes.ts'
import {
  type CategoryEntry,
  type CategoryParts,
  categoriesPage,
  GRANTED_ROLES,
  operatedCategoryPage,
  type UserEntry,
  userPage,
  usersPage,
} from '#src/app/pages/moderation/operator-pages.ts'
import type { Notes } from '#src/app/pages/parts.ts'
import { answerAct, showProven } from '#src/app/proofs.ts'
import { isAdmin, isModerator, type Viewer } from '#src/app/viewer.ts'
import { readAmount } from '#src/domain/amount.ts'
import type { Problem } from '#src/domain/problem-text.ts'
import { type Caller, type IdentityAnswer, ProofNeededError } from '#src/infra/http/identity.ts'
import type { AttributeView } from '#src/infra/http/moderation.ts'
import { orAway, type ServiceAnswer } from '#src/infra/http/service-client.ts'
import {
  backTo,
  type DeskOptions,
  forbidden,
  forModerators,
  forRole,
  idOf,
  refusedAt,
  saidAt,
  saidOf,
} from './moderation.ts'

/** Accounts and categories, as operators see and change them. */
export function operatorRoutes(pages: PageRoutes, options: DeskOptions): void {
  userRoutes(pages, options)
  categoryRoutes(pages, options)
}

const USERS = '/operator/users'

function userRoutes(pages: PageRoutes, options: DeskOptions): void {
  const { identity, moderation } = options
  pages.get(
    USERS,
    forRole(
      isAdmin,
      showProven(identity, async (viewer, caller, { query }) => {
        const email = trimmedOf(query, 'email').slice(0, 254)
        const cursor = fieldOf(query, 'cursor')
        const search = new URLSearchParams({
          ...(email === '' ? {} : { email }),
          ...(UUID.test(cursor) ? { cursor } : {}),
        })
        const users = await moderation.readUsers(search, caller)
        return users === undefined ? forbidden(viewer) : { markup: usersPage(viewer, email, users) }
      }),
    ),
  )
  pages.get(
    `${USERS}/:id`,
    forRole(
      isModerator,
      showProven(identity, (viewer, caller, request) =>
        showUser(options, viewer, caller, idOf(request), saidAt(viewer, request)),
      ),
    ),
  )
  const form = (
    verb: string,
    hasRole: (viewer: Viewer) => boolean,
    act: (caller: Caller, path: string, body: unknown) => Promise<IdentityAnswer | Problem>,
    said: string,
  ) => {
    const page = (request: FastifyRequest) => `${USERS}/${idOf(request)}`
    pages.get(`${USERS}/:id/${verb}`, backTo(page))
    pages.post(
      `${USERS}/:id/${verb}`,
      answerAct(
        identity,
        { page },
        forModerators(hasRole, async (viewer, caller, request) => {
          const id = idOf(request)
          if (!UUID.test(id)) return notFound(viewer)
          const answer = await act(caller, `/identity/users/${id}`, request.body)
          const isAnswer = 'status' in answer
          if (isAnswer && answer.status < 300) {
            return { to: viewer.to(`${page(request)}?said=${said}`) }
          }
          const byCode = {
            'identity.invalid_reason': 'reason',
            'identity.invalid_until': 'until',
            'request.invalid_body': 'reason',
          }
          const problem = isAnswer
            ? refusedAt(viewer, answer, ['reason', 'until'], byCode)
            : { ...answer, text: viewer.talk.t.moderation.untilWrong }
          const [reason, until] = ['reason', 'until'].map((name) => fieldOf(request.body, name))
          const came = { verb, reason: reason ?? '', until: until ?? '' }
          const statusCode = isAnswer ? answer.status : 422
          const entry = { problems: [problem], came }
          return showUser(options, viewer, caller, id, entry, statusCode)
        }),
      ),
    )
  }
  form(
    'suspend',
    isModerator,
    async (caller, path, body) => {
      const until = readDay(trimmedOf(body, 'until'))
      if (until === 'wrong') return { field: 'until', text: '' }
      return caller.ask('POST', `${path}/suspend`, {
        reason: fieldOf(body, 'reason'),
        ...(until === '' ? {} : { until }),
      })
    },
    'suspended',
  )
  form(
    'reinstate',
    isModerator,
    (caller, path, body) =>
      caller.ask('POST', `${path}/reinstate`, { reason: fieldOf(body, 'reason') }),
    'reinstated',
  )
  for (const [verb, method] of [
    ['grant', 'PUT'],
    ['revoke', 'DELETE'],
  ] as const) {
    form(
      verb,
      isAdmin,
      (caller, path, body) => {
        const role = GRANTED_ROLES.find((each) => each === fieldOf(body, 'role')) ?? 'none'
        return caller.ask(method, `${path}/roles/${role}`)
      },
      'roles',
    )
  }
}

/** "2026-12-31", or with a time of UTC, as the instant of the API; the end of that day. */
function readDay(text: string): string | '' | 'wrong' {
  if (text === '') return ''
  const match = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}))?$/.exec(text)
  if (match === null) return 'wrong'
  const at = new Date(`${match[1]}T${match[2] ?? '23:59'}:00.000Z`)
  // The day 31 of a month of 30 would be read as the day after.
  const isRead = !Number.isNaN(at.getTime()) && at.toISOString().startsWith(match[1] ?? '-')
  return isRead ? at.toISOString() : 'wrong'
}

async function showUser(
  { moderation }: DeskOptions,
  viewer: Viewer,
  caller: Caller,
  id: string,
  entry: UserEntry,
  statusCode = 200,
): Promise<PageAnswer> {
  const user = UUID.test(id) ? await moderation.readUser(id, caller) : undefined
  if (user === undefined) return notFound(viewer)
  return { statusCode, markup: userPage(viewer, user, entry), isSecret: true }
}

const CATEGORIES = '/operator/categories'
const ATTRIBUTES_MAX = 50

function categoryRoutes(pages: PageRoutes, options: DeskOptions): void {
  const { identity, moderation } = options
  const showAll = async (
    viewer: Viewer,
    notes: Notes & { entry?: CategoryEntry },
    statusCode = 200,
  ): Promise<PageAnswer> => {
    const categories = await moderation.readCategories(viewer.authorization)
    if (categories === undefined) return forbidden(viewer)
    return { statusCode, markup: categoriesPage(viewer, categories, notes), isSecret: true }
  }
  pages.get(
    CATEGORIES,
    forRole(isAdmin, (viewer, request) => showAll(viewer, saidAt(viewer, request))),
  )
  pages.post(
    CATEGORIES,
    answerAct(
      identity,
      { page: CATEGORIES },
      forModerators(isAdmin, async (viewer, _caller, { body }) => {
        const entry = categoryEntryOf(body)
        const as = viewer.authorization
        const answer = await moderation.changeCategory('POST', '', categoryBody(entry), as)
        if (answer.status < 300) return { to: viewer.to(`${CATEGORIES}?said=category`) }
        const problems = [refusedAt(viewer, answer, CATEGORY_FIELDS, CATEGORY_CODES)]
        return showAll(viewer, { problems, entry }, answer.status)
      }),
    ),
  )
  pages.get(
    `${CATEGORIES}/:id`,
    forRole(isAdmin, (viewer, request) =>
      showCategory(options, viewer, idOf(request), saidAt(viewer, request)),
    ),
  )
  const form = (
    end: string,
    said: string,
    act: (
      viewer: Viewer,
      id: string,
      body: unknown,
      caller: Caller,
    ) => Promise<{
      answer: ServiceAnswer | Problem
      typed: Partial<CategoryParts>
      to?: string
    }>,
  ) => {
    const page = (request: FastifyRequest) => `${CATEGORIES}/${idOf(request)}`
    if (end !== '') pages.get(`${CATEGORIES}/:id${end}`, backTo(page))
    pages.post(
      `${CATEGORIES}/:id${end}`,
      answerAct(
        identity,
        { page },
        forModerators(isAdmin, async (viewer, caller, request) => {
          const id = idOf(request)
          if (!UUID.test(id)) return notFound(viewer)
          const { answer, typed, to = page(request) } = await act(viewer, id, request.body, caller)
          if (!('status' in answer)) {
            return showCategory(options, viewer, id, { ...typed, problems: [answer] }, 422)
          }
          if (answer.status < 300) return { to: viewer.to(`${to}?said=${saidOf(answer, said)}`) }
          const problems = [refusedAt(viewer, answer, CATEGORY_FIELDS, CATEGORY_CODES)]
          return showCategory(options, viewer, id, { ...typed, problems }, answer.status)
        }),
      ),
    )
  }
  form('', 'category', async (viewer, id, body) => {
    const entry = categoryEntryOf(body)
    const as = viewer.authorization
    const answer = await moderation.changeCategory('PUT', `/${id}`, categoryBody(entry), as)
    return { answer, typed: { entry } }
  })
  form('/delete', 'category-deleted', async (viewer, id) => {
    const as = viewer.authorization
    const answer = await moderation.changeCategory('DELETE', `/${id}`, undefined, as)
    return { answer, typed: {}, to: CATEGORIES }
  })
  form('/attributes', 'attributes', async (viewer, id, body) => {
    const rows = attributesOf(body)
    const attributes = rows.filter(({ key }) => key !== '')
    const path = `/${id}/attributes`
    const as = viewer.authorization
    const answer = await moderation.changeCategory('PUT', path, { attributes }, as)
    return { answer, typed: { attributes: rows } }
  })
  form('/commission', 'commission', async (viewer, categoryId, body, caller) => {
    const percent = fieldOf(body, 'percent')
    const read = readAmount(percent, viewer.talk.locale, 2)
    const basisPoints = read.ok ? Math.round(Number(read.amount) * 100) : -1
    if (basisPoints < 0 || basisPoints > 10_000) {
      const answer = { field: 'percent', text: viewer.talk.t.moderation.percentWrong }
      return { answer, typed: { percent } }
    }
    const rate = { categoryId, basisPoints }
    const answer = await moderation.addRate(rate, await caller.authorization())
    if (answer.body.code === 'payment.proof_required') throw new ProofNeededError('a rate')
    return { answer, typed: { percent } }
  })
}

const CATEGORY_FIELDS = ['name', 'description', 'parentId', 'percent']
const CATEGORY_CODES = { 'category.name_taken': 'name' }

const categoryEntryOf = (body: unknown): CategoryEntry => ({
  name: fieldOf(body, 'name'),
  description: withLineFeeds(fieldOf(body, 'description')),
  parentId: fieldOf(body, 'parentId'),
  isHidden: fieldOf(body, 'isHidden') === 'yes',
})

const categoryBody = ({ name, description, parentId, isHidden }: CategoryEntry) => ({
  name,
  description,
  parent_id: parentId === '' ? null : parentId,
  status: isHidden ? 'hidden' : 'active',
})

/** Rows of the form, also those without a key: what was typed stays until it is saved. */
function attributesOf(body: unknown): AttributeView[] {
  const rows: AttributeView[] = []
  for (let index = 0; index < ATTRIBUTES_MAX; index += 1) {
    const of = (name: string) => trimmedOf(body, `${name}${index}`)
    const kind = of('kind')
    if (kind === '') break
    const choices = of('choices')
      .split('\n')
      .map((choice) => trimText(choice))
      .filter((choice) => choice !== '')
    rows.push({
      key: of('key'),
      label: of('label'),
      kind,
      unit: of('unit') === '' ? null : of('unit'),
      choices: kind === 'choice' ? choices : null,
    })
  }
  return rows
}

async function showCategory(
  { moderation }: DeskOptions,
  viewer: Viewer,
  id: string,
  typed: Partial<CategoryParts>,
  statusCode = 200,
): Promise<PageAnswer> {
  const as = viewer.authorization
  const categories = UUID.test(id) ? await moderation.readCategories(as) : undefined
  const category = categories?.find((each) => each.id === id)
  if (categories === undefined || category === undefined) return notFound(viewer)
  const { parent_id } = category
  const [all, inherited, rates] = await Promise.all([
    orAway(moderation.readAttributes(id, as)),
    parent_id === null ? [] : orAway(moderation.readAttributes(parent_id, as)),
    orAway(moderation.readRates(as)),
  ])
  const above = inherited === 'away' || inherited === undefined ? 'away' : inherited
  // Without those of above it is not known which are its own, and saving would copy them here.
  const own =
    all === 'away' || all === undefined || above === 'away' ? 'away' : ownAmong(all, above)
  const markup = operatedCategoryPage(viewer, {
    category,
    categories,
    own,
    inherited: above === 'away' ? [] : above,
    rates: rates ?? 'away',
    ...typed,
  })
  return { statusCode, markup, isSecret: true }
}

/** What a category has besides what it inherits: other keys, and other definitions of keys from above. */
function ownAmong(all: readonly AttributeView[], above: readonly AttributeView[]): AttributeView[] {
  const textOf = ({ label, kind, unit = null, choices = null }: AttributeView) =>
    JSON.stringify([label, kind, unit, choices])
  const inherited = new Map(above.map((each) => [each.key, textOf(each)]))
  return all.filter((each) => inherited.get(each.key) !== textOf(each))
}
