import t from 'tap'
import { createSeqRuns } from '#src/rabbitmq/seq-runs.ts'

t.test('seqs that follow one another are one run, in whatever order they come', (t) => {
  const runs = createSeqRuns()
  t.equal(runs.toString(), '{}')
  for (const seq of [5n, 6n, 9n, 7n, 2n, 8n, 6n]) runs.add(seq)
  t.equal(runs.toString(), '{[2,2],[5,9]}')
  for (const seq of [4n, 3n]) runs.add(seq)
  t.equal(runs.toString(), '{[2,9]}')
  runs.clear()
  t.equal(runs.toString(), '{}')
  t.end()
})

t.test('what lies at or below a seq is forgotten, also a part of a run', (t) => {
  const runs = createSeqRuns()
  for (const seq of [1n, 2n, 5n, 6n, 7n, 10n]) runs.add(seq)
  runs.dropUpTo(6n)
  t.equal(runs.toString(), '{[7,7],[10,10]}')
  runs.dropUpTo(8n)
  t.equal(runs.toString(), '{[10,10]}')
  runs.dropUpTo(10n)
  t.equal(runs.toString(), '{}')
  t.end()
})
