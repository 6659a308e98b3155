import { readOptionalText, type TextKind } from '@auction/common/text.ts'

/** Every text that people write to this service (R-TEXT-1). */
export const TEXTS = {
  webhookDescription: { name: 'webhook.description', charactersMax: 200, bytesMax: 1_600 },
  pushLabel: { name: 'push.label', charactersMax: 100, bytesMax: 800 },
} as const satisfies Record<string, TextKind>

/** The text as it is stored, which may be empty; undefined when it cannot be. */
export function optionalText(given: string, kind: TextKind): string | undefined {
  const read = readOptionalText(given, kind)
  return read.ok ? read.text : undefined
}
