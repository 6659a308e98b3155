import { type Html, html } from '@auction/common/html.ts'
import { type LayoutOptions, layout } from '#src/app/pages/layout.ts'
import type { Viewer } from '#src/app/viewer.ts'

const PARTS = [
  ['profile', '/account'],
  ['security', '/account/security'],
  ['email', '/account/email'],
  ['blocks', '/account/blocks'],
  ['leave', '/account/delete'],
] as const

export type AccountPart = (typeof PARTS)[number][0]

/** A page of the own account, with the way to the others. */
export function accountPage(
  viewer: Viewer,
  part: AccountPart,
  options: Omit<LayoutOptions, 'viewer' | 'title'> & { content: Html },
): string {
  const { account: t } = viewer.talk.t
  return layout({
    ...options,
    viewer,
    title: t[part],
    content: html`<h1>${t[part]}</h1>
<nav class="tabs" aria-label="${t.tabs}">${PARTS.map(
      ([name, path]) =>
        html`<a href="${viewer.to(path)}"${name === part && html` aria-current="page"`}>${t[name]}</a>`,
    )}</nav>
${options.content}`,
  })
}
