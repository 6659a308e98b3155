import { type Html, html } from '@auction/common/html.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Talk } from '#src/domain/talk.ts'
import type { FeeView, ServiceStates } from '#src/infra/http/help.ts'
import { layout } from './layout.ts'
import { sectionAway } from './parts.ts'

export const HELP_TOPICS = ['bidding', 'ends', 'paying', 'selling', 'privacy'] as const
type Topic = (typeof HELP_TOPICS)[number]

const sections = (parts: readonly (readonly string[])[]): Html[] =>
  parts.map(
    ([heading = '', ...paragraphs]) => html`<section><h2>${heading}</h2>
${paragraphs.map((text) => html`<p class="words">${text}</p>`)}</section>
`,
  )

/** Where help on each topic is. */
export function helpPage(viewer: Viewer): string {
  const { help: t } = viewer.talk.t
  return layout({
    viewer,
    title: t.title,
    description: t.intro,
    content: html`<h1>${t.title}</h1>
<p>${t.intro}</p>
<ul class="links">${HELP_TOPICS.map(
      (topic) =>
        html`<li><a href="${viewer.to(`/help/${topic}`)}">${t.topics[topic].title}</a></li>`,
    )}
<li><a href="${viewer.to('/fees')}">${t.fees.title}</a></li>
<li><a href="${viewer.to('/terms')}">${t.terms.title}</a></li>
<li><a href="${viewer.to('/status')}">${t.status.title}</a></li></ul>`,
  })
}

/** One topic, in plain words. */
export function topicPage(viewer: Viewer, topic: Topic): string {
  const { help: t } = viewer.talk.t
  const { title, parts } = t.topics[topic]
  return layout({
    viewer,
    title,
    description: parts[0]?.[1] ?? title,
    content: html`<h1>${title}</h1>
${sections(parts)}
<p><a href="${viewer.to('/help')}">${t.back}</a></p>`,
  })
}

export function termsPage(viewer: Viewer): string {
  const { title, parts } = viewer.talk.t.help.terms
  return layout({
    viewer,
    title,
    description: parts.map(([heading]) => heading).join('. '),
    content: html`<h1>${title}</h1>
${sections(parts)}`,
  })
}

/** What the platform takes, by the rates that count now. */
export function feesPage(
  viewer: Viewer,
  rates: readonly FeeView[] | 'away',
  names: ReadonlyMap<string, string>,
): string {
  const { fees: t } = viewer.talk.t.help
  return layout({
    viewer,
    title: t.title,
    description: t.buyersText,
    content: html`<h1>${t.title}</h1>
<section><h2>${t.buyers}</h2>
<p>${t.buyersText}</p></section>
<section><h2>${t.sellers}</h2>
<p>${t.sellersText}</p>
${rates === 'away' ? sectionAway(viewer.talk) : feeTable(viewer.talk, rates, names)}</section>`,
  })
}

function feeTable(talk: Talk, rates: readonly FeeView[], names: ReadonlyMap<string, string>): Html {
  const { fees: t } = talk.t.help
  const percent = new Intl.NumberFormat(talk.language, {
    style: 'percent',
    maximumFractionDigits: 2,
  })
  const nameOf = ({ categoryId, currencyCode }: FeeView): string | undefined => {
    const name = categoryId === undefined ? t.all : names.get(categoryId)
    if (name === undefined || currencyCode === undefined) return name
    return t.inCurrency(name, currencyCode)
  }
  // The category of a rate may be hidden; those of all come last.
  const rows = rates
    .flatMap((rate) => {
      const name = nameOf(rate)
      return name === undefined ? [] : [{ ...rate, name }]
    })
    .sort(
      (one, other) =>
        Number(one.categoryId === undefined) - Number(other.categoryId === undefined) ||
        one.name.localeCompare(other.name, talk.language),
    )
  if (rows.length === 0) return html`<p>${t.none}</p>`
  const money = (amount: string | undefined, text: (amount: string) => string, code = '') =>
    amount === undefined ? [] : [text(talk.money(amount, code))]
  return html`<p>${t.keeps}</p>
<section class="scroll" aria-label="${t.rate}" tabindex="0"><table class="stack">
<thead><tr><th scope="col">${t.what}</th><th scope="col">${t.rate}</th><th scope="col">${t.bounds}</th></tr></thead>
<tbody>${rows.map(({ name, basisPoints, minAmount, maxAmount, currencyCode }) => {
    const bounds = [
      ...money(minAmount, t.atLeast, currencyCode),
      ...money(maxAmount, t.atMost, currencyCode),
    ]
    return html`<tr><th scope="row" dir="auto">${name}</th>
<td data-label="${t.rate}">${percent.format(basisPoints / 10_000)}</td>
<td data-label="${t.bounds}">${bounds.length === 0 ? '–' : bounds.join(', ')}</td></tr>
`
  })}</tbody></table></section>
<p>${t.closer}</p>
<p>${t.now}</p>`
}

/** Which parts of the site answer. */
export function statusPage(viewer: Viewer, { at, states }: ServiceStates): string {
  const { talk } = viewer
  const { status: t } = talk.t.help
  const isAllWell = Object.values(states).every(Boolean)
  return layout({
    viewer,
    title: t.title,
    description: t.intro,
    content: html`<h1>${t.title}</h1>
<p class="standing ${isAllWell ? 'leading' : 'outbid'}">${isAllWell ? t.allWork : t.someAway}</p>
<dl class="details">${Object.entries(t.parts).map(
      ([part, name]) =>
        html`<div><dt>${name}</dt><dd>${states[part as keyof typeof states] ? t.works : html`<strong class="wrong">${t.away}</strong>`}</dd></div>
`,
    )}</dl>
<p><small>${t.seen(talk.instant(at))}</small></p>`,
  })
}

const APIS: readonly [string, string][] = [
  ['/identity', 'Identity'],
  ['/api/v1/items', 'Items'],
  ['/api/v1/lots', 'Bids'],
  ['/api/v1/orders', 'Orders'],
  ['/api/v1/notifications', 'Notifications'],
  ['/api/v1/payments', 'Payments'],
]

/** Where those find the APIs that write programs. */
export function developersPage(viewer: Viewer): string {
  const { title, intro, events, document } = viewer.talk.t.info.developers
  return layout({
    viewer,
    title,
    description: intro,
    content: html`<h1>${title}</h1>
<p>${intro}</p>
<ul class="links">${APIS.map(
      ([prefix, name]) =>
        html`<li><a href="${prefix}/docs">${name} API</a> (<a href="${prefix}/openapi.json">${name} API: ${document}</a>)</li>`,
    )}
<li><a href="/events.html">${events}</a> (<a href="/asyncapi.json">AsyncAPI 3</a>)</li></ul>`,
  })
}
