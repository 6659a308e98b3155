import { UUID } from '@auction/common/ids.ts'
import type { PageAnswer, PageRoutes } from '#src/app/page-routes.ts'
import { saidIn } from '#src/app/pages/parts.ts'
import {
  type OpenQuestions,
  type QuestionsEntry,
  questionsPage,
} from '#src/app/pages/selling/questions-page.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { problemOf, type Refusal } from '#src/domain/problem-text.ts'
import type { Lots } from '#src/infra/http/lots.ts'
import type { Selling } from '#src/infra/http/selling.ts'
import { orAway } from '#src/infra/http/service-client.ts'
import { ownRoutes, parameterOf } from './guard.ts'

/** Each item is asked for its questions, and so not all of a large shop. */
const ITEMS_MAX = 20

/** Questions to a seller's open items. */
export function questionRoutes(
  pages: PageRoutes,
  { selling, lots }: { selling: Selling; lots: Lots },
): void {
  const routes = ownRoutes(pages)

  const show = async (
    viewer: Viewer,
    entry: QuestionsEntry,
    statusCode: number,
  ): Promise<PageAnswer> => {
    const query = { status: 'active', limit: String(ITEMS_MAX) }
    const list = await selling.readItems(new URLSearchParams(query), viewer.authorization)
    const read = await Promise.all(
      list.items.map(async (item) => ({
        item,
        comments: await orAway(lots.readComments(item.id)),
      })),
    )
    const items: OpenQuestions[] = read.flatMap(({ item, comments }) => {
      if (comments === 'away' || comments === undefined) return []
      const questions = comments.items.filter(
        ({ state, is_seller: isOwn, replies }) =>
          state === 'visible' && !isOwn && !replies.some((reply) => reply.is_seller),
      )
      return questions.length === 0 ? [] : [{ item, questions }]
    })
    const isPartial = read.some(({ comments }) => comments === 'away')
    const shownMax = list.nextCursor === undefined ? undefined : ITEMS_MAX
    const markup = questionsPage(viewer, { items, isPartial, shownMax }, entry)
    return { statusCode, markup, isSecret: true }
  }

  routes.get('/my/questions', (viewer, { query }) =>
    show(viewer, { flash: saidIn(viewer.talk.t.sales.said, query) }, 200),
  )

  routes.post(
    '/my/questions/:itemId',
    () => '/my/questions',
    async (viewer, request, { parent = '', content = '' }) => {
      const comment = {
        content,
        kind: 'answer',
        ...(UUID.test(parent) ? { parent_id: parent } : {}),
      }
      const id = parameterOf(request, 'itemId')
      const answer = await lots.writeComment(id, comment, viewer.authorization)
      if (answer.status === 201) return { to: viewer.to('/my/questions?said=answered') }
      const { text } = problemOf(answer.body as unknown as Refusal, viewer.talk)
      const entry = { typed: { parent, content }, problems: [{ text }] }
      return show(viewer, entry, answer.status === 400 ? 422 : answer.status)
    },
  )
}
