import type { TextKind } from '@auction/common/text.ts'

/**
 * Every text that people write to this service (R-TEXT-1). They stand for a person, or say why something
 * was done to one, so none may look like another: no invisible formatting in any of them.
 */
export const TEXTS = {
  /** Of an account or a passkey. */
  name: { name: 'name', charactersMax: 80, bytesMax: 1_700, isPlain: true },
  city: { name: 'profile.city', charactersMax: 160, bytesMax: 3_200, isPlain: true },
  description: {
    name: 'profile.description',
    charactersMax: 1_000,
    bytesMax: 8_000,
    isPlain: true,
    hasLines: true,
  },
  reason: {
    name: 'operator.reason',
    charactersMax: 500,
    bytesMax: 4_000,
    isPlain: true,
    hasLines: true,
  },
} as const satisfies Record<string, TextKind>
