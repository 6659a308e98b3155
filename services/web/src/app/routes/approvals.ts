import { UUID } from '@auction/common/ids.ts'
import type { FastifyRequest } from 'fastify'
import { fieldOf } from '#src/app/forms.ts'
import { notFound, type PageAnswer, type PageRoutes } from '#src/app/page-routes.ts'
import type { ShownAct } from '#src/app/pages/account/small-pages.ts'
import {
  APPROVAL_STATES,
  APPROVALS,
  type ApprovalState,
  type ApprovalsParts,
  approvalsPage,
  shownDecision,
} from '#src/app/pages/moderation/approvals-page.ts'
import type { Notes } from '#src/app/pages/parts.ts'
import { answerAct } from '#src/app/proofs.ts'
import { isModerator, type Viewer } from '#src/app/viewer.ts'
import { problemOf, type Refusal } from '#src/domain/problem-text.ts'
import { ProofNeededError } from '#src/infra/http/identity.ts'
import type { ApprovalView } from '#src/infra/http/moderation.ts'
import { orAway } from '#src/infra/http/service-client.ts'
import {
  backTo,
  type DeskOptions,
  forbidden,
  forModerators,
  forRole,
  idOf,
  namesOf,
  saidAt,
} from './moderation.ts'

/** What waits for a second operator. Payment shows moderators what they may decide, and administrators all. */
export function approvalRoutes(pages: PageRoutes, options: DeskOptions): void {
  const { identity, moderation } = options
  pages.get(
    APPROVALS,
    forRole(isModerator, (viewer, request) => {
      const { query } = request
      const state = APPROVAL_STATES.find((each) => each === fieldOf(query, 'state')) ?? 'open'
      const cursor = fieldOf(query, 'cursor')
      const choice = { state, ...(UUID.test(cursor) ? { cursor } : {}) }
      return show(options, viewer, choice, saidAt(viewer, request))
    }),
  )
  for (const verb of ['approve', 'reject'] as const) {
    const url = `${APPROVALS}/:id/${verb}`
    pages.get(url, backTo(toList))
    pages.post(
      url,
      answerAct(
        identity,
        { page: toList, describe: (viewer, request) => describe(options, viewer, verb, request) },
        forModerators(isModerator, async (viewer, caller, request) => {
          const id = idOf(request)
          if (!UUID.test(id)) return notFound(viewer)
          // Payment looks at when the token was proved.
          const authorization = await caller.authorization()
          // Should the answer be lost, the same decision by the same operator may be sent again.
          const answer = await moderation.decideApproval(id, verb, authorization)
          if (answer.body.code === 'payment.proof_required') {
            throw new ProofNeededError('a decision of an operator')
          }
          if (answer.status < 300) {
            const isOwn = answer.body.askedBy === viewer.userId
            const said = verb === 'approve' ? 'approved' : isOwn ? 'withdrawn' : 'rejected'
            return { to: viewer.to(`${APPROVALS}?said=${said}`) }
          }
          const { text } = problemOf(answer.body as unknown as Refusal, viewer.talk)
          const refused = { id, problem: { field: id, text } }
          return show(options, viewer, { state: 'open' }, { refused }, answer.status)
        }),
      ),
    )
  }
}

/** What is approved or rejected, as payment has it: the form may have been changed on the way. */
async function describe(
  options: DeskOptions,
  viewer: Viewer,
  verb: 'approve' | 'reject',
  request: FastifyRequest,
): Promise<ShownAct | PageAnswer> {
  const id = idOf(request)
  if (!isModerator(viewer)) return forbidden(viewer)
  if (!UUID.test(id)) return notFound(viewer)
  const approval = await options.moderation.readApproval(id, viewer.authorization)
  if (approval === undefined) return notFound(viewer)
  return shownDecision(viewer, verb, approval, await namesIn(options, viewer, [approval]))
}

const toList = (_request: FastifyRequest) => APPROVALS

async function show(
  options: DeskOptions,
  viewer: Viewer,
  { state, cursor }: { state: ApprovalState; cursor?: string },
  notes: Notes & Pick<ApprovalsParts, 'refused'>,
  statusCode = 200,
): Promise<PageAnswer> {
  const query = new URLSearchParams({ state, ...(cursor === undefined ? {} : { cursor }) })
  const read = await options.moderation.readApprovals(query, viewer.authorization)
  if (read === undefined) return forbidden(viewer)
  const { approvals } = read
  const names = await namesIn(options, viewer, approvals)
  const parts = { approvals: read, state, names, ...notes }
  return { statusCode, markup: approvalsPage(viewer, parts), isSecret: true }
}

async function namesIn(
  options: DeskOptions,
  viewer: Viewer,
  approvals: readonly ApprovalView[],
): Promise<ReadonlyMap<string, string>> {
  const [names, categories] = await Promise.all([
    namesOf(options, viewer, { people: approvals.flatMap(peopleOf) }),
    categoryNames(options, viewer, approvals),
  ])
  return new Map([...names, ...categories])
}

/** Who asked, who decided, and whom it is about. */
function peopleOf({ askedBy, decidedBy, sellerId, command }: ApprovalView): string[] {
  const about = [sellerId, command.sellerId, command.userId]
  return [askedBy, decidedBy, ...about].filter(
    (id) => typeof id === 'string' && UUID.test(id),
  ) as string[]
}

async function categoryNames(
  { moderation }: DeskOptions,
  viewer: Viewer,
  approvals: readonly ApprovalView[],
): Promise<[string, string][]> {
  if (!approvals.some(({ command }) => typeof command.categoryId === 'string')) return []
  const categories = await orAway(moderation.readCategories(viewer.authorization))
  if (categories === 'away' || categories === undefined) return []
  return categories.map(({ id, name }) => [id, name])
}
