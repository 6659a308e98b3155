import type { ApiClient } from '#src/api-client.ts'
import { insist, logIn } from '#src/people.ts'
import type { Cast } from './cast.ts'
import { type Operation, sample } from './operations.ts'

/** Ids of what belongs to the victim, by the parameter that takes them. */
export interface Belongings {
  readonly draftId: string
  readonly attributeId: string
  readonly commentId: string
  readonly commentedId: string
  readonly savedSearchId: string
  readonly sessionId: string
  readonly userId: string
}

/** Finds or makes one of each. */
export async function gather(client: ApiClient, cast: Cast): Promise<Belongings> {
  const { victim, targets } = cast
  const { token } = victim
  const draftPath = targets.find(({ name }) => name === 'a foreign draft')?.path ?? ''
  const commentsPath = targets.find(({ name }) => name === 'a comment')?.path ?? ''
  const comment = await insist(client, 'POST', commentsPath, {
    token,
    body: { content: 'by the victim' },
    accept: [201],
  })
  const attributes = await insist(client, 'POST', `${draftPath}/attributes`, {
    token,
    body: { attributes: [{ key: 'maker', value: 'the victim' }] },
    accept: [200, 201],
  })
  const saved = await insist(client, 'POST', '/api/v1/saved-searches', {
    token,
    body: { name: 'of the victim', filters: {} },
    accept: [201],
  })
  // A session of its own, so that ending it takes nothing from the others.
  const other = await logIn(client, victim.email)
  const { sid } = JSON.parse(
    Buffer.from(other.split('.')[1] ?? '', 'base64url').toString(),
  ) as Record<string, unknown>
  return {
    draftId: draftPath.split('/').at(-1) ?? '',
    attributeId: String((attributes.body.items as { id: string }[])[0]?.id),
    commentId: String(comment.body.id),
    commentedId: commentsPath.split('/').at(-2) ?? '',
    savedSearchId: String(saved.body.id),
    sessionId: String(sid),
    userId: victim.id,
  }
}

/** The path with the victim's ids in it; what the victim has none of gets an id of nothing. */
export function fillPath({ path, parameters }: Operation, has: Belongings): string {
  return path.replaceAll(/\{([^}]+)\}/g, (_whole, parameter: string, at: number) => {
    const before = path.slice(0, at)
    if (parameter === 'role') return 'admin'
    if (parameter === 'commentId') return has.commentId
    if (parameter === 'attributeId') return has.attributeId
    if (before.endsWith('/items/')) {
      return path.includes('{commentId}') ? has.commentedId : has.draftId
    }
    if (before.endsWith('/saved-searches/')) return has.savedSearchId
    if (before.endsWith('/sessions/')) return has.sessionId
    if (before.endsWith('/users/') || before.endsWith('/user-profiles/')) return has.userId
    if (before.endsWith('/lots/')) return has.commentedId
    return String(sample(parameters.get(parameter) ?? {}))
  })
}
