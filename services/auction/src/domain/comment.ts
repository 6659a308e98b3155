import { TEXTS, writtenText } from './texts.ts'

export type CommentKind = 'comment' | 'question' | 'answer'
export type CommentState = 'visible' | 'deleted' | 'hidden' | 'removed'

/** A user may write this many comments in COMMENT_WINDOW_MINUTES. */
export const COMMENTS_MAX = 20
export const COMMENT_WINDOW_MINUTES = 10

/** A comment's text in composed form without outer blanks, or undefined when there is nothing to see. */
export function readContent(text: string): string | undefined {
  return writtenText(text, TEXTS.comment)
}

export interface NewComment {
  kind: CommentKind
  isSeller: boolean
  parentKind: CommentKind | undefined
}

export type CommentProblem =
  | 'question_by_seller'
  | 'question_has_parent'
  | 'answer_without_question'

/** Questions are for the seller, and only the seller answers them; every user may comment. */
export function judgeComment(comment: NewComment): CommentProblem | 'fine' {
  const { kind, isSeller, parentKind } = comment
  if (kind === 'question' && isSeller) return 'question_by_seller'
  if (kind === 'question' && parentKind !== undefined) return 'question_has_parent'
  if (kind === 'answer' && (!isSeller || parentKind !== 'question'))
    return 'answer_without_question'
  return 'fine'
}

export interface Remover {
  isAuthor: boolean
  isSeller: boolean
  isModerator: boolean
}

/**
 * The state of a comment that this user removes; undefined when they may not. The state shows who did
 * it: its author, the seller of the item, or a moderator.
 */
export function judgeRemoval(remover: Remover): Exclude<CommentState, 'visible'> | undefined {
  if (remover.isAuthor) return 'deleted'
  if (remover.isModerator) return 'removed'
  return remover.isSeller ? 'hidden' : undefined
}
