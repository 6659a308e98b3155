import { type Html, html } from '@auction/common/html.ts'
import { layout } from '#src/app/pages/layout.ts'
import { field, hidden, postForm } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'

/** A form that was sent, as its fields were. */
export interface SentForm {
  itemId: string
  /** The end of its address: "bids", "buy-now". */
  action: string
  name: string
  fields: Readonly<Record<string, string>>
}

/**
 * A form whose answer was lost, to be sent again exactly as it was: with another field its key would be refused.
 * Nothing is read for this page, because whatever lost the answer may be away still.
 */
export function againPage(
  viewer: Viewer,
  form: SentForm,
  { problem, amount }: { problem: string; amount: string },
): string {
  const { bid } = viewer.talk.t
  return layout({
    viewer,
    title: bid.againTitle,
    problems: [{ text: problem }],
    content: html`<h1>${bid.againTitle}</h1>
${sentForm(viewer, form, bid.sendAgain(amount))}
<p><a class="button" href="${viewer.to(`/lots/${form.itemId}`)}">${bid.goBack}</a></p>`,
  })
}

/** A text too long for an address, when the session ended before it was sent: it stays in this page. */
export function keptPage(viewer: Viewer, form: SentForm, content: string): string {
  const { bid } = viewer.talk.t
  const isAnswer = form.name === 'answer'
  const login = `${viewer.to('/login')}?returnTo=${encodeURIComponent(viewer.path)}`
  const text = field({
    name: 'content',
    label: isAnswer ? bid.answer : bid.question,
    type: 'long',
    value: content,
    lengthMax: TEXT_LENGTHS_MAX['comment.content'],
  })
  return layout({
    viewer,
    title: bid.keptTitle,
    problems: [{ text: bid.keptTitle }],
    content: html`<h1>${bid.keptTitle}</h1>
<p>${bid.kept}</p>
<p><a class="button" href="${login}" target="_blank" rel="noopener">${bid.keptLogIn}</a></p>
${sentForm(viewer, form, isAnswer ? bid.sendAnswer : bid.ask, text)}`,
  })
}

function sentForm(
  viewer: Viewer,
  { itemId, action, name, fields }: SentForm,
  button: string,
  seen: Html = html``,
): Html {
  const kept = Object.entries(fields).map(([field, value]) => hidden(field, value))
  return postForm(viewer.to(`/lots/${itemId}/${action}`), name, button, html`${kept}${seen}`)
}
