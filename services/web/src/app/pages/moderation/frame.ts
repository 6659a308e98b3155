import { type Html, html } from '@auction/common/html.ts'
import { type LayoutOptions, layout } from '#src/app/pages/layout.ts'
import { field, hidden, postForm } from '#src/app/pages/parts.ts'
import { isAdmin, type Viewer } from '#src/app/viewer.ts'
import type { Problem } from '#src/domain/problem-text.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'

const PARTS = [
  ['reports', '/moderation'],
  ['flags', '/moderation/flags'],
  ['disputes', '/moderation/disputes'],
  ['approvals', '/operator/approvals'],
  ['actions', '/moderation/actions'],
] as const
const ADMIN_PARTS = [
  ['users', '/operator/users'],
  ['categories', '/operator/categories'],
] as const

export type DeskPart = (typeof PARTS | typeof ADMIN_PARTS)[number][0]

/** A page of the desk, with the way to the others that its reader may open. */
export function deskPage(
  viewer: Viewer,
  part: DeskPart | undefined,
  options: Omit<LayoutOptions, 'viewer' | 'title'> & { title?: string; content: Html },
): string {
  const { moderation: t } = viewer.talk.t
  const title = options.title ?? (part === undefined ? t.title : t[part])
  const parts = isAdmin(viewer) ? [...PARTS, ...ADMIN_PARTS] : PARTS
  return layout({
    ...options,
    viewer,
    title,
    // A name of a user or of a category may be the title.
    content: html`<h1 dir="auto">${title}</h1>
<nav class="tabs" aria-label="${t.tabs}">${parts.map(
      ([name, path]) =>
        html`<a href="${viewer.to(path)}"${name === part && html` aria-current="page"`}>${t[name]}</a>`,
    )}</nav>
${options.content}`,
  })
}

/** For who has another role than a page is for. */
export function forbiddenPage(viewer: Viewer): string {
  const { moderation: t } = viewer.talk.t
  return layout({
    viewer,
    title: t.forbiddenTitle,
    content: html`<h1>${t.forbiddenTitle}</h1>
<p>${t.forbidden}</p>
<p><a href="${viewer.to('/')}">${viewer.talk.t.site}</a></p>`,
  })
}

/** A decision with its reason, closed until someone wants it; open when it came back. */
export function decisionForm(
  viewer: Viewer,
  form: {
    action: string
    name: string
    button: string
    hint?: string
    /** Besides the reason. */
    fields?: Html
    /** What is wrong with it and what was typed, where it came back. */
    came?: { reason: string; problems: readonly Problem[] } | undefined
    lengthMax?: number
  },
): Html {
  const { moderation: t } = viewer.talk.t
  const { came, name } = form
  // Several forms of a page have a reason; only that which came back is what the summary leads to.
  const reason = field({
    name: 'reason',
    id: came === undefined ? `${name}-reason` : 'reason',
    label: t.reason,
    hint: t.reasonHint,
    type: 'long',
    value: came?.reason ?? '',
    problems: came?.problems ?? [],
    lengthMax: form.lengthMax ?? TEXT_LENGTHS_MAX['moderation.reason'],
  })
  return html`<details class="save"${came !== undefined && html` open`}><summary>${form.button}</summary>
${form.hint !== undefined && html`<p>${form.hint}</p>`}
${postForm(viewer.to(form.action), name, form.button, html`${form.fields ?? html``}${reason}`)}</details>
`
}

export const reportField = (id: string): Html => hidden('report', id)
