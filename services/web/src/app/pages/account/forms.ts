import { type Html, html } from '#src/domain/html.ts'

export const PASSWORD_HINT = '8 to 128 characters. A few words that no one would guess are best.'

export interface Field {
  name: string
  label: string
  autocomplete: string
  type?: 'text' | 'email' | 'password'
  hint?: string
}

/** A labelled input; a hint is read out with it. */
export function field({ name, label, autocomplete, type = 'text', hint }: Field): Html {
  const id = `field-${name}`
  // Browsers take no international address in a field of the type e-mail.
  const kind =
    type === 'email'
      ? html`type="text" inputmode="email" autocapitalize="none" spellcheck="false"`
      : html`type="${type}"`
  return html`<p class="field"><label for="${id}">${label}</label>
<input id="${id}" name="${name}" ${kind} autocomplete="${autocomplete}" required maxlength="254"${
    hint !== undefined && html` aria-describedby="${id}-hint"`
  }>
${hint !== undefined && html`<small id="${id}-hint">${hint}</small>`}</p>
`
}

/** A form that the account script sends; its name says what it does. */
export function form(
  name: string,
  button: string,
  fields: Html,
  { isHidden = false }: { isHidden?: boolean } = {},
): Html {
  return html`<form data-form="${name}"${isHidden && html` hidden`}>
${fields}
<p><button type="submit">${button}</button></p>
</form>
`
}

/** Where answers and refusals appear; screen readers announce them. */
export function status(): Html {
  return html`<p class="status" id="status" role="status" aria-live="polite"></p>
<noscript><p class="status">This page needs JavaScript; the API pages above do without.</p></noscript>`
}
