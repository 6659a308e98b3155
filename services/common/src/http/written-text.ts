import { Type } from 'typebox'
import type { TextKind } from '../text.ts'

/**
 * A text that people write, on the wire. The schema bounds its size only: `readText` decides, and counts
 * characters as people do. A test finds every string that is neither this nor of a fixed form.
 */
export function WrittenText(
  kind: TextKind,
  { isOptional = false, about }: { isOptional?: boolean; about?: string } = {},
) {
  const { name, charactersMax, bytesMax } = kind
  const count = charactersMax.toLocaleString('en')
  return Type.String({
    ...(isOptional ? {} : { minLength: 1 }),
    maxLength: bytesMax,
    description: about ?? (isOptional ? `up to ${count} characters` : `1 to ${count} characters`),
    'x-text': name,
  })
}
