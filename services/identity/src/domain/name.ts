import { readText } from '@auction/common/text.ts'
import { TEXTS } from './texts.ts'

/** A display name in composed form without outer blanks, or undefined when it may not be shown. */
export function normaliseName(text: string): string | undefined {
  const read = readText(text, TEXTS.name)
  return read.ok ? read.text : undefined
}
