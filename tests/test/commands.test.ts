import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What Deployments and Jobs run, always without arguments. */
const PROCESSES = new Set(['api', 'worker', 'server', 'migrate', 'topology'])

const files = globSync(
  [
    '{services/*,local,tests}/src/cmd/*.ts',
    'services/bid/test/simulate.ts',
    'tests/gateway/cli.ts',
  ],
  { cwd: ROOT },
).filter((file) => !PROCESSES.has(basename(file, '.ts')))

const OPERATOR_COMMANDS = [
  'identity admin',
  'identity keys',
  'identity verify-audit',
  'notification mail',
  'payment payments',
  'payment verify-money',
]

/** Each as a person calls it: a file, and the words that npm or make give it. */
const commands: { name: string; program: string; words: string[] }[] = [
  ...files.flatMap((file) => {
    const all = file === 'local/src/cmd/operator.ts' ? OPERATOR_COMMANDS : ['']
    return all.map((words) => ({
      name: `${file} ${words}`.trim(),
      program: process.execPath,
      words: [join(ROOT, file), ...words.split(' ')].filter((part) => part !== ''),
    }))
  }),
  ...globSync('k8s/*.sh', { cwd: ROOT }).map((file) => ({
    name: file,
    program: 'bash',
    words: [join(ROOT, file)],
  })),
]

interface Call {
  program: string
  words: string[]
}

interface Answer {
  code: unknown
  output: string
  errors: string
}

/** Without any setting: no command may need one to say how it is used. */
function call({ program, words }: Call, option: string) {
  const cwd = program === process.execPath ? dirname(dirname(words[0] ?? ROOT)) : ROOT
  // A state folder in which nothing runs, whatever runs on this machine.
  const env = { PATH: process.env.PATH, LOCAL_STATE: '/nowhere/auction-state' }
  return new Promise<Answer>((resolve) => {
    execFile(program, [...words, option], { cwd, env }, (error, output, errors) =>
      resolve({ code: error?.code ?? 0, output, errors }),
    )
  })
}

t.ok(commands.length > 20, `${commands.length} commands`)

for (const command of commands) {
  t.test(`${command.name} says how it is used, and refuses what it does not know`, async (t) => {
    const calls = ['--help', '--no-such-option'].map((option) => call(command, option))
    const [help, wrong] = (await Promise.all(calls)) as [Answer, Answer]
    t.equal(help.code, 0)
    t.match(help.output, /^(npm|make|node|Builds|Backs) \S/)
    t.equal(help.errors, '')
    t.equal(wrong.code, 2)
    t.equal(wrong.output, '')
    t.equal(wrong.errors.trim().split('\n').length, 1, wrong.errors)
  })
}

t.test('make alone lists the other commands', async (t) => {
  for (const words of [[], ['help']]) {
    const { code, output, errors } = await call(
      { program: 'make', words: ['-C', ROOT] },
      words[0] ?? '-s',
    )
    t.equal(code, 0)
    t.match(output, / {2}make up +\S/)
    t.equal(errors, '')
  }
})
