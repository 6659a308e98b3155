import { TEXTS, writtenText } from './texts.ts'

export interface Category {
  id: string
  parentId: string | null
  name: string
  description: string
  status: 'active' | 'hidden'
}

/** An attribute that items of a category have. */
export interface AttributeDefinition {
  key: string
  label: string
  kind: 'text' | 'number' | 'choice'
  unit: string | null
  choices: readonly string[] | null
}

/** The greatest depth of the tree; users do not find their way in deeper ones. */
export const DEPTH_MAX = 6

/** A category and its ancestors, itself first; an unknown category has an empty path. */
export function pathOf(categories: ReadonlyMap<string, Category>, id: string): Category[] {
  const path: Category[] = []
  for (let at = categories.get(id); at !== undefined && path.length <= DEPTH_MAX; ) {
    path.push(at)
    at = at.parentId === null ? undefined : categories.get(at.parentId)
  }
  return path
}

/** A category and everything below it. */
export function subtreeOf(categories: ReadonlyMap<string, Category>, id: string): string[] {
  const found = categories.has(id) ? [id] : []
  // Grows while it is walked, so that children of children are found too.
  for (const parent of found) {
    for (const category of categories.values()) {
      if (category.parentId === parent) found.push(category.id)
    }
  }
  return found
}

export type PlaceProblem = 'parent_not_found' | 'cycle' | 'too_deep'

/** Whether a category may lie under a parent; `id` is absent for one that is being made. */
export function judgePlace(
  categories: ReadonlyMap<string, Category>,
  id: string | undefined,
  parentId: string | null,
): PlaceProblem | 'fine' {
  if (parentId === null) return 'fine'
  if (!categories.has(parentId)) return 'parent_not_found'
  if (id !== undefined && subtreeOf(categories, id).includes(parentId)) return 'cycle'
  const below = id === undefined ? 1 : heightOf(categories, id)
  return pathOf(categories, parentId).length + below > DEPTH_MAX ? 'too_deep' : 'fine'
}

function heightOf(categories: ReadonlyMap<string, Category>, id: string): number {
  let height = 1
  for (const category of categories.values()) {
    if (category.parentId === id) height = Math.max(height, 1 + heightOf(categories, category.id))
  }
  return height
}

export type ReadAttribute =
  | { ok: true; value: string; number: string | null }
  | { ok: false; reason: 'not_a_number' | 'not_a_choice' | 'not_printable' }

/** A value of an attribute that is a number. */
export const NUMBER = /^-?\d{1,15}(\.\d{1,6})?$/

/** Reads a value as its definition wants it; a key that no category defines is free text. */
export function readAttribute(
  text: string,
  definition: AttributeDefinition | undefined,
): ReadAttribute {
  const value = writtenText(text, TEXTS.attributeValue)
  if (value === undefined) return { ok: false, reason: 'not_printable' }
  switch (definition?.kind) {
    case 'number':
      if (!NUMBER.test(value)) return { ok: false, reason: 'not_a_number' }
      return { ok: true, value, number: value }
    case 'choice':
      if (definition.choices?.includes(value) !== true) return { ok: false, reason: 'not_a_choice' }
      return { ok: true, value, number: null }
    default:
      return { ok: true, value, number: null }
  }
}
