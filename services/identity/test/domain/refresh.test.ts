import t from 'tap'
import { judgeRefresh } from '#src/domain/refresh.ts'

t.test(
  'a refresh token rotates once, repeats within the grace and is a replay afterwards',
  async (t) => {
    const unused = { isAlive: true, isUsed: false, isWithinGrace: false }
    t.equal(judgeRefresh(unused), 'rotate')
    t.equal(judgeRefresh({ ...unused, isUsed: true, isWithinGrace: true }), 'repeat')
    t.equal(judgeRefresh({ ...unused, isUsed: true }), 'replayed')
  },
)

t.test('whatever was ended is refused before anything else is asked', async (t) => {
  for (const isUsed of [true, false])
    for (const isWithinGrace of [true, false])
      t.equal(judgeRefresh({ isAlive: false, isUsed, isWithinGrace }), 'refused')
})
