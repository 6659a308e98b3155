import { readOptionalText, type TextKind, trimText } from '@auction/common/text.ts'
import { normaliseName } from './name.ts'
import { TEXTS } from './texts.ts'

export interface ProfileFields {
  phone: string | null
  country: string | null
  city: string | null
  description: string | null
  isBusiness: boolean
}

/** A change as it was sent: what is absent stays, null and the empty text clear. */
export interface ProfileChange {
  name?: string
  phone?: string | null
  country?: string | null
  city?: string | null
  description?: string | null
  isBusiness?: boolean
}

export type ProfileVerdict =
  | { outcome: 'fine'; name: string | undefined; fields: Partial<ProfileFields> }
  | { outcome: 'invalid'; field: 'name' | 'phone' | 'country' | 'city' | 'description' }

const PHONE = /^\+[1-9]\d{6,14}$/

const COUNTRY_NAMES = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' })
/** Codes that name no country of ISO 3166, although there is a name for them. */
const NO_COUNTRIES = new Set('AC CP CQ DG EA EU EZ IC QO SU TA UK UN XA XB ZZ'.split(' '))

/** Judges a change and puts its texts into the form in which they are stored. */
export function judgeProfile(change: ProfileChange): ProfileVerdict {
  const fields: Partial<ProfileFields> = {}
  const readers = {
    phone: readPhone,
    country: readCountry,
    city: readCity,
    description: readDescription,
  }
  for (const [field, read] of entriesOf(readers)) {
    const text = change[field]
    if (text === undefined) continue
    const value = text === null || trimText(text) === '' ? null : read(text)
    if (value === undefined) return { outcome: 'invalid', field }
    // A text without anything to see clears as the empty one does.
    fields[field] = value === '' ? null : value
  }
  if (change.isBusiness !== undefined) fields.isBusiness = change.isBusiness
  const name = change.name === undefined ? undefined : normaliseName(change.name)
  if (name === undefined && change.name !== undefined) return { outcome: 'invalid', field: 'name' }
  return { outcome: 'fine', name, fields }
}

type Reader = (text: string) => string | undefined

const entriesOf = <F extends string>(readers: Record<F, Reader>) =>
  Object.entries(readers) as [F, Reader][]

/** People group digits as they like, and paste marks of direction with them; stored is E.164. */
function readPhone(text: string): string | undefined {
  const phone = text
    .normalize('NFKC')
    .replace(/[\s().\p{Pd}\p{Cf}]/gu, '')
    .replace(/^00/, '+')
  return PHONE.test(phone) ? phone : undefined
}

function readCountry(text: string): string | undefined {
  const code = trimText(text).toUpperCase()
  if (!/^[A-Z]{2}$/.test(code) || NO_COUNTRIES.has(code)) return undefined
  return COUNTRY_NAMES.of(code) === undefined ? undefined : code
}

function readCity(text: string): string | undefined {
  return written(text, TEXTS.city)
}

function readDescription(text: string): string | undefined {
  return written(text, TEXTS.description)
}

function written(text: string, kind: TextKind): string | undefined {
  const read = readOptionalText(text, kind)
  return read.ok ? read.text : undefined
}
