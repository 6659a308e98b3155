import { displayAmount, displayCount, displayInstant } from '#src/domain/display.ts'
import { type Html, html } from '#src/domain/html.ts'
import type { HistoryView, ItemView, LotView } from '#src/infra/http/upstream.ts'
import { layout } from './layout.ts'
import { reserveBadge, timing } from './lots-page.ts'

/** One lot with its bid history. */
export function lotPage(item: ItemView, lot: LotView, history: HistoryView): string {
  const { currencyCode } = lot
  const price = lot.finalAmount ?? lot.currentPrice ?? lot.startPrice
  const status = lot.phase === 'closed' ? item.status : lot.phase
  return layout({
    title: `${item.name} – Auction`,
    serverTime: lot.serverTime,
    content: html`<p><a href="/">All lots</a></p>
<h1>${item.name}</h1>
${firstImage(item)}
<p class="description">${item.description}</p>
<div id="live">
<section class="lot" aria-label="Price and time">
<p class="price"><strong>${displayAmount(price, currencyCode)}</strong>
<span>${lot.bidCount === 0 ? 'starting price' : displayCount(lot.bidCount, 'bid')}${
      lot.leaderAlias !== undefined && html`, ${lot.leaderAlias} leads`
    }</span></p>
${lot.minNextBid !== undefined && html`<p>The next bid is at least ${displayAmount(lot.minNextBid, currencyCode)}.</p>`}
${reserveBadge(lot)}
${timing(status, lot.startDate, lot.endDate, Date.parse(lot.serverTime))}
</section>
<h2>Bids</h2>
${bidTable(history, currencyCode)}
</div>`,
  })
}

/** Without a text of the seller's the name above it says what it is, and it is decoration. */
function firstImage({ images: [image] = [] }: ItemView): Html | undefined {
  if (image === undefined) return undefined
  const { urls, alt_text: text, width, height } = image
  // Both, so that the text below does not jump when the picture arrives.
  return html`<img class="picture" src="${urls.medium}" alt="${text}" width="${width}" height="${height}">`
}

function bidTable({ bids }: HistoryView, currencyCode: string): Html {
  if (bids.length === 0) return html`<p class="empty">No bids yet.</p>`
  return html`<div class="scroll" role="region" aria-label="Bids" tabindex="0"><table>
<thead><tr><th scope="col">Bidder</th><th scope="col">Price</th><th scope="col">When</th></tr></thead>
<tbody>${bids.map(
    (
      bid,
    ) => html`<tr><td>${bid.bidder}${bid.kind === 'auto' && html` <small>automatic</small>`}</td>
<td>${displayAmount(bid.amount, currencyCode)}</td>
<td><time datetime="${bid.bidAt}">${displayInstant(bid.bidAt)}</time></td></tr>
`,
  )}</tbody>
</table></div>`
}
