import { type Html, html } from '@auction/common/html.ts'
import { excerptOf } from '@auction/common/text-excerpt.ts'
import { aliasIn, clockNote, picture } from '#src/app/pages/cards.ts'
import { layout } from '#src/app/pages/layout.ts'
import { field, hidden, type Notes, postForm, sectionAway } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Problem } from '#src/domain/problem-text.ts'
import type { Talk } from '#src/domain/talk.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import type { DepositView } from '#src/infra/http/buying.ts'
import type {
  AttributesView,
  CommentsView,
  HistoryView,
  ItemPageView,
  LotView,
  SellerView,
  StandingView,
} from '#src/infra/http/lots.ts'
import { bidBox } from './bid-box.ts'

/** Of the description that a list of search results, or a message with a link to the page, shows. */
const DESCRIPTION_CHARACTERS_MAX = 150

/** 'away': its service did not answer, and the page goes without. */
type Part<T> = T | 'away' | undefined

/** All that a page of a lot is made of. */
export interface LotParts {
  item: ItemPageView
  lot: LotView
  history: Part<HistoryView>
  standing: Part<StandingView>
  comments: Part<CommentsView>
  attributes: Part<AttributesView>
  seller: Part<SellerView>
  /** What the reader has held for this lot, the newest first; undefined where nothing is to be held. */
  deposits: Part<DepositView[]>
}

/** What the reader typed into the forms of the page, and what is wrong with it. */
export interface LotEntry extends Notes {
  /** Of the next bid; the same again only where its answer was lost. */
  key: string
  maxAmount?: string
  /** Of the form; the same again only where its answer was lost. */
  termsVersion?: string
  question?: string
  answer?: { parent: string; content: string }
}

/** One lot: what it is, what it costs now, how its reader stands, and what they can do. */
export function lotPage(viewer: Viewer, parts: LotParts, entry: LotEntry): string {
  const { item, lot, standing } = parts
  const { talk } = viewer
  return layout({
    viewer,
    title: item.name,
    description: excerptOf(item.description, DESCRIPTION_CHARACTERS_MAX) || item.name,
    serverTime: lot.serverTime,
    scripts: ['lot'],
    ...(entry.flash === undefined ? {} : { flash: entry.flash }),
    problems: entry.problems ?? [],
    content: html`<div class="lot-page">
<h1 dir="auto">${item.name}</h1>
${lotFace(viewer, parts, entry)}
${questions(viewer, parts, entry)}
${watching(viewer, item)}
${standing !== 'away' && standing?.isSeller !== true && reporting(viewer, item.id)}
${clockNote(talk, lot.serverTime)}
</div>`,
  })
}

/** What all see of a lot, as its page and the preview of its seller show it. */
export function lotFace(viewer: Viewer, parts: LotParts, entry: LotEntry): Html {
  const { item } = parts
  const { talk } = viewer
  return html`${gallery(talk, item)}
${bidBox(viewer, parts, entry)}
<section class="about" aria-labelledby="about"><h2 id="about">${talk.t.bid.description}</h2>
<p class="description" dir="auto">${item.description}</p>
${details(talk, parts.attributes)}
${sellerCard(viewer, item, parts.seller)}</section>
${history(talk, parts)}`
}

/** All pictures are in sight; each leads to its largest size, also without a script. */
function gallery(talk: Talk, { images, name }: ItemPageView): Html {
  const { t, number } = talk
  if (images.length === 0) return html`<div class="gallery empty-picture">${t.bid.noPicture}</div>`
  const alt = (image: (typeof images)[number], index: number) => {
    if (image.alt_text !== '') return image.alt_text
    return `${name}: ${t.bid.picture(number(index + 1), number(images.length))}`
  }
  return html`<div class="gallery" role="group" aria-label="${t.bid.pictures}">${images.map(
    (image, index) =>
      html`<a class="shot" href="${image.urls.large}">${picture(image, {
        alt: alt(image, index),
        sizes: index === 0 ? '(min-width: 60rem) 44rem, 100vw' : '(min-width: 60rem) 10rem, 30vw',
        isFirst: index === 0,
      })}</a>`,
  )}</div>`
}

function details(talk: Talk, attributes: LotParts['attributes']): Html | false {
  if (attributes === 'away') return sectionAway(talk)
  if (attributes === undefined || attributes.items.length === 0) return false
  return html`<h3>${talk.t.bid.details}</h3>
<dl class="details">${attributes.items.map((attribute) => {
    const { label, value } = detailOf(talk, attribute)
    return html`<div><dt>${label}</dt><dd dir="auto">${value}</dd></div>`
  })}</dl>`
}

/** In the words of the reader, where the form of sellers gave a code. */
function detailOf({ t: { selling } }: Talk, { key, value }: { key: string; value: string }) {
  const labels: Readonly<Record<string, string>> = {
    condition: selling.condition,
    delivery: selling.delivery,
    delivery_note: selling.deliveryNote,
    returns: selling.returns,
  }
  const codes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    condition: selling.conditions,
    delivery: selling.deliveries,
  }
  const label = Object.hasOwn(labels, key) ? labels[key] : undefined
  const words = Object.hasOwn(codes, key) ? codes[key] : undefined
  return {
    label: label ?? key.replaceAll('_', ' '),
    value: words !== undefined && Object.hasOwn(words, value) ? words[value] : value,
  }
}

function sellerCard(viewer: Viewer, item: ItemPageView, seller: LotParts['seller']): Html {
  const { talk } = viewer
  const { t } = talk
  if (seller === 'away') return sectionAway(talk)
  if (seller === undefined) return html``
  const place = [seller.city, seller.country].filter((part) => part !== null && part !== '')
  return html`<h3>${t.bid.soldBy}</h3>
<p class="seller"><a href="${viewer.to(`/sellers/${item.sellerID}`)}"><bdi>${seller.name}</bdi></a>
<small>${place.length > 0 && html`<bdi>${place.join(', ')}</bdi> · `}${t.bid.sellerSince(talk.day(seller.createdAt))}</small></p>`
}

/** The history names bidders by number; which of them is the reader is for the reader alone. */
function history(talk: Talk, { history, lot, standing }: LotParts): Html {
  const { t } = talk
  const own = standing === 'away' ? undefined : standing?.alias
  const rows = history === 'away' || history === undefined ? undefined : history.bids
  return html`<section class="history" aria-labelledby="history"><h2 id="history">${t.lot.history}</h2>
${own !== undefined && html`<p>${t.bid.yourNumber(aliasIn(talk, own))}</p>`}
${
  rows === undefined
    ? sectionAway(talk)
    : html`<div class="scroll" role="group" aria-labelledby="history" tabindex="0"><table${rows.length === 0 && html` hidden`}>
<thead><tr><th scope="col">${t.lot.bidder}</th><th scope="col">${t.lot.price}</th><th scope="col">${t.lot.when}</th></tr></thead>
<tbody id="bids">${rows.map(
        ({ bidder, kind, amount, bidAt }) =>
          html`<tr${bidder === own && html` class="own"`}><td>${aliasIn(talk, bidder)}${
            bidder === own && html` <strong>(${t.bid.you})</strong>`
          }${kind === 'auto' && html` <small>${t.lot.automatic}</small>`}</td>
<td>${talk.money(amount, lot.currencyCode)}</td>
<td><time datetime="${bidAt}">${talk.instant(bidAt)}</time></td></tr>
`,
      )}</tbody></table></div>
${rows.length === 0 && html`<p class="empty" id="no-bids">${t.lot.noBids}</p>`}`
}</section>`
}

function questions(viewer: Viewer, parts: LotParts, entry: LotEntry): Html {
  const { talk } = viewer
  const { t } = talk
  const { comments, item, standing } = parts
  const isSeller = standing !== 'away' && standing?.isSeller === true
  if (comments === 'away' || comments === undefined) {
    return html`<section class="questions"><h2>${t.bid.questions}</h2>${sectionAway(talk)}</section>`
  }
  const threads = comments.items
  return html`<section class="questions" aria-labelledby="questions"><h2 id="questions">${t.bid.questions}</h2>
${threads.length === 0 && html`<p class="empty">${t.bid.noQuestions}</p>`}
${threads.map(
  (thread) => html`<article class="question">${said(talk, thread)}
${thread.replies.map((reply) => html`<div class="reply">${said(talk, reply)}</div>`)}
${isSeller && thread.replies.length === 0 && thread.state === 'visible' && answerForm(viewer, item.id, thread.id, entry)}</article>
`,
)}
${!isSeller && askForm(viewer, item.id, entry)}</section>`
}

function said(talk: Talk, comment: CommentsView['items'][number]['replies'][number]): Html {
  const { t } = talk
  return html`<p dir="auto" class="words">${comment.state === 'visible' ? comment.content : t.bid.removedText}</p>
<small>${comment.is_seller && html`<strong>${t.bid.bySeller}</strong> · `}${talk.instant(comment.created_at)}</small>`
}

function askForm(viewer: Viewer, itemId: string, { question = '', problems = [] }: LotEntry): Html {
  const { bid } = viewer.talk.t
  if (!viewer.isLoggedIn) {
    const path = encodeURIComponent(viewer.to(`/lots/${itemId}`))
    return html`<p><a href="${viewer.to('/login')}?returnTo=${path}">${bid.logInToAsk}</a></p>`
  }
  return postForm(
    viewer.to(`/lots/${itemId}/questions`),
    'ask',
    bid.ask,
    field({
      name: 'content',
      label: bid.question,
      type: 'long',
      hint: bid.questionHint,
      value: question,
      lengthMax: TEXT_LENGTHS_MAX['comment.content'],
      problems: ofField(problems, 'content'),
    }),
  )
}

function answerForm(viewer: Viewer, itemId: string, threadId: string, { answer }: LotEntry): Html {
  const { bid } = viewer.talk.t
  const id = `field-answer-${threadId}`
  return postForm(
    viewer.to(`/lots/${itemId}/questions`),
    'answer',
    bid.sendAnswer,
    html`${hidden('parent', threadId)}<div class="field"><label for="${id}">${bid.answer}</label>
<textarea id="${id}" name="content" required maxlength="${TEXT_LENGTHS_MAX['comment.content']}" rows="3" dir="auto">${'\n'}${answer?.parent === threadId && answer.content}</textarea></div>`,
  )
}

function watching(viewer: Viewer, item: ItemPageView): Html {
  const { talk } = viewer
  const { t } = talk
  const isWatched = item.isWatched === true
  return html`<section class="watching">
<form method="post" action="${viewer.to(`/lots/${item.id}/watch`)}" data-form="watch">
${hidden('watch', isWatched ? 'no' : 'yes')}<button>${isWatched ? t.bid.unwatch : t.bid.watch}</button>
${item.watchCount > 0 && html`<small>${talk.count(item.watchCount, t.bid.watchers)}</small>`}</form></section>`
}

function reporting(viewer: Viewer, itemId: string): Html | false {
  if (!viewer.isLoggedIn) return false
  const { bid } = viewer.talk.t
  return html`<details class="report"><summary>${bid.report}</summary>
${postForm(
  viewer.to(`/lots/${itemId}/report`),
  'report',
  bid.sendReport,
  html`<div class="field"><label for="field-reason">${bid.reason}</label>
<select id="field-reason" name="reason">${Object.entries(bid.reasons).map(
    ([value, text]) => html`<option value="${value}">${text}</option>`,
  )}</select></div>`,
)}</details>`
}

export const ofField = (problems: readonly Problem[], name: string): readonly Problem[] =>
  problems.filter(({ field: about }) => about === name)
