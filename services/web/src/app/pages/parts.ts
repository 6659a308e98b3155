import { type Html, html } from '@auction/common/html.ts'
import type { Problem } from '#src/domain/problem-text.ts'
import type { Talk } from '#src/domain/talk.ts'

/** What every page may have above its content. */
export interface Notes {
  /** What was done a moment ago. */
  flash?: string | Html | undefined
  problems?: readonly Problem[]
}

/** The sentence for the `said` of an address, if it is one of ours. */
export const saidOf = ({ t }: Talk, query: unknown): string | undefined => saidIn(t.said, query)

/** The same of texts that some pages have for themselves. */
export function saidIn(
  texts: Readonly<Record<string, string>>,
  query: unknown,
): string | undefined {
  const { said } = (query ?? {}) as Record<string, unknown>
  return typeof said === 'string' && Object.hasOwn(texts, said) ? texts[said] : undefined
}

/** "There is a problem: Log in": the first that a screen reader says of a page that came back. */
export const titleWith = ({ t }: Talk, title: string, problems: readonly Problem[] = []): string =>
  problems.length === 0 ? title : t.problem.inTitle(title)

export function flash(text: string | Html | undefined): Html | false {
  return text !== undefined && html`<p class="flash" id="flash">${text}</p>`
}

/** What is wrong, above the form, each with a way to its field. */
export function summary({ t }: Talk, problems: readonly Problem[] = []): Html | false {
  if (problems.length === 0) return false
  const line = ({ field, text }: Problem) =>
    html`<li>${field === undefined ? html`${text}` : html`<a href="#field-${field}">${text}</a>`}</li>`
  return html`<div class="problem" role="alert" id="problem" tabindex="-1">
<h2>${t.problem.title}</h2>
<ul>${problems.map(line)}</ul>
</div>`
}

export interface Field {
  name: string
  /** Where several forms of a page have a field of this name; without it that of the name. */
  id?: string
  label: string
  autocomplete?: string
  type?: 'text' | 'email' | 'password' | 'amount' | 'long'
  hint?: string | Html
  /** What was typed before; it comes back as it was, also when it is wrong. */
  value?: string
  problems?: readonly Problem[]
  isOptional?: boolean
  lengthMax?: number
}

const LENGTH_MAX = 254
/** Far more than a password may have: one that was cut while it was pasted would be another. */
const PASSWORD_LENGTH_MAX = 1_000

/** A labelled input; its hint and what is wrong with it are read out with it. */
export function field(options: Field): Html {
  const { name, label, type = 'text', hint, value, problems = [], isOptional = false } = options
  const lengthMax = options.lengthMax ?? (type === 'password' ? PASSWORD_LENGTH_MAX : LENGTH_MAX)
  const id = `field-${options.id ?? name}`
  const wrong = problems.find((problem) => problem.field === name)
  const about = [
    ...(wrong === undefined ? [] : [`${id}-problem`]),
    ...(hint === undefined ? [] : [`${id}-hint`]),
  ]
  const common = html`id="${id}" name="${name}"${!isOptional && html` required`} maxlength="${lengthMax}"${
    wrong !== undefined && html` aria-invalid="true"`
  }${about.length > 0 && html` aria-describedby="${about.join(' ')}"`}`
  return html`<div class="field"><label for="${id}">${label}</label>
${hint !== undefined && html`<small id="${id}-hint">${hint}</small>`}
${wrong !== undefined && html`<strong class="wrong" id="${id}-problem">${wrong.text}</strong>`}
${
  type === 'long'
    ? html`<textarea ${common} rows="5" dir="auto">${'\n'}${value}</textarea>`
    : html`<input ${common} ${kindOf(type)} autocomplete="${options.autocomplete ?? 'off'}"${
        value !== undefined && html` value="${value}"`
      }>`
}</div>
`
}

export interface Choice {
  name: string
  label: string
  /** Values and what is read for them. */
  options: readonly (readonly [value: string, text: string])[]
  value: string
  hint?: string
  problems?: readonly Problem[]
  autocomplete?: string
}

/** A labelled list to choose one of. */
export function select({
  name,
  label,
  options,
  value,
  hint,
  problems = [],
  autocomplete,
}: Choice): Html {
  const id = `field-${name}`
  const wrong = problems.find((problem) => problem.field === name)
  const about = [
    ...(wrong === undefined ? [] : [`${id}-problem`]),
    ...(hint === undefined ? [] : [`${id}-hint`]),
  ]
  return html`<div class="field"><label for="${id}">${label}</label>
${hint !== undefined && html`<small id="${id}-hint">${hint}</small>`}
${wrong !== undefined && html`<strong class="wrong" id="${id}-problem">${wrong.text}</strong>`}
<select id="${id}" name="${name}"${wrong !== undefined && html` aria-invalid="true"`}${
    about.length > 0 && html` aria-describedby="${about.join(' ')}"`
  }${autocomplete !== undefined && html` autocomplete="${autocomplete}"`}>${options.map(
    ([each, text]) =>
      html`<option value="${each}"${each === value && html` selected`}>${text}</option>
`,
  )}</select></div>
`
}

/** A box to tick; without a tick the form has no such field. */
export function checkbox(options: {
  name: string
  label: string
  isChecked: boolean
  problems?: readonly Problem[]
}): Html {
  const { name, label, isChecked, problems = [] } = options
  const id = `field-${name}`
  const wrong = problems.find((problem) => problem.field === name)
  return html`<p>${wrong !== undefined && html`<strong class="wrong" id="${id}-problem">${wrong.text}</strong><br>`}
<input id="${id}" name="${name}" type="checkbox" value="yes"${isChecked && html` checked`}${
    wrong !== undefined && html` aria-invalid="true" aria-describedby="${id}-problem"`
  }>
<label for="${id}">${label}</label></p>
`
}

function kindOf(type: Exclude<Field['type'], 'long' | undefined>): Html {
  // Browsers take no international address in a field of the type e-mail, and no comma of the reader's in numbers.
  if (type === 'email') {
    return html`type="text" inputmode="email" autocapitalize="none" spellcheck="false"`
  }
  return type === 'amount' ? html`type="text" inputmode="decimal"` : html`type="${type}"`
}

export const hidden = (name: string, value: string): Html =>
  html`<input type="hidden" name="${name}" value="${value}">
`

/** A form that the browser sends itself, with and without JavaScript. */
export function postForm(action: string, name: string, button: string, fields: Html): Html {
  return html`<form method="post" action="${action}" data-form="${name}" novalidate>
${fields}
<p><button class="primary">${button}</button></p>
</form>
`
}

/** What is shown for an optional part of a page whose service is away. */
export const sectionAway = ({ t }: Talk): Html => html`<p class="away">${t.message.sectionAway}</p>`
