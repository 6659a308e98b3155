import { type Html, html } from '@auction/common/html.ts'
import { hidden, type Notes, postForm, sectionAway } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import { sellingPage } from './frame.ts'

export interface OpenQuestions {
  item: { id: string; name: string }
  questions: readonly { id: string; content: string; created_at: string }[]
}

export interface QuestionsEntry extends Notes {
  typed?: { parent: string; content: string }
}

/** Questions that wait for an answer, each with a form to answer it in place. */
export function questionsPage(
  viewer: Viewer,
  read: { items: readonly OpenQuestions[]; isPartial: boolean; shownMax: number | undefined },
  entry: QuestionsEntry,
): string {
  const { talk } = viewer
  const { questions: t } = talk.t.sales
  return sellingPage({
    viewer,
    part: 'questions',
    title: t.title,
    flash: entry.flash,
    problems: entry.problems ?? [],
    content: html`<p>${t.text}</p>
${read.isPartial && html`${sectionAway(talk)}<p>${t.partial}</p>`}
${read.shownMax !== undefined && html`<p>${t.someOnly(talk.number(read.shownMax))}</p>`}
${read.items.length === 0 && html`<p class="empty">${t.none}</p>`}
${read.items.map(
  ({
    item,
    questions,
  }) => html`<section><h2><a href="${viewer.to(`/lots/${item.id}`)}" dir="auto">${item.name}</a></h2>
${questions.map((question) => answerForm(viewer, item.id, question, entry))}</section>
`,
)}`,
  })
}

function answerForm(
  viewer: Viewer,
  itemId: string,
  { id, content, created_at: at }: OpenQuestions['questions'][number],
  { typed }: QuestionsEntry,
): Html {
  const { talk } = viewer
  const { questions: t } = talk.t.sales
  const field = `field-answer-${id}`
  return html`<article class="question"><p dir="auto" class="words">${content}</p><small>${talk.instant(at)}</small>
${postForm(
  viewer.to(`/my/questions/${itemId}`),
  'answer',
  t.answer,
  html`${hidden('parent', id)}<div class="field"><label for="${field}">${t.yourAnswer}</label>
<small id="${field}-hint">${t.hint}</small>
<textarea id="${field}" name="content" required maxlength="${TEXT_LENGTHS_MAX['comment.content']}" rows="3" dir="auto" aria-describedby="${field}-hint">${'\n'}${typed?.parent === id && typed.content}</textarea></div>`,
)}</article>`
}
