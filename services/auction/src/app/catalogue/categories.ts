import { newId } from '@auction/common/ids.ts'
import type { Kysely } from 'kysely'
import { type AttributeDefinition, type Category, judgePlace } from '#src/domain/category.ts'
import { optionalText, TEXTS, writtenText } from '#src/domain/texts.ts'
import { categoryErrors } from '#src/errors.ts'
import {
  deleteCategory,
  insertCategory,
  lockCategories,
  readCategories,
  replaceDefinitions,
  updateCategory,
} from '#src/infra/postgres/catalogue/categories.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export type CategoryInput = Omit<Category, 'id'>

/** Adds a category. Throws when its parent is not there, too deep, or has one of this name. */
export async function createCategory(
  db: Kysely<Database>,
  input: CategoryInput,
): Promise<Category> {
  return db.transaction().execute(async (tx) => {
    await lockCategories(tx)
    const category = { id: newId(), ...readInput(input) }
    refusePlace(judgePlace(await readCategories(tx), undefined, category.parentId))
    if (!(await insertCategory(tx, category))) throw categoryErrors.nameTaken()
    return category
  })
}

/** Renames, hides or moves a category with everything below it; never below itself. */
export async function changeCategory(
  db: Kysely<Database>,
  id: string,
  changes: Partial<CategoryInput>,
): Promise<Category> {
  return db.transaction().execute(async (tx) => {
    await lockCategories(tx)
    const categories = await readCategories(tx)
    const known = categories.get(id)
    if (known === undefined) throw categoryErrors.notFound()
    const category = { id, ...readInput({ ...known, ...changes }) }
    refusePlace(judgePlace(categories, id, category.parentId))
    if (!(await updateCategory(tx, category))) throw categoryErrors.nameTaken()
    return category
  })
}

/** Deletes an empty category. */
export async function removeCategory(db: Kysely<Database>, id: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await lockCategories(tx)
    if (!(await readCategories(tx)).has(id)) throw categoryErrors.notFound()
    if (!(await deleteCategory(tx, id))) throw categoryErrors.notEmpty()
  })
}

/** Defines the attributes of a category's items. Stored values stay as they are. */
export async function defineAttributes(
  db: Kysely<Database>,
  id: string,
  input: readonly AttributeDefinition[],
): Promise<void> {
  const definitions = input.map(readDefinition)
  const keys = definitions.map(({ key }) => key)
  const repeated = keys.find((key, index) => keys.indexOf(key) !== index)
  if (repeated !== undefined) throw categoryErrors.invalid({ field: repeated, reason: 'repeated' })
  for (const { key, kind, choices, unit } of definitions) {
    if ((kind === 'choice') !== (choices !== null)) {
      throw categoryErrors.invalid({ field: key, reason: 'choices_are_for_choice' })
    }
    // The schema compares them as they were sent; two can be one when they are normalised.
    if (choices !== null && new Set(choices).size < choices.length) {
      throw categoryErrors.invalid({ field: key, reason: 'repeated' })
    }
    if (unit !== null && kind !== 'number') {
      throw categoryErrors.invalid({ field: key, reason: 'unit_is_for_number' })
    }
  }
  await db.transaction().execute(async (tx) => {
    await lockCategories(tx)
    if (!(await readCategories(tx)).has(id)) throw categoryErrors.notFound()
    await replaceDefinitions(tx, id, definitions)
  })
}

const DEFINITION_TEXTS = {
  label: TEXTS.attributeLabel,
  unit: TEXTS.attributeUnit,
  choice: TEXTS.attributeChoice,
}

/** Normalises a definition as values are normalised, so that a value can equal a choice. */
function readDefinition(definition: AttributeDefinition): AttributeDefinition {
  const { key, label, unit, choices } = definition
  const plain = (text: string, field: 'label' | 'unit' | 'choice') => {
    const read = writtenText(text, DEFINITION_TEXTS[field])
    if (read === undefined) {
      throw categoryErrors.invalid({ field: key, reason: `${field}_not_printable` })
    }
    return read
  }
  return {
    ...definition,
    label: plain(label, 'label'),
    unit: unit === null ? null : plain(unit, 'unit'),
    choices: choices === null ? null : choices.map((choice) => plain(choice, 'choice')),
  }
}

function readInput(input: CategoryInput): CategoryInput {
  const name = writtenText(input.name, TEXTS.categoryName)
  if (name === undefined) throw categoryErrors.invalid({ field: 'name' })
  const description = optionalText(input.description, TEXTS.categoryDescription)
  if (description === undefined) throw categoryErrors.invalid({ field: 'description' })
  const { parentId, status } = input
  return { parentId, name, description, status }
}

function refusePlace(verdict: ReturnType<typeof judgePlace>): void {
  if (verdict !== 'fine') throw categoryErrors.invalid({ field: 'parent_id', reason: verdict })
}
