import { refuse } from '@auction/common/process/command-line.ts'

/** A number above 0 that was given for an option; ends the process with what is wrong otherwise. */
export function positive(option: string, text: string, max = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text)
  if (text.trim() !== '' && value > 0 && value <= max) return value
  return refuse(
    `--${option} wants a number above 0${max === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${max}`}, not '${text}'`,
  )
}
