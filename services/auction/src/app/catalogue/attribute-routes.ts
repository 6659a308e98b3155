import { answers, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { type DescribeDependencies, describeCommandOf } from '#src/app/item/editable-item.ts'
import { ItemAnswer, itemAnswer } from '#src/app/item/item-view.ts'
import { readVisibleItem } from '#src/app/item/visible-item.ts'
import { TEXTS } from '#src/domain/texts.ts'
import { attributeErrors } from '#src/errors.ts'
import {
  type ItemAttribute,
  readAttributes,
} from '#src/infra/postgres/catalogue/item-attributes.ts'
import { ATTRIBUTES_MAX, addAttributes, categoriseItem, removeAttribute } from './describe-item.ts'

const ITEM = '/api/v1/items/:itemId'
const tags = ['attributes']
const params = Type.Object({ itemId: Uuid })
const attributeParams = Type.Object({ itemId: Uuid, attributeId: Uuid })

const AttributeAnswer = Type.Object(
  {
    id: Uuid,
    item_id: Uuid,
    key: Type.String(),
    value: Type.String(),
  },
  { title: 'ItemAttribute' },
)
const AttributeList = Type.Object(
  { items: Type.Array(AttributeAnswer) },
  { title: 'ItemAttributeList' },
)

const AttributesBody = Type.Object(
  {
    attributes: Type.Array(
      Type.Object(
        {
          key: Type.String({ pattern: '^[a-z][a-z0-9_]{0,39}$' }),
          value: WrittenText(TEXTS.attributeValue),
        },
        STRICT,
      ),
      { minItems: 1, maxItems: ATTRIBUTES_MAX },
    ),
  },
  { ...STRICT, title: 'NewItemAttributes' },
)

/** Attributes of an item, and the categories it is in. Only its seller writes. */
export async function attributeRoutes(app: App, dependencies: DescribeDependencies): Promise<void> {
  readRoutes(app, dependencies)
  app.put(
    `${ITEM}/categories`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        params,
        operationId: 'setItemCategories',
        summary: 'Put an item into up to five categories',
        body: Type.Object(
          { categories: Type.Array(Uuid, { maxItems: 5, uniqueItems: true }) },
          { ...STRICT, title: 'ItemCategories' },
        ),
        response: answers({ 200: ItemAnswer }, [409]),
      },
    },
    async (request) => {
      const command = describeCommandOf(request, request.params.itemId)
      const { item, now } = await categoriseItem(dependencies, command, request.body.categories)
      return itemAnswer(item, now, command.sellerId)
    },
  )
  app.post(
    `${ITEM}/attributes`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        params,
        operationId: 'setItemAttributes',
        summary: 'Set attributes, all of them or none',
        body: AttributesBody,
        response: answers({ 201: AttributeList }, [409]),
      },
    },
    async (request, reply) => {
      const command = describeCommandOf(request, request.params.itemId)
      const stored = await addAttributes(dependencies, command, request.body.attributes)
      reply.code(201)
      return { items: stored.map(attributeAnswer) }
    },
  )
  app.delete(
    `${ITEM}/attributes/:attributeId`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'deleteItemAttribute',
        summary: 'Delete an attribute',
        params: attributeParams,
        response: answers({ 204: Type.Null() }, [409]),
      },
    },
    async (request, reply) => {
      const { itemId, attributeId } = request.params
      await removeAttribute(dependencies, describeCommandOf(request, itemId), attributeId)
      return reply.code(204).send(null)
    },
  )
}

function readRoutes(app: App, { db }: DescribeDependencies): void {
  const readVisible = async (itemId: string, caller: FastifyRequest['caller']) => {
    await readVisibleItem(db, itemId, caller)
    return readAttributes(db, itemId)
  }
  app.get(
    `${ITEM}/attributes`,
    {
      config: { auth: 'optional' },
      schema: {
        tags,
        params,
        operationId: 'listItemAttributes',
        summary: 'Attributes of an item',
        response: answers({ 200: AttributeList }),
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const attributes = await readVisible(request.params.itemId, request.caller)
      return { items: attributes.map(attributeAnswer) }
    },
  )
  app.get(
    `${ITEM}/attributes/:attributeId`,
    {
      config: { auth: 'optional' },
      schema: {
        tags,
        operationId: 'getItemAttribute',
        summary: 'One attribute of an item',
        params: attributeParams,
        response: answers({ 200: AttributeAnswer }),
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const { itemId, attributeId } = request.params
      const attributes = await readVisible(itemId, request.caller)
      const attribute = attributes.find(({ id }) => id === attributeId)
      if (attribute === undefined) throw attributeErrors.notFound()
      return attributeAnswer(attribute)
    },
  )
}

function attributeAnswer(attribute: ItemAttribute): Static<typeof AttributeAnswer> {
  const { id, itemId, key, value } = attribute
  return { id, item_id: itemId, key, value }
}
