import { answers, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { FastifyRequest } from 'fastify'
import type { Kysely } from 'kysely'
import { type Static, Type } from 'typebox'
import { type Category, pathOf, subtreeOf } from '#src/domain/category.ts'
import { TEXTS } from '#src/domain/texts.ts'
import { categoryErrors } from '#src/errors.ts'
import {
  type CategoryCount,
  countItems,
  readCategories,
  readDefinitions,
} from '#src/infra/postgres/catalogue/categories.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { changeCategory, createCategory, defineAttributes, removeCategory } from './categories.ts'
import { createKeptCounts } from './kept-counts.ts'

const CATEGORIES = '/api/v1/categories'
const CATEGORY = `${CATEGORIES}/:id`
const tags = ['categories']
const params = Type.Object({ id: Uuid })
const ParentId = Type.Union([Uuid, Type.Null()])
const Status = Type.Union([Type.Literal('active'), Type.Literal('hidden')])

// snake_case, as the original spells its categories.
const fields = {
  id: Uuid,
  parent_id: ParentId,
  name: Type.String(),
  description: Type.String(),
  status: Status,
  item_count: Type.Integer({
    description:
      'Public items in it and below it, counted some seconds ago, or longer when few ask or counting fails.',
  }),
}
const CategoryAnswer = Type.Object(fields, { title: 'Category' })

const AttributeKind = Type.Union([
  Type.Literal('text'),
  Type.Literal('number'),
  Type.Literal('choice'),
])

const NewDefinition = Type.Object(
  {
    key: Type.String({ pattern: '^[a-z][a-z0-9_]{0,39}$' }),
    label: WrittenText(TEXTS.attributeLabel),
    kind: AttributeKind,
    unit: Type.Optional(Type.Union([WrittenText(TEXTS.attributeUnit), Type.Null()])),
    choices: Type.Optional(
      Type.Union([
        Type.Array(WrittenText(TEXTS.attributeChoice), {
          minItems: 1,
          maxItems: 200,
          uniqueItems: true,
        }),
        Type.Null(),
      ]),
    ),
  },
  { ...STRICT, title: 'NewAttributeDefinition' },
)

// Without bounds: what was stored under other bounds must be readable, and the serializer enforces them in a union.
const DefinitionAnswer = Type.Object(
  {
    key: Type.String(),
    label: Type.String(),
    kind: AttributeKind,
    unit: Type.Union([Type.String(), Type.Null()]),
    choices: Type.Union([Type.Array(Type.String()), Type.Null()]),
  },
  { title: 'AttributeDefinition' },
)

const CategoryDetail = Type.Object(
  {
    ...fields,
    path: Type.Array(Type.Object({ id: Uuid, name: Type.String() })),
    attributes: Type.Array(DefinitionAnswer, {
      description: 'Its own and those of its ancestors.',
    }),
  },
  { title: 'CategoryDetail' },
)

const editable = {
  name: WrittenText(TEXTS.categoryName),
  description: Type.Optional(WrittenText(TEXTS.categoryDescription, { isOptional: true })),
  parent_id: Type.Optional(ParentId),
  status: Type.Optional(Status),
}

export interface CategoryRoutesOptions {
  db: Kysely<Database>
  categoryCountsMaxAgeMs: number
  log: Logger
}

/** The tree as it is, and how many items were in it. */
type ReadTree = () => Promise<{
  categories: Map<string, Category>
  counts: readonly CategoryCount[]
}>

/** The tree of categories: public to read, administrators change it. */
export async function categoryRoutes(
  app: App,
  { db, categoryCountsMaxAgeMs, log }: CategoryRoutesOptions,
): Promise<void> {
  const readCounts = createKeptCounts(() => countItems(db), {
    maxAgeMs: categoryCountsMaxAgeMs,
    onFailure: (err) => log.warn({ err }, 'items of categories not counted, will be tried again'),
  })
  const readTree: ReadTree = async () => {
    const [categories, counts] = await Promise.all([readCategories(db), readCounts()])
    return { categories, counts }
  }
  readRoutes(app, db, readTree)
  writeRoutes(app, db, readTree)
}

function readRoutes(app: App, db: Kysely<Database>, readTree: ReadTree): void {
  app.get(
    CATEGORIES,
    {
      config: { auth: 'optional' },
      schema: {
        tags,
        operationId: 'listCategories',
        summary: 'The whole tree, as a list ordered by name',
        response: answers({
          200: Type.Object({ items: Type.Array(CategoryAnswer) }, { title: 'CategoryList' }),
        }),
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const { categories, counts } = await readTree()
      const isAdmin = isAdministrator(request)
      const shown = [...categories.values()].filter(
        ({ id }) => isAdmin || isVisible(categories, id),
      )
      return { items: shown.map((category) => answerOf(categories, counts, category)) }
    },
  )
  app.get(
    CATEGORY,
    {
      config: { auth: 'optional' },
      schema: {
        tags,
        operationId: 'getCategory',
        summary: 'One category, the path to it, and the attributes of its items',
        params,
        response: answers({ 200: CategoryDetail }),
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const { categories, counts } = await readTree()
      const category = categories.get(request.params.id)
      const mayRead = isAdministrator(request) || isVisible(categories, request.params.id)
      if (category === undefined || !mayRead) throw categoryErrors.notFound()
      const path = pathOf(categories, category.id)
      const definitions = await readDefinitions(
        db,
        path.map(({ id }) => id),
      )
      return {
        ...answerOf(categories, counts, category),
        path: path.reverse().map(({ id, name }) => ({ id, name })),
        attributes: [...definitions.values()].map((definition) => ({
          ...definition,
          choices: definition.choices === null ? null : [...definition.choices],
        })),
      }
    },
  )
}

const ADMINISTRATORS = {
  auth: 'bearer',
  access: 'role',
  roles: ['admin'],
  forbidden: categoryErrors.forbidden,
} as const

function writeRoutes(app: App, db: Kysely<Database>, readTree: ReadTree): void {
  const route = { config: ADMINISTRATORS }
  app.post(
    CATEGORIES,
    {
      ...route,
      schema: {
        tags,
        operationId: 'createCategory',
        summary: 'Add a category (administrators)',
        body: Type.Object(editable, { ...STRICT, title: 'NewCategory' }),
        response: answers({ 201: CategoryAnswer }, [409]),
      },
    },
    async (request, reply) => {
      const { name, description = '', parent_id = null, status = 'active' } = request.body
      const input = { name, description, parentId: parent_id, status }
      const category = await createCategory(db, input)
      reply.code(201).header('location', `${CATEGORIES}/${category.id}`)
      return answerOf(new Map([[category.id, category]]), [], category)
    },
  )
  app.put(
    CATEGORY,
    {
      ...route,
      schema: {
        tags,
        operationId: 'updateCategory',
        summary: 'Rename, hide or move a category (administrators)',
        params,
        body: Type.Partial(Type.Object(editable), {
          ...STRICT,
          minProperties: 1,
          title: 'CategoryChanges',
        }),
        response: answers({ 200: CategoryAnswer }, [409]),
      },
    },
    async (request) => {
      const { parent_id, ...changes } = request.body
      const moved = parent_id === undefined ? {} : { parentId: parent_id }
      const category = await changeCategory(db, request.params.id, { ...changes, ...moved })
      const { categories, counts } = await readTree()
      return answerOf(categories, counts, category)
    },
  )
  app.delete(
    CATEGORY,
    {
      ...route,
      schema: {
        tags,
        operationId: 'deleteCategory',
        summary: 'Delete an empty category (administrators)',
        params,
        response: answers({ 204: Type.Null() }, [409]),
      },
    },
    async (request, reply) => {
      await removeCategory(db, request.params.id)
      return reply.code(204).send(null)
    },
  )
  app.put(
    `${CATEGORY}/attributes`,
    {
      ...route,
      schema: {
        tags,
        operationId: 'setCategoryAttributes',
        summary: 'Set the attributes of its items (administrators)',
        params,
        body: Type.Object(
          { attributes: Type.Array(NewDefinition, { maxItems: 50 }) },
          { ...STRICT, title: 'CategoryAttributes' },
        ),
        response: answers({ 204: Type.Null() }, [409]),
      },
    },
    async (request, reply) => {
      const definitions = request.body.attributes.map(
        ({ unit = null, choices = null, ...rest }) => ({
          ...rest,
          unit,
          choices,
        }),
      )
      await defineAttributes(db, request.params.id, definitions)
      return reply.code(204).send(null)
    },
  )
}

const isAdministrator = ({ caller }: FastifyRequest) => caller?.roles.includes('admin') === true

/** A hidden category hides everything below it. */
function isVisible(categories: ReadonlyMap<string, Category>, id: string): boolean {
  return pathOf(categories, id).every(({ status }) => status === 'active')
}

function answerOf(
  categories: ReadonlyMap<string, Category>,
  counts: readonly CategoryCount[],
  { id, parentId, name, description, status }: Category,
): Static<typeof CategoryAnswer> {
  const below = new Set(subtreeOf(categories, id))
  const item_count = counts
    .filter(({ categoryIds }) => categoryIds.some((categoryId) => below.has(categoryId)))
    .reduce((sum, { count }) => sum + count, 0)
  return { id, parent_id: parentId, name, description, status, item_count }
}
