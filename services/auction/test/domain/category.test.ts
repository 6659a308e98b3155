import t from 'tap'
import {
  type Category,
  judgePlace,
  pathOf,
  readAttribute,
  subtreeOf,
} from '#src/domain/category.ts'

const category = (id: string, parentId: string | null): Category => ({
  id,
  parentId,
  name: id,
  description: '',
  status: 'active',
})

const tree = (...pairs: [string, string | null][]) =>
  new Map(pairs.map(([id, parentId]) => [id, category(id, parentId)]))

const SMALL = tree(['art', null], ['prints', 'art'], ['maps', 'prints'], ['tools', null])

t.test('a path leads up, a subtree down', async (t) => {
  t.strictSame(
    pathOf(SMALL, 'maps').map(({ id }) => id),
    ['maps', 'prints', 'art'],
  )
  t.strictSame(subtreeOf(SMALL, 'art'), ['art', 'prints', 'maps'])
  t.strictSame(pathOf(SMALL, 'nothing'), [])
  t.strictSame(subtreeOf(SMALL, 'nothing'), [])
})

t.test('nothing lies below itself, below nothing, or deeper than six', async (t) => {
  t.equal(judgePlace(SMALL, 'art', 'tools'), 'fine')
  t.equal(judgePlace(SMALL, 'art', 'maps'), 'cycle')
  t.equal(judgePlace(SMALL, 'art', 'art'), 'cycle')
  t.equal(judgePlace(SMALL, undefined, 'nothing'), 'parent_not_found')
  const deep = tree(['1', null], ['2', '1'], ['3', '2'], ['4', '3'], ['5', '4'], ['6', '5'])
  t.equal(judgePlace(deep, undefined, '5'), 'fine')
  t.equal(judgePlace(deep, undefined, '6'), 'too_deep')
  const two = tree(
    ...([
      ['1', null],
      ['2', '1'],
      ['3', '2'],
      ['4', '3'],
      ['a', null],
      ['b', 'a'],
      ['c', 'b'],
    ] as [string, string | null][]),
  )
  t.equal(judgePlace(two, 'a', '3'), 'fine', 'a subtree is moved as a whole')
  t.equal(judgePlace(two, 'a', '4'), 'too_deep')
})

t.test('a value is what its definition says', async (t) => {
  const number = {
    key: 'weight',
    label: 'Weight',
    kind: 'number',
    unit: 'g',
    choices: null,
  } as const
  t.strictSame(readAttribute(' 12.5 ', number), { ok: true, value: '12.5', number: '12.5' })
  for (const text of ['heavy', '1e3', '', '1,5', '0x10', 'NaN', '12.1234567']) {
    t.equal(readAttribute(text, number).ok, false, text)
  }
  const choice = { ...number, kind: 'choice', unit: null, choices: ['new', 'used'] } as const
  t.equal(readAttribute('used', choice).ok, true)
  t.strictSame(readAttribute('Used', choice), { ok: false, reason: 'not_a_choice' })
  t.strictSame(readAttribute('e\u0301', undefined), { ok: true, value: 'é', number: null })
  t.strictSame(readAttribute('a\0b', undefined), { ok: false, reason: 'not_printable' })
})
