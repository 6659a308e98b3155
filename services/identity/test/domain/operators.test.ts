import t from 'tap'
import {
  type Account,
  isLastAdmin,
  judgeOperator,
  normaliseReason,
  type OperatorVerdict,
} from '#src/domain/operators.ts'
import { withoutRole, withRole } from '#src/domain/roles.ts'

const account = (id: string, ...roles: string[]): Account => ({
  id,
  roles: ['user', ...roles],
  status: 'active',
})

t.test('who may suspend whom', async (t) => {
  const actors = {
    user: account('a'),
    seller: account('a', 'seller'),
    moderator: account('a', 'moderator'),
    admin: account('a', 'admin'),
  }
  const targets = {
    user: account('b', 'seller'),
    moderator: account('b', 'moderator'),
    admin: account('b', 'admin'),
    gone: { ...account('b'), status: 'deleted' as const },
  }
  const expected: [keyof typeof actors, Record<keyof typeof targets, OperatorVerdict>][] = [
    ['user', { user: 'forbidden', moderator: 'forbidden', admin: 'forbidden', gone: 'forbidden' }],
    [
      'seller',
      { user: 'forbidden', moderator: 'forbidden', admin: 'forbidden', gone: 'forbidden' },
    ],
    ['moderator', { user: 'fine', moderator: 'fine', admin: 'forbidden', gone: 'unknown_user' }],
    ['admin', { user: 'fine', moderator: 'fine', admin: 'fine', gone: 'unknown_user' }],
  ]
  for (const [actor, row] of expected) {
    for (const [target, verdict] of Object.entries(row)) {
      const judged = judgeOperator(actors[actor], targets[target as keyof typeof targets])
      t.equal(judged, verdict, `${actor} and ${target}`)
    }
  }
  t.equal(judgeOperator(actors.admin, actors.admin), 'yourself')
  t.equal(judgeOperator(actors.user, actors.user), 'forbidden')
  t.equal(judgeOperator(actors.user, undefined), 'forbidden', 'nothing is said about who exists')
})

t.test('an admin is the last one when the others are suspended or no admins', async (t) => {
  const suspended = { ...account('b', 'admin'), status: 'suspended' as const }
  t.ok(isLastAdmin([account('a', 'admin'), suspended, account('c', 'moderator')], 'a'))
  t.notOk(isLastAdmin([account('a', 'admin'), account('b', 'admin')], 'a'))
})

t.test('roles are a set in one order', async (t) => {
  t.same(withRole(withRole(['user'], 'admin'), 'seller'), ['user', 'seller', 'admin'])
  t.same(withRole(['user', 'seller'], 'seller'), ['user', 'seller'])
  t.same(withoutRole(['user', 'seller', 'admin'], 'seller'), ['user', 'admin'])
})

t.test('a reason says something, in characters that can be seen', async (t) => {
  t.equal(normaliseReason('  Spam,\n twice '), 'Spam,\n twice')
  t.equal(normaliseReason('x'.repeat(500))?.length, 500)
  for (const text of ['', '  ', '...', 'x'.repeat(501), 'a\u0007', 'a\u202eb', '\ud800'])
    t.equal(normaliseReason(text), undefined, JSON.stringify(text))
})
