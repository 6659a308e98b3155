import { type Html, html } from '@auction/common/html.ts'
import { wordFor } from '#src/app/pages/my/frame.ts'
import { type Notes, postForm, sectionAway, select } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { countriesIn } from '#src/domain/countries.ts'
import type {
  BalanceView,
  OwnInvoicesView,
  PayoutAccountView,
  PayoutsView,
  StatementView,
} from '#src/infra/http/sales.ts'
import { sellingPage } from './frame.ts'

type Part<T> = T | 'away'

export interface PayoutParts {
  balances: Part<readonly BalanceView[]>
  account: Part<PayoutAccountView | undefined>
  payouts: Part<PayoutsView>
  invoices: Part<OwnInvoicesView>
  /** The latest first, as "2026-11". */
  months: readonly string[]
}

export interface PayoutEntry extends Notes {
  country?: string
}

/** What a seller has to get, where to, and what the platform charged. */
export function payoutsPage(viewer: Viewer, parts: PayoutParts, entry: PayoutEntry): string {
  const { payouts: t } = viewer.talk.t.sales
  return sellingPage({
    viewer,
    part: 'payouts',
    title: t.title,
    flash: entry.flash,
    problems: entry.problems ?? [],
    content: html`${balances(viewer, parts.balances)}
${account(viewer, parts.account, entry)}
${payouts(viewer, parts.payouts)}
<section aria-labelledby="statements"><h2 id="statements">${t.statements}</h2>
<ul class="chips">${parts.months.map((month) => html`<li><a class="chip" href="${viewer.to(`/my/payouts/${month}`)}">${monthName(viewer, month)}</a></li>`)}</ul></section>
${invoices(viewer, parts.invoices)}`,
  })
}

const monthName = ({ talk }: Viewer, month: string): string =>
  new Intl.DateTimeFormat(talk.language, {
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  }).format(new Date(`${month}-01T00:00:00Z`))

/** Below zero too, which prices never are. */
const signed = ({ talk }: Viewer, amount: string, currencyCode: string): string =>
  amount.startsWith('-')
    ? `−${talk.money(amount.slice(1), currencyCode)}`
    : talk.money(amount, currencyCode)

function balances(viewer: Viewer, read: PayoutParts['balances']): Html {
  const { payouts: t } = viewer.talk.t.sales
  if (read === 'away')
    return html`<section><h2>${t.balance}</h2>${sectionAway(viewer.talk)}</section>`
  const isOwing = read.some(({ payable }) => payable.startsWith('-'))
  return html`<section aria-labelledby="balance"><h2 id="balance">${t.balance}</h2>
${read.length === 0 && html`<p class="empty">${t.noBalance}</p>`}
${read.map(
  ({
    currencyCode,
    pending,
    payable,
  }) => html`<dl class="details"><div><dt>${t.payable}</dt><dd><strong>${signed(viewer, payable, currencyCode)}</strong></dd></div>
<div><dt>${t.pending}</dt><dd>${signed(viewer, pending, currencyCode)}</dd></div></dl>`,
)}
${isOwing && html`<p class="warn">${t.owing}</p>`}</section>`
}

function account(viewer: Viewer, read: PayoutParts['account'], entry: PayoutEntry): Html {
  const { talk } = viewer
  const { payouts: t } = talk.t.sales
  if (read === 'away') return html`<section><h2>${t.account}</h2>${sectionAway(talk)}</section>`
  const form = html`${
    read === undefined &&
    select({
      name: 'country',
      label: t.country,
      options: [['', t.chooseCountry], ...countriesIn(talk.language)],
      value: entry.country ?? '',
      problems: entry.problems ?? [],
      autocomplete: 'country',
    })
  }`
  return html`<section aria-labelledby="account"><h2 id="account">${t.account}</h2>
<p class="standing ${read?.state ?? ''}">${wordFor(t.accountStates, read?.state ?? 'none')}</p>
${read?.code !== undefined && html`<p>${t.missing(read.code)}</p>`}
${postForm(viewer.to('/my/payouts/account'), 'account', read === undefined ? t.start : t.change, form)}</section>`
}

function payouts(viewer: Viewer, read: PayoutParts['payouts']): Html {
  const { talk } = viewer
  const { payouts: t } = talk.t.sales
  if (read === 'away') return html`<section><h2>${t.list}</h2>${sectionAway(talk)}</section>`
  const { payouts: rows, nextCursor } = read
  return html`<section aria-labelledby="payouts"><h2 id="payouts">${t.list}</h2>
${
  rows.length === 0
    ? html`<p class="empty">${t.noList}</p>`
    : html`<div class="scroll" role="group" aria-labelledby="payouts" tabindex="0"><table class="stack">
<thead><tr><th scope="col">${t.date}</th><th scope="col">${t.amount}</th><th scope="col">${t.state}</th></tr></thead>
<tbody>${rows.map(
        (row) => html`<tr><th scope="row">${talk.instant(row.createdAt)}</th>
<td data-label="${t.amount}">${talk.money(row.amount, row.currencyCode)}${/[1-9]/.test(row.reversedAmount) && html` <small>${t.reversed(talk.money(row.reversedAmount, row.currencyCode))}</small>`}</td>
<td data-label="${t.state}">${wordFor(t.states, row.state)}${row.code !== undefined && html` <small>${row.code}</small>`}</td></tr>
`,
      )}</tbody></table></div>`
}
${nextCursor !== undefined && html`<p><a class="button" rel="next" href="${viewer.to(`/my/payouts?payouts=${nextCursor}`)}">${t.more}</a></p>`}</section>`
}

/** Files of the API, which the browser's cookie opens as it does the pages. */
function invoices(viewer: Viewer, read: PayoutParts['invoices']): Html {
  const { talk } = viewer
  const { payouts: t } = talk.t.sales
  if (read === 'away') return html`<section><h2>${t.invoices}</h2>${sectionAway(talk)}</section>`
  const own = read.invoices.filter(({ subject }) => subject === 'commission')
  return html`<section aria-labelledby="invoices"><h2 id="invoices">${t.invoices}</h2>
${own.length === 0 && html`<p class="empty">${t.noInvoices}</p>`}
<ul class="links">${own.map(
    ({ id, number, kind, issuedAt, gross, currencyCode }) =>
      html`<li><a href="/api/v1/billing/invoices/${id}/document.pdf">${kind === 'invoice' ? t.invoice(number) : t.creditNote(number)}</a> <small>${talk.day(issuedAt)} · ${signed(viewer, gross, currencyCode)}</small></li>
`,
  )}</ul>
${read.nextCursor !== undefined && html`<p><a class="button" rel="next" href="${viewer.to(`/my/payouts?invoices=${read.nextCursor}`)}">${t.moreInvoices}</a></p>`}</section>`
}

/** The way to the provider, as a link: a form that is led to another site is refused by the page's own policy. */
export function payoutProviderPage(
  viewer: Viewer,
  { url, expiresAt }: { url: string; expiresAt: string },
): string {
  const { talk } = viewer
  const { payouts: t } = talk.t.sales
  return sellingPage({
    viewer,
    part: 'payouts',
    title: t.pageTitle,
    content: html`<p>${t.pageText(new URL(url).host, talk.instant(expiresAt))}</p>
<p><a class="button primary" href="${url}" rel="noopener noreferrer">${t.go}</a></p>
<p><a class="button" href="${viewer.to('/my/payouts')}">${talk.t.selling.cancel}</a></p>`,
  })
}

/** All that moved a seller's money in a month. */
export function statementPage(viewer: Viewer, statement: StatementView): string {
  const { talk } = viewer
  const { payouts: t, item } = talk.t.sales
  const { month, totals, lines, nextCursor } = statement
  const money = (amount: string, code: string) => signed(viewer, amount, code)
  return sellingPage({
    viewer,
    part: 'payouts',
    title: t.statementOf(monthName(viewer, month)),
    content: html`${totals.map(
      ({ currencyCode: code, ...each }) => html`<h2>${code}</h2>
<dl class="details"><div><dt>${t.opening}</dt><dd>${t.payable}: ${money(each.openingPayable, code)} · ${t.pending}: ${money(each.openingPending, code)}</dd></div>
<div><dt>${t.closing}</dt><dd>${t.payable}: ${money(each.closingPayable, code)} · ${t.pending}: ${money(each.closingPending, code)}</dd></div></dl>`,
    )}
${
  lines.length === 0
    ? html`<p class="empty">${t.noLines}</p>`
    : html`<section class="scroll" aria-label="${t.statements}" tabindex="0"><table class="stack">
<thead><tr><th scope="col">${t.date}</th><th scope="col">${t.what}</th><th scope="col">${t.payable}</th><th scope="col">${t.pending}</th></tr></thead>
<tbody>${lines.map(
        (line) => html`<tr><th scope="row">${talk.instant(line.at)}</th>
<td data-label="${t.what}">${wordFor(t.kinds, line.kind)}${line.orderId !== undefined && html` <a href="${viewer.to(`/my/sales/${line.orderId}`)}">${item}</a>`}</td>
<td data-label="${t.payable}">${money(line.payable, line.currencyCode)}</td>
<td data-label="${t.pending}">${money(line.pending, line.currencyCode)}</td></tr>
`,
      )}</tbody></table></section>`
}
${nextCursor !== undefined && html`<p><a class="button" rel="next" href="${viewer.to(`/my/payouts/${month}?cursor=${nextCursor}`)}">${t.moreLines}</a></p>`}
<p><a href="/api/v1/billing/statements/${month}/lines.csv" download>${t.csv}</a></p>`,
  })
}
