import { type Html, html } from '@auction/common/html.ts'
import { formatAmount } from '@auction/common/money.ts'
import type { ShownAct } from '#src/app/pages/account/small-pages.ts'
import { hidden, type Notes } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Problem } from '#src/domain/problem-text.ts'
import type { ApprovalsView, ApprovalView } from '#src/infra/http/moderation.ts'
import { deskPage } from './frame.ts'
import { person } from './reports-page.ts'

export const APPROVAL_STATES = ['open', 'executed', 'rejected', 'expired'] as const
export type ApprovalState = (typeof APPROVAL_STATES)[number]

export const APPROVALS = '/operator/approvals'

export interface ApprovalsParts extends Notes {
  approvals: ApprovalsView
  state: ApprovalState
  /** Names of people and of categories, where they can be read. */
  names: ReadonlyMap<string, string>
  /** Why the decision about one of them was refused. */
  refused?: { id: string; problem: Problem }
}

/** What operators asked for and others decide, the latest first. */
export function approvalsPage(viewer: Viewer, parts: ApprovalsParts): string {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const { state, refused } = parts
  const { approvals, nextCursor } = parts.approvals
  const path = (of: ApprovalState, cursor?: string) => {
    const query = new URLSearchParams({
      ...(of === 'open' ? {} : { state: of }),
      ...(cursor === undefined ? {} : { cursor }),
    })
    return viewer.to(query.size === 0 ? APPROVALS : `${APPROVALS}?${query}`)
  }
  const isShown = approvals.some(({ id }) => id === refused?.id)
  const problems =
    refused === undefined ? [] : [isShown ? refused.problem : { text: refused.problem.text }]
  return deskPage(viewer, 'approvals', {
    flash: parts.flash,
    problems,
    content: html`<p>${t.approvalsIntro}</p>
<nav class="tabs" aria-label="${t.approvalTabs}">${APPROVAL_STATES.map(
      (each) =>
        html`<a href="${path(each)}"${each === state && html` aria-current="page"`}>${t.approvalStates[each]}</a>`,
    )}</nav>
${approvals.length === 0 ? html`<p class="empty">${state === 'open' ? t.noApprovals : t.noneInState}</p>` : approvals.map((approval) => entry(viewer, approval, parts))}
${nextCursor !== undefined && html`<p><a class="button" rel="next" href="${path(state, nextCursor)}">${t.earlier}</a></p>`}`,
  })
}

const nameIn = (names: Readonly<Record<string, string>>, key: string): string =>
  Object.hasOwn(names, key) ? (names[key] ?? key) : key

function entry(viewer: Viewer, approval: ApprovalView, parts: ApprovalsParts): Html {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const { names, refused } = parts
  const { id, state, askedBy, decidedBy, decidedAt } = approval
  const title = titleOf(viewer, approval)
  return html`<section class="approval" id="field-${id}" aria-labelledby="title-${id}"><h2 id="title-${id}">${title}</h2>
${refused?.id === id && html`<strong class="wrong">${refused.problem.text}</strong>`}
<dl class="details">${linesOf(viewer, approval, names).map(([name, value]) => row(name, value))}
${row(t.askedBy, person(viewer, askedBy, names))}
${row(t.since, talk.instant(approval.askedAt))}
${state === 'open' && row(t.decideBy, talk.instant(approval.expiresAt))}
${state !== 'open' && row(t.state, nameIn(t.approvalStates, state))}
${decidedBy !== undefined && row(t.by, person(viewer, decidedBy, names))}
${decidedAt !== undefined && row(t.when, talk.instant(decidedAt))}</dl>
${state === 'open' && decisions(viewer, approval, title)}</section>
`
}

const row = (name: string, value: Html | string): Html =>
  html`<div><dt>${name}</dt><dd dir="auto">${value}</dd></div>
`

/** What a decision is about, for the page that asks for its proof. */
export function shownDecision(
  viewer: Viewer,
  verb: 'approve' | 'reject',
  approval: ApprovalView,
  names: ReadonlyMap<string, string>,
): ShownAct {
  const { moderation: t } = viewer.talk.t
  return {
    title: `${t[verb]}: ${titleOf(viewer, approval)}`,
    lines: [
      ...linesOf(viewer, approval, names),
      [t.askedBy, person(viewer, approval.askedBy, names)],
    ],
  }
}

/** "Give money back: €250.00". */
function titleOf({ talk }: Viewer, { kind, amount, currencyCode }: ApprovalView): string {
  const name = nameIn(talk.t.moderation.approvalKinds, kind)
  if (amount === undefined || currencyCode === undefined) return name
  return `${name}: ${talk.money(amount, currencyCode)}`
}

/** Who asked may only withdraw; of others the service knows whether it is about them. */
function decisions(viewer: Viewer, approval: ApprovalView, title: string): Html {
  const { moderation: t } = viewer.talk.t
  // The decision goes by the id. A form with a field can be sent again from the page that says that its answer is lost.
  const form = (verb: 'approve' | 'reject', button: string) =>
    html`<form method="post" action="${viewer.to(`${APPROVALS}/${approval.id}/${verb}`)}" data-form="${verb}">${hidden('kind', approval.kind)}<button aria-label="${t.decideWhat(button, title)}">${button}</button></form>
`
  if (approval.askedBy === viewer.userId) {
    return html`<p>${t.ownRequest}</p>
${form('reject', t.withdraw)}`
  }
  return html`${form('approve', t.approve)}${form('reject', t.reject)}`
}

type Line = ShownAct['lines'][number]

/** What would be done, in words: the command is that of the service, and newer ones may be unknown here. */
function linesOf(
  viewer: Viewer,
  { kind, command, currencyCode, sellerId }: ApprovalView,
  names: ReadonlyMap<string, string>,
): Line[] {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const of = (key: string) => textIn(command, key)
  const maybe = (name: string, value: Html | string | undefined): Line[] =>
    value === undefined ? [] : [[name, value]]
  const someone = (name: string, key: string): Line[] => {
    const id = of(key)
    return maybe(name, id === undefined ? undefined : person(viewer, id, names))
  }
  const instant = (key: string) => {
    const at = of(key)
    return at === undefined || Number.isNaN(Date.parse(at)) ? at : talk.instant(at)
  }
  const times = (): Line[] => [
    [t.from, instant('validFrom') ?? t.atOnce],
    ...maybe(t.endsAt, instant('validTo')),
  ]
  const percent = (): Line[] => {
    const { basisPoints } = command
    if (typeof basisPoints !== 'number') return []
    const format = { style: 'percent', maximumFractionDigits: 2 } as const
    return [[t.rateOf, new Intl.NumberFormat(talk.language, format).format(basisPoints / 10_000)]]
  }
  switch (kind) {
    case 'refund': {
      const orderId = of('orderId')
      const order =
        orderId === undefined
          ? undefined
          : html`<a href="${viewer.to(`/operator/orders/${orderId}`)}">${t.orderNumber(orderId.slice(-8))}</a>`
      return [...maybe(t.order, order), ...maybe(t.refundWhy, of('reason'))]
    }
    case 'commission_rate': {
      const categoryId = of('categoryId')
      const category =
        categoryId === undefined
          ? t.allCategories
          : html`<a href="${viewer.to(`/operator/categories/${categoryId}`)}">${names.get(categoryId) ?? categoryId}</a>`
      const currency = of('currencyCode')
      const bound = (key: string) => {
        const minor = of(key)
        if (minor === undefined || currency === undefined || !/^\d{1,18}$/.test(minor)) return minor
        return talk.money(formatAmount(BigInt(minor), currency), currency)
      }
      return [
        ...percent(),
        [t.category, category],
        ...someone(t.seller, 'sellerId'),
        ...maybe(t.currency, currency),
        ...maybe(t.atLeast, bound('minAmount')),
        ...maybe(t.atMost, bound('maxAmount')),
        ...times(),
      ]
    }
    case 'tax_rate':
      return [
        ...percent(),
        ...maybe(t.jurisdiction, of('jurisdiction')),
        ...maybe(t.taxOn, nameIn(t.taxKinds, of('kind') ?? '')),
        ...times(),
      ]
    case 'tax_status':
      return [
        ...someone(t.account, 'userId'),
        ...maybe(t.taxReason, nameIn(t.taxReasons, of('reason') ?? '')),
        ...maybe(t.note, of('note')),
      ]
    case 'payout_outcome':
      return [
        ...maybe(t.seller, sellerId === undefined ? undefined : person(viewer, sellerId, names)),
        ...maybe(t.payout, of('payoutId')),
        ...maybe(t.outcome, nameIn(t.payoutOutcomes, of('outcome') ?? '')),
        ...maybe(t.reference, of('reference')),
        ...maybe(t.why, of('code')),
      ]
    default:
      return maybe(t.currency, currencyCode)
  }
}

function textIn(command: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = Object.hasOwn(command, key) ? command[key] : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}
