import { itemAttributeCreated, itemAttributeDeleted } from '@auction/common/contracts/auction.ts'
import { createEvent } from '@auction/common/contracts/event.ts'
import { newId } from '@auction/common/ids.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import {
  type DescribeCommand,
  type DescribeDependencies,
  lockEditableItem,
} from '#src/app/item/editable-item.ts'
import { pathOf, readAttribute } from '#src/domain/category.ts'
import type { Item } from '#src/domain/item.ts'
import { attributeErrors, itemErrors } from '#src/errors.ts'
import {
  readCategories,
  readDefinitions,
  shareCategories,
} from '#src/infra/postgres/catalogue/categories.ts'
import {
  type ItemAttribute,
  putAttributes,
  readAttributes,
  takeAttribute,
} from '#src/infra/postgres/catalogue/item-attributes.ts'
import { type ReadItem, setCategories } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export const ATTRIBUTES_MAX = 50

/** Puts an item into up to five categories. Like every term, only until the first bid. */
export async function categoriseItem(
  { db, events }: DescribeDependencies,
  { itemId, sellerId, trace }: DescribeCommand,
  categoryIds: readonly string[],
): Promise<ReadItem> {
  return outboxTransaction(db, async (tx) => {
    await lockEditableItem(tx, itemId, sellerId)
    await shareCategories(tx)
    const categories = await readCategories(tx)
    const wrong = categoryIds.find((id) => {
      const path = pathOf(categories, id)
      return path.length === 0 || path.some(({ status }) => status === 'hidden')
    })
    if (wrong !== undefined) {
      throw itemErrors.updateInvalid({
        field: 'categories',
        reason: 'category_not_found',
        id: wrong,
      })
    }
    const changed = await setCategories(tx, itemId, categoryIds)
    await events.emit(tx, changed, trace, [{ kind: 'updated', changedFields: ['categories'] }])
    return changed
  })
}

/**
 * Stores attributes of the caller's item, all or none. A key that its categories define is read by
 * that definition; others are free text.
 */
export async function addAttributes(
  { db }: DescribeDependencies,
  { itemId, sellerId, trace }: DescribeCommand,
  input: readonly { key: string; value: string }[],
): Promise<ItemAttribute[]> {
  return outboxTransaction(db, async (tx) => {
    const item = await lockEditableItem(tx, itemId, sellerId)
    const known = new Map((await readAttributes(tx, itemId)).map(({ key, id }) => [key, id]))
    const read = await readAll(tx, item, input)
    if (new Set([...known.keys(), ...input.map(({ key }) => key)]).size > ATTRIBUTES_MAX) {
      throw attributeErrors.tooMany({ limit: ATTRIBUTES_MAX })
    }
    const stored = await putAttributes(
      tx,
      read.map((attribute) => ({ ...attribute, id: known.get(attribute.key) ?? newId(), itemId })),
    )
    await writeOutbox(
      tx,
      stored.map(({ id, key, value, createdAt }) =>
        createEvent(itemAttributeCreated, context(itemId, trace), {
          id,
          itemId,
          key,
          value,
          createdAt: createdAt.toISOString(),
        }),
      ),
    )
    return stored
  })
}

/** Deletes an attribute of the caller's item. */
export async function removeAttribute(
  { db }: DescribeDependencies,
  { itemId, sellerId, trace }: DescribeCommand,
  attributeId: string,
): Promise<void> {
  await outboxTransaction(db, async (tx) => {
    await lockEditableItem(tx, itemId, sellerId)
    const taken = await takeAttribute(tx, itemId, attributeId)
    if (taken === undefined) throw attributeErrors.notFound()
    const { id, key, value } = taken
    const deletedAt = (await readClock(tx)).toISOString()
    await writeOutbox(tx, [
      createEvent(itemAttributeDeleted, context(itemId, trace), {
        id,
        itemId,
        key,
        value,
        deletedAt,
      }),
    ])
  })
}

async function readAll(
  tx: Transaction<Database>,
  { categoryIds }: Item,
  input: readonly { key: string; value: string }[],
) {
  const categories = await readCategories(tx)
  const paths = categoryIds.flatMap((id) => pathOf(categories, id).map((category) => category.id))
  const definitions = await readDefinitions(tx, [...new Set(paths)])
  const seen = new Set<string>()
  return input.map(({ key, value: text }) => {
    if (seen.has(key)) throw attributeErrors.invalid({ field: key, reason: 'repeated' })
    seen.add(key)
    const read = readAttribute(text, definitions.get(key))
    if (!read.ok) throw attributeErrors.invalid({ field: key, reason: read.reason })
    return { key, value: read.value, number: read.number }
  })
}

const context = (itemId: string, trace: Trace) => ({
  aggregateId: itemId,
  trace,
})
