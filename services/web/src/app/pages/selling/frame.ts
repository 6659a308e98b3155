import { type Html, html } from '@auction/common/html.ts'
import { type LayoutOptions, layout } from '#src/app/pages/layout.ts'
import type { Viewer } from '#src/app/viewer.ts'

const PARTS = {
  items: '/my/items',
  sales: '/my/sales',
  questions: '/my/questions',
  payouts: '/my/payouts',
} as const

export type SellingPart = keyof typeof PARTS | 'sell'

/** A page of a seller: a way to the others, and its heading. */
export function sellingPage(
  options: Omit<LayoutOptions, 'content'> & { part: SellingPart; heading?: Html; content: Html },
): string {
  const { viewer, part, title, heading, content, ...others } = options
  return layout({
    ...others,
    viewer,
    title,
    content: html`${sellingNav(viewer, part)}
<h1>${heading ?? title}</h1>
${content}`,
  })
}

function sellingNav(viewer: Viewer, part: SellingPart): Html {
  const { selling } = viewer.talk.t
  const names = {
    items: selling.myItems,
    sales: selling.mySales,
    questions: selling.myQuestions,
    payouts: selling.myPayouts,
  }
  const link = (key: keyof typeof PARTS) =>
    html`<a href="${viewer.to(PARTS[key])}"${key === part && html` aria-current="page"`}>${names[key]}</a>`
  return html`<nav class="tabs" aria-label="${selling.nav}">${(['items', 'sales', 'questions', 'payouts'] as const).map(link)}
<a href="${viewer.to('/sell')}"${part === 'sell' && html` aria-current="page"`}>${selling.sell}</a></nav>`
}

/** A date and time as people of a zone see them, and as UTC counts them. */
export const inBothZones = (viewer: Viewer, instant: string): string => {
  const { talk } = viewer
  const own = talk.instant(instant)
  const utc = `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`
  return talk.zone === 'UTC' ? own : `${own} · ${utc}`
}
