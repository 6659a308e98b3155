import { type Problem, problemOf, type Refusal } from './problem-text.ts'
import type { Talk } from './talk.ts'

/** Fields of the APIs that have another name, or none of their own, in the forms of sellers. */
const FIELDS: Readonly<Record<string, string>> = { categories: 'category', alt_text: 'altText' }

/**
 * What a seller is shown for a refusal: at the field that the API names, by the reason that it gives; else by the
 * code. `prefix` is put before the names of fields that a form has under others, such as attributes.
 */
export function sellingProblem(refusal: Refusal, talk: Talk, prefix = ''): Problem {
  const { code, details = {} } = refusal
  const { errors, reasons } = talk.t.selling
  const named = typeof details.field === 'string' ? details.field.replace(/^\//, '') : ''
  if (/\.validation_failed$|^request\./.test(code) && named !== '') {
    const field = prefix + (FIELDS[named] ?? named)
    return { field, text: reasonText(talk, named, details.reason) }
  }
  if (Object.hasOwn(errors, code)) return { text: errors[code as keyof typeof errors] }
  // A schema refuses without a reason of ours.
  if (code.startsWith('request.')) return { text: reasons.unknown }
  return problemOf(refusal, talk)
}

/** The text for a reason of the APIs; those of schemas are sentences for programs. */
export function reasonText({ t: { selling } }: Talk, field: string, reason: unknown): string {
  if (field === 'endDate' && reason === 'too_short') return selling.auctionTooShort
  if (field === 'endDate' && reason === 'too_long') return selling.auctionTooLong
  const { reasons } = selling
  return typeof reason === 'string' && Object.hasOwn(reasons, reason)
    ? reasons[reason as keyof typeof reasons]
    : reasons.unknown
}
