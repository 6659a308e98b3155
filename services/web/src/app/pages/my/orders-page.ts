import { html } from '@auction/common/html.ts'
import { layout } from '#src/app/pages/layout.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { OrderListView } from '#src/infra/http/buying.ts'
import { myNav, wordFor } from './frame.ts'

/** In the order in which a purchase goes through them. */
export const ORDER_STATES = [
  'pending_payment',
  'overdue',
  'paid',
  'preparing',
  'shipped',
  'delivered',
  'collected',
  'completed',
  'disputed',
  'refund_pending',
  'refunded',
  'cancelled',
] as const
export type OrderState = (typeof ORDER_STATES)[number]

/** What a user bought, the latest first; states with nothing in them have no tab. */
export function ordersPage(
  viewer: Viewer,
  state: OrderState | undefined,
  { orders, counts, nextCursor }: OrderListView,
): string {
  const { talk } = viewer
  const { orders: t } = talk.t.buying
  const path = (of?: string, cursor?: string) => {
    const query = new URLSearchParams({
      ...(of === undefined ? {} : { state: of }),
      ...(cursor === undefined ? {} : { cursor }),
    })
    return viewer.to(query.size === 0 ? '/my/orders' : `/my/orders?${query}`)
  }
  const countOf = (of: OrderState) => counts.find((each) => each.state === of)?.count ?? 0
  const tabs = ORDER_STATES.filter((of) => countOf(of) > 0 || of === state)
  return layout({
    viewer,
    title: t.title,
    content: html`${myNav(viewer, 'orders')}
<h1>${t.title}</h1>
<nav class="tabs" aria-label="${t.tabs}"><a href="${path()}"${state === undefined && html` aria-current="page"`}>${t.all}</a>${tabs.map(
      (of) =>
        html`<a href="${path(of)}"${of === state && html` aria-current="page"`}>${t.states[of]} (${talk.number(countOf(of))})</a>`,
    )}</nav>
${
  orders.length === 0
    ? html`<p class="empty">${state === undefined ? t.none : t.noneInState}</p>`
    : html`<section class="scroll" aria-label="${t.title}" tabindex="0"><table class="stack">
<thead><tr><th scope="col">${t.lot}</th><th scope="col">${t.state}</th><th scope="col">${t.total}</th><th scope="col">${t.when}</th></tr></thead>
<tbody>${orders.map(
        (
          order,
        ) => html`<tr><th scope="row"><a href="${viewer.to(`/my/orders/${order.id}`)}" dir="auto">${order.itemName ?? t.unnamed}</a></th>
<td class="${order.state}" data-label="${t.state}">${wordFor(t.states, order.state)}</td>
<td data-label="${t.total}">${talk.money(order.total, order.currencyCode)}</td>
<td data-label="${t.when}">${talk.instant(order.wonAt)}</td></tr>
`,
      )}</tbody></table></section>`
}
${nextCursor !== undefined && html`<p><a class="button" rel="next" href="${path(state, nextCursor)}">${t.more}</a></p>`}
${orders.length > 0 && html`<p><a href="/api/v1/orders/export.csv?role=buyer" download>${t.download}</a></p>`}`,
  })
}
