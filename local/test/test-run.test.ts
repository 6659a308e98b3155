import t from 'tap'
import { countAssertions } from '#src/test-run.ts'

t.test('assertions are counted, their summaries are not', async (t) => {
  const output = [
    '# Subtest: test/a.test.ts',
    '    # Subtest: one',
    '        ok 1 - a',
    '        not ok 2 - b',
    '        1..2',
    '    not ok 1 - one # time=1ms',
    '    ok 2 - c',
    '    1..2',
    'not ok 1 - test/a.test.ts',
    '# Subtest: test/b.test.ts',
    '    ok 1 - d',
    '    ok 2 - skipped # SKIP not here',
    'ok 2 - test/b.test.ts',
    'not ok 3 - test/c.test.ts # broke off before any test',
    '1..3',
  ].join('\n')
  t.strictSame(countAssertions(output), { passed: 3, failed: 2 })
})

t.test('a subtest that fails without a failed assertion counts once', async (t) => {
  const output = ['    ok 1 - a', '    1..1', 'not ok 1 - test/a.test.ts # timeout', '1..1'].join(
    '\n',
  )
  t.strictSame(countAssertions(output), { passed: 1, failed: 1 })
})

t.test('no output is no test', async (t) => {
  t.strictSame(countAssertions(''), { passed: 0, failed: 0 })
})
