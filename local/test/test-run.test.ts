import { writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { countAssertions, runWorkspaces, type WorkspaceOutcome } from '#src/test-run.ts'

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

/** Workspaces of a root of the test's own, as plain programs that print TAP. */
function createRoot(t: Test, files: Readonly<Record<string, string>>): string {
  const root = t.testdir({
    ...Object.fromEntries(
      ['a', 'b', 'empty'].map((name) => [
        name,
        { '.taprc': 'include: ["test/**/*.test.ts"]\n', test: {} },
      ]),
    ),
  })
  for (const [path, source] of Object.entries(files)) writeFileSync(`${root}/${path}`, source)
  return root
}

t.test('the files of workspaces are counted, with what failed of them', async (t) => {
  const root = createRoot(t, {
    'a/test/good.test.ts': `console.log('ok 1 - fine\\n1..1')`,
    'a/test/bad.test.ts': `console.log('not ok 1 - broken\\n1..1'); process.exitCode = 1`,
    'a/test/helper.ts': `throw new Error('no test')`,
    'b/test/crash.test.ts': `console.log('ok 1 - before'); throw new Error('crashed here')`,
    'b/test/where.test.ts': `console.log(process.cwd().endsWith('/b') ? 'ok 1' : 'not ok 1')`,
  })
  const outcomes = new Map<string, WorkspaceOutcome>()
  const failed: string[] = []
  await runWorkspaces(root, ['a', 'b', 'empty'], process.env, {
    onFile: (file) => file.failed > 0 && failed.push(file.path),
    onWorkspace: (one) => outcomes.set(one.workspace, one),
  })
  t.same(failed.sort(), ['a/test/bad.test.ts', 'b/test/crash.test.ts'], 'each file as it ends')
  t.match(outcomes.get('a'), { files: 2, passed: 1, failed: 1, report: /a\/test\/bad.*broken/s })
  t.match(outcomes.get('b'), { files: 2, passed: 2, failed: 1, report: /code 1.*crashed here/s })
  t.match(outcomes.get('empty'), { files: 0, passed: 0, failed: 1, report: /no test ran/ })
})

t.test('the details of a failure are shown to their end, and nothing after them', async (t) => {
  const lines = [
    '    not ok 1 - broken',
    '      ---',
    '      diff: |',
    ...Array.from({ length: 200 }, (_, index) => `        +line ${index}`),
    '      ...',
    '    ok 2 - fine',
    '    1..2',
    'not ok 1 - all # time=1ms',
    '1..1',
  ]
  const source = `console.log(${JSON.stringify(lines.join('\n'))})`
  const root = createRoot(t, { 'a/test/long.test.ts': source })
  const reports: string[] = []
  await runWorkspaces(root, ['a'], process.env, {
    onWorkspace: ({ report }) => reports.push(report),
  })
  t.match(reports[0], '+line 199\n      ...\nnot ok 1 - all')
})
