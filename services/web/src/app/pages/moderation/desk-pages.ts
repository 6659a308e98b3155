import { type Html, html } from '@auction/common/html.ts'
import { field, hidden, type Notes, postForm, sectionAway, select } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Talk } from '#src/domain/talk.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import type {
  DecidedDisputeView,
  DisputesView,
  FlagsView,
  OperatedOrderView,
  RefundView,
} from '#src/infra/http/moderation.ts'
import { deskPage } from './frame.ts'
import { person } from './reports-page.ts'

export const FLAG_KINDS = [
  'same_address',
  'only_one_seller',
  'never_wins',
  'new_account_last_seconds',
] as const

/** Bidders to look at. */
export function flagsPage(
  viewer: Viewer,
  kind: (typeof FLAG_KINDS)[number] | undefined,
  flags: FlagsView,
  names: ReadonlyMap<string, string>,
): string {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const { page, totalPages } = flags
  const path = (of: string | undefined, to = 1) => {
    const query = new URLSearchParams({
      ...(of === undefined ? {} : { kind: of }),
      ...(to === 1 ? {} : { page: String(to) }),
    })
    return viewer.to(query.size === 0 ? '/moderation/flags' : `/moderation/flags?${query}`)
  }
  return deskPage(viewer, 'flags', {
    content: html`<p>${t.flagsIntro}</p>
<nav class="categories" aria-label="${t.flagTabs}"><a class="chip" href="${path(undefined)}"${kind === undefined && html` aria-current="page"`}>${t.allKinds}</a>${FLAG_KINDS.map(
      (each) =>
        html`<a class="chip" href="${path(each)}"${each === kind && html` aria-current="page"`}>${t.flagKinds[each]}</a>`,
    )}</nav>
${
  flags.items.length === 0
    ? html`<p class="empty">${t.noFlags}</p>`
    : html`<section class="scroll" aria-label="${t.flags}" tabindex="0"><table class="stack">
<thead><tr><th scope="col">${t.bidder}</th><th scope="col">${t.why}</th><th scope="col">${t.what}</th><th scope="col">${t.lastSeen}</th></tr></thead>
<tbody>${flags.items.map(
        (flag) => html`<tr><th scope="row">${person(viewer, flag.userId, names)}</th>
<td data-label="${t.why}">${flag.kind in t.flagKinds ? t.flagKinds[flag.kind as keyof typeof t.flagKinds] : flag.kind}</td>
<td data-label="${t.what}">${flag.sellerId !== undefined && person(viewer, flag.sellerId, names)}${flag.itemId !== undefined && html`<a href="${viewer.to(`/lots/${flag.itemId}`)}" dir="auto">${names.get(flag.itemId) ?? t.item}</a>`}${flag.sellerId === undefined && flag.itemId === undefined && '–'}</td>
<td data-label="${t.lastSeen}">${talk.instant(flag.lastSeenAt)}</td></tr>
`,
      )}</tbody></table></section>`
}
${
  totalPages > 1 &&
  html`<nav class="pages" aria-label="${talk.t.list.pages}">${page > 1 && html`<a href="${path(kind, page - 1)}">${talk.t.list.previous}</a>`}
<span>${talk.t.list.page(talk.number(page), talk.number(totalPages))}</span>
${page < totalPages && html`<a href="${path(kind, page + 1)}">${talk.t.list.next}</a>`}</nav>`
}`,
  })
}

const disputeReason = ({ t }: Talk, reason: string): string => {
  const { disputeReasons } = t.moderation
  return reason in disputeReasons ? disputeReasons[reason as keyof typeof disputeReasons] : reason
}

/** Open disputes, those whose answer is due first. */
export function disputesPage(viewer: Viewer, { disputes, nextCursor }: DisputesView): string {
  const { talk } = viewer
  const { moderation: t } = talk.t
  return deskPage(viewer, 'disputes', {
    content: html`${
      disputes.length === 0
        ? html`<p class="empty">${t.noDisputes}</p>`
        : html`<section class="scroll" aria-label="${t.disputes}" tabindex="0"><table class="stack">
<thead><tr><th scope="col">${t.order}</th><th scope="col">${t.disputeReason}</th><th scope="col">${t.openedAt}</th><th scope="col">${t.answerBy}</th></tr></thead>
<tbody>${disputes.map(
            (
              dispute,
            ) => html`<tr><th scope="row"><a href="${viewer.to(`/operator/orders/${dispute.orderId}`)}">${t.orderNumber(dispute.orderId.slice(-8))}</a></th>
<td data-label="${t.disputeReason}">${disputeReason(talk, dispute.reason)}</td>
<td data-label="${t.openedAt}">${talk.instant(dispute.openedAt)}</td>
<td data-label="${t.answerBy}">${talk.instant(dispute.answerBy)}</td></tr>
`,
          )}</tbody></table></section>`
    }
${nextCursor !== undefined && html`<p><a class="button" rel="next" href="${viewer.to(`/moderation/disputes?cursor=${nextCursor}`)}">${t.earlier}</a></p>`}`,
  })
}

export interface OrderParts extends Notes {
  order: OperatedOrderView
  dispute: DecidedDisputeView | 'away' | undefined
  refunds: readonly RefundView[] | 'away' | undefined
  names: ReadonlyMap<string, string>
  /** Of the form that gives money back. */
  key: string
  /** Which form came back, and what was typed. */
  typed?: Readonly<Record<string, string>>
}

/** One order as moderators see it: who, how much, the dispute, and what was given back. */
export function operatedOrderPage(viewer: Viewer, parts: OrderParts): string {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const { order, names } = parts
  const money = (amount: string) => talk.money(amount, order.currencyCode)
  const row = (name: string, value: Html | string) =>
    html`<div><dt>${name}</dt><dd>${value}</dd></div>
`
  return deskPage(viewer, 'disputes', {
    title: t.orderNumber(order.id.slice(-8)),
    flash: parts.flash,
    problems: parts.problems ?? [],
    content: html`<dl class="details">${row(t.item, html`<a href="${viewer.to(`/lots/${order.itemId}`)}" dir="auto">${order.itemName ?? t.item}</a>`)}
${row(t.state, stateName(talk, order.state))}
${row(t.buyer, person(viewer, order.buyerId, names))}
${row(t.seller, person(viewer, order.sellerId, names))}
${row(t.amount, money(order.amount))}
${row(t.total, money(order.total))}
${row(t.refunded, money(order.refundedTotal))}
${row(t.paidAt, order.paidAt === undefined ? t.notPaid : talk.instant(order.paidAt))}</dl>
<section aria-labelledby="dispute-title"><h2 id="dispute-title">${t.dispute}</h2>
${parts.dispute === 'away' ? sectionAway(talk) : disputePart(viewer, parts, parts.dispute)}</section>
<section aria-labelledby="refunds-title"><h2 id="refunds-title">${t.refunds}</h2>
${refundPart(viewer, parts)}</section>
<h2>${t.timeline}</h2>
<ul>${order.timeline.map(({ state, by, at }) => html`<li>${talk.instant(at)}: ${stateName(talk, state)} (${by in t.authors ? t.authors[by as keyof typeof t.authors] : '–'})</li>`)}</ul>`,
  })
}

const stateName = ({ t }: Talk, state: string): string => {
  const { states } = t.buying.orders
  return state in states ? states[state as keyof typeof states] : state
}

function disputePart(
  viewer: Viewer,
  { order, typed = {}, problems = [] }: OrderParts,
  dispute: DecidedDisputeView | undefined,
): Html {
  const { talk } = viewer
  const { moderation: t } = talk.t
  if (dispute === undefined) return html`<p class="empty">${t.noDispute}</p>`
  const action = viewer.to(`/operator/orders/${order.id}`)
  const message = field({
    name: 'message',
    label: t.message,
    type: 'long',
    value: typed.message ?? '',
    problems,
    lengthMax: TEXT_LENGTHS_MAX['dispute.message'],
  })
  const canDecide = order.role === 'moderator' && dispute.resolution === undefined
  const isWaiting = order.role === 'moderator' && order.state === 'refund_pending'
  return html`<p>${disputeReason(talk, dispute.reason)}. ${t.openedAt} ${talk.instant(dispute.openedAt)}. ${t.answerBy} ${talk.instant(dispute.answerBy)}.</p>
${dispute.messages.map(
  ({ author, content, writtenAt }) =>
    html`<div class="question"><p><strong>${author in t.authors ? t.authors[author as keyof typeof t.authors] : author}</strong> <small>${talk.instant(writtenAt)}</small></p><p class="words" dir="auto">${content}</p></div>
`,
)}
${
  canDecide &&
  postForm(
    `${action}/resolution`,
    'resolution',
    t.decideDispute,
    html`${select({
      name: 'resolution',
      label: t.resolution,
      options: [
        ['buyer', t.forBuyer],
        ['seller', t.forSeller],
      ],
      value: typed.resolution ?? 'buyer',
      problems,
    })}
${field({ name: 'refundAmount', label: t.refundAmount(order.currencyCode), hint: t.refundHint, type: 'amount', isOptional: true, lengthMax: 32, value: typed.refundAmount ?? '', problems })}
${hidden('currency', order.currencyCode)}${message}`,
  )
}
${
  isWaiting &&
  postForm(
    `${action}/settlement`,
    'settlement',
    t.settle,
    html`${select({
      name: 'outcome',
      label: t.outcome,
      options: [
        ['refunded', t.outcomes.refunded],
        ['resumed', t.outcomes.resumed],
      ],
      value: typed.outcome ?? 'refunded',
      problems,
    })}${message}`,
  )
}`
}

function refundPart(viewer: Viewer, parts: OrderParts): Html {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const { order, refunds, key, typed = {}, problems = [] } = parts
  if (order.paymentId === undefined) return html`<p class="empty">${t.noPayment}</p>`
  if (refunds === 'away' || refunds === undefined) return sectionAway(talk)
  const own = refunds.filter(({ orderId }) => orderId === order.id)
  return html`${
    own.length === 0
      ? html`<p class="empty">${t.noRefunds}</p>`
      : html`<ul>${own.map(
          ({ amount, reason, state, createdAt }) =>
            html`<li>${talk.instant(createdAt)}: ${talk.money(amount, order.currencyCode)}, ${state in t.refundStates ? t.refundStates[state as keyof typeof t.refundStates] : state}. <q dir="auto">${reason}</q></li>`,
        )}</ul>`
  }
<details class="save"${typed.amount !== undefined && html` open`}><summary>${t.refund}</summary>
${postForm(
  viewer.to(`/operator/orders/${order.id}/refund`),
  'refund',
  t.refund,
  html`${hidden('key', key)}${hidden('currency', order.currencyCode)}${hidden('payment', order.paymentId)}${field({ name: 'amount', label: t.refundWhat(order.currencyCode), type: 'amount', lengthMax: 32, value: typed.amount ?? '', problems })}
${field({ name: 'reason', label: t.refundWhy, type: 'long', lengthMax: TEXT_LENGTHS_MAX['refund.reason'], value: typed.reason ?? '', problems })}`,
)}</details>`
}
