import t from 'tap'
import { createOwnerFailures } from '#src/app/webhooks/owner-failures.ts'

const HALF_MS = 1_800_000

t.test(
  'the owners with most failures of the last hour are counted, however many there are',
  (t) => {
    let nowMs = 0
    const failures = createOwnerFailures(() => nowMs, 3)
    t.strictSame(failures.most(2), [0, 0])
    for (const owner of ['ann', 'ben', 'ann', 'eve', 'ann', 'ben', 'dan']) failures.failed(owner)
    t.strictSame(failures.most(4), [3, 2, 1, 0], 'a fourth owner is not kept')
    nowMs = HALF_MS
    failures.failed('eve')
    failures.failed('eve')
    t.strictSame(failures.most(3), [3, 3, 2])
    nowMs = 2 * HALF_MS
    t.strictSame(failures.most(3), [2, 0, 0], 'after an hour they are forgotten')
    nowMs = 4 * HALF_MS
    t.strictSame(failures.most(1), [0])
    t.end()
  },
)
