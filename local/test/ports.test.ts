import t from 'tap'
import { freePorts } from '#src/ports.ts'

t.test('no port is handed out twice, even before a process listens on it', async (t) => {
  const given = (await Promise.all([1, 2, 3, 4].map(() => freePorts(400)))).flat()
  t.equal(new Set(given).size, given.length)
})
