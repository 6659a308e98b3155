import t from 'tap'
import { judgeComment, judgeRemoval, readContent } from '#src/domain/comment.ts'

t.test('a comment needs visible text', async (t) => {
  t.equal(readContent('  Is it silver?\n'), 'Is it silver?')
  for (const text of ['', '  \n', '\u200b\u2060', 'a\0b', '\ud800', 'x'.repeat(2_001)]) {
    t.equal(readContent(text), undefined, JSON.stringify(text.slice(0, 5)))
  }
  t.equal(readContent('😀'.repeat(2_000))?.length, 4_000, 'counted in characters')
})

t.test('buyers ask, the seller answers, all comment', async (t) => {
  const of = (
    kind: 'comment' | 'question' | 'answer',
    isSeller: boolean,
    parentKind?: 'question',
  ) => judgeComment({ kind, isSeller, parentKind })
  t.equal(of('comment', true), 'fine')
  t.equal(of('question', false), 'fine')
  t.equal(of('question', true), 'question_by_seller')
  t.equal(of('question', false, 'question'), 'question_has_parent')
  t.equal(of('answer', true, 'question'), 'fine')
  t.equal(of('answer', false, 'question'), 'answer_without_question')
  t.equal(of('answer', true), 'answer_without_question')
})

t.test('the state of a comment shows who removed it', async (t) => {
  const stranger = { isAuthor: false, isSeller: false, isModerator: false }
  t.equal(judgeRemoval(stranger), undefined)
  t.equal(judgeRemoval({ ...stranger, isAuthor: true, isModerator: true }), 'deleted')
  t.equal(judgeRemoval({ ...stranger, isSeller: true }), 'hidden')
  t.equal(judgeRemoval({ ...stranger, isSeller: true, isModerator: true }), 'removed')
})
