import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { type Selectable, sql, type Transaction } from 'kysely'
import type { AttributeDefinition, Category } from '#src/domain/category.ts'
import { PUBLIC_STATUSES } from '#src/domain/item.ts'
import type { Executor } from '#src/infra/postgres/item/items.ts'
import type { CategoryAttributesTable, Database } from '#src/infra/postgres/schema.ts'

/** Allows one change of the tree at a time: two moves that are valid alone can make a circle together. */
export async function lockCategories(tx: Transaction<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${ADVISORY_LOCKS.categoryTree})`.execute(tx)
}

/** While this is held no category is deleted; putting an item into one needs that. */
export async function shareCategories(tx: Transaction<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock_shared(${ADVISORY_LOCKS.categoryTree})`.execute(tx)
}

/** The whole tree by id. It is small, and nearly every use needs several rows. */
export async function readCategories(db: Executor): Promise<Map<string, Category>> {
  const rows = await db
    .selectFrom('categories')
    .select(['id', 'parent_id as parentId', 'name', 'description', 'status'])
    .orderBy('name')
    .execute()
  return new Map(rows.map((row) => [row.id, row]))
}

/** Items that lie in exactly these categories, and how many of them are public. */
export interface CategoryCount {
  categoryIds: string[]
  count: number
}

/**
 * Counts public items by the set of their categories, so that none is counted twice in a subtree. Goes through all of
 * them in an index, so callers share the answer for a while.
 */
export async function countItems(db: Executor): Promise<CategoryCount[]> {
  const { rows } = await sql<{ categoryIds: string[]; count: bigint }>`
    select category_ids as "categoryIds", count(*) as count
      from items
     where category_ids <> '{}' and status in (${sql.join(PUBLIC_STATUSES.map(sql.lit))})
     group by category_ids`.execute(db)
  return rows.map(({ categoryIds, count }) => ({ categoryIds, count: Number(count) }))
}

/** False when the parent has one of this name already. */
export async function insertCategory(
  tx: Transaction<Database>,
  category: Category,
): Promise<boolean> {
  const result = await tx
    .insertInto('categories')
    .values(columns(category))
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** False when the parent has another one of this name. */
export async function updateCategory(
  tx: Transaction<Database>,
  category: Category,
): Promise<boolean> {
  const twin = await tx
    .selectFrom('categories')
    .select('id')
    .where('id', '!=', category.id)
    .where(sql<boolean>`lower(name) = lower(${category.name})`)
    .where('parent_id', 'is not distinct from', category.parentId)
    .executeTakeFirst()
  if (twin !== undefined) return false
  const { id, ...changes } = columns(category)
  await tx
    .updateTable('categories')
    .set({ ...changes, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .execute()
  return true
}

/** False when an item or another category still lies in it. */
export async function deleteCategory(tx: Transaction<Database>, id: string): Promise<boolean> {
  const result = await tx
    .deleteFrom('categories')
    .where('id', '=', id)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('items')
            .select('id')
            .where(sql<boolean>`category_ids @> array[${id}]::uuid[]`),
        ),
      ),
    )
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('categories as child').select('child.id').where('child.parent_id', '=', id),
        ),
      ),
    )
    .executeTakeFirst()
  return result.numDeletedRows === 1n
}

/** Definitions of some categories, by key; of two with one key the earlier named category's. */
export async function readDefinitions(
  db: Executor,
  categoryIds: readonly string[],
): Promise<Map<string, AttributeDefinition>> {
  if (categoryIds.length === 0) return new Map()
  const { rows } = await sql<Selectable<CategoryAttributesTable>>`
    select * from category_attributes where category_id = any(${[...categoryIds]}::uuid[])
     order by array_position(${[...categoryIds]}::uuid[], category_id), key`.execute(db)
  const byKey = new Map<string, AttributeDefinition>()
  for (const { key, label, kind, unit, choices } of rows) {
    if (!byKey.has(key)) byKey.set(key, { key, label, kind, unit, choices })
  }
  return byKey
}

/** Puts these definitions in the place of a category's own. */
export async function replaceDefinitions(
  tx: Transaction<Database>,
  categoryId: string,
  definitions: readonly AttributeDefinition[],
): Promise<void> {
  await tx.deleteFrom('category_attributes').where('category_id', '=', categoryId).execute()
  if (definitions.length === 0) return
  await tx
    .insertInto('category_attributes')
    .values(
      definitions.map(({ choices, ...definition }) => ({
        ...definition,
        category_id: categoryId,
        choices: choices === null ? null : [...choices],
      })),
    )
    .execute()
}

function columns({ id, parentId, name, description, status }: Category) {
  return { id, parent_id: parentId, name, description, status }
}
