import { type ReadText, readOptionalText, readText, type TextKind } from '@auction/common/text.ts'

const line = (name: string, charactersMax: number): TextKind => ({
  name,
  charactersMax,
  bytesMax: 4 * charactersMax,
})

/** Every text that people write here. */
export const TEXTS = {
  addressName: line('address.name', 100),
  addressLine: line('address.line', 150),
  addressPostalCode: line('address.postalCode', 20),
  addressCity: line('address.city', 100),
  addressRegion: line('address.region', 100),
  disputeMessage: {
    name: 'dispute.message',
    charactersMax: 2_000,
    bytesMax: 8_000,
    codePointsMax: 8_000,
    hasLines: true,
  },
} as const

/** An address as its country's post reads it. */
export interface Address {
  readonly name: string
  readonly line1: string
  readonly line2: string
  readonly postalCode: string
  readonly city: string
  readonly region: string
  /** ISO 3166-1, two capitals. */
  readonly country: string
}

export type AddressInput = Pick<Address, 'name' | 'line1' | 'city' | 'country'> & {
  readonly line2?: string
  readonly postalCode?: string
  readonly region?: string
}

export type ReadAddress =
  | { readonly ok: true; readonly address: Address }
  | { readonly ok: false; readonly field: string; readonly reason: string }

/** Reads an address that a buyer wrote; names the field that is not right. */
export function readAddress(input: AddressInput): ReadAddress {
  const read: Record<string, ReadText> = {
    name: readText(input.name, TEXTS.addressName),
    line1: readText(input.line1, TEXTS.addressLine),
    line2: readOptionalText(input.line2 ?? '', TEXTS.addressLine),
    postalCode: readOptionalText(input.postalCode ?? '', TEXTS.addressPostalCode),
    city: readText(input.city, TEXTS.addressCity),
    region: readOptionalText(input.region ?? '', TEXTS.addressRegion),
  }
  const texts: Record<string, string> = {}
  for (const [field, result] of Object.entries(read)) {
    if (!result.ok) return { ok: false, field, reason: result.reason }
    texts[field] = result.text
  }
  return { ok: true, address: { ...(texts as unknown as Address), country: input.country } }
}

export const readMessage = (text: string) => readText(text, TEXTS.disputeMessage)
