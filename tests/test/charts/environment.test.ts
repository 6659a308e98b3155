import { spawn } from 'node:child_process'
import { basename } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { RABBITMQ_SETTINGS } from '@auction/common/process/config.ts'
import { SERVICES } from '@auction/local/service-list.ts'
import t, { type Test } from 'tap'
import { ownSettings, type Program, programsOf, readerOf } from '#src/charts/environment.ts'
import { PROFILES, render } from '#src/charts/render.ts'

const READ_SETTINGS = fileURLToPath(new URL('../../src/charts/read-settings.ts', import.meta.url))
/** Read by Node and by the telemetry before any schema. */
const ANYWHERE = /^(OTEL_|NODE_)|^POD_NAME$/

async function run(args: readonly string[], { env }: Pick<Program, 'env'>) {
  const plain = Object.entries(env).filter(([name]) => !name.startsWith('NODE_'))
  const child = spawn(process.execPath, [...args], {
    env: Object.fromEntries(plain),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { stdout, stderr }
}

for (const profile of PROFILES) {
  const programs = programsOf(await render('auction-platform', profile))
  t.test(`profile ${profile} starts every process that the services have`, async (t) => {
    const started = programs.map(({ service, entry }) => `${service} ${basename(entry)}`)
    const listed = SERVICES.flatMap(({ name, workloads, jobs }) =>
      [...Object.values(workloads), ...Object.values(jobs)].map(
        ({ entry }) => `${name} ${basename(entry)}`,
      ),
    )
    t.same(started.toSorted(), listed.toSorted())
  })

  for (const program of programs) {
    t.test(`profile ${profile}: ${program.title} gets the settings it reads`, async (t) => {
      const reader = await readerOf(program)
      const own = await ownSettings(profile, program.service)
      if (reader === undefined) return readTopology(t, program, own)
      const { stdout, stderr } = await run([READ_SETTINGS, reader.file, reader.reader], program)
      t.equal(stderr, '', 'its schema takes the environment')
      const known = [...(JSON.parse(stdout) as string[]), ...own]
      t.same(unknownNames(program, known), [], 'and knows all of it')
    })
  }
}

/** Its settings are in the program: it is past them when it says that there is no broker. */
async function readTopology(t: Test, program: Program, own: readonly string[]) {
  const env = {
    ...program.env,
    RABBITMQ_URL: 'amqp://127.0.0.1:1/auction',
    WAIT_FOR_BROKER_MS: '1000',
  }
  const { stdout, stderr } = await run([program.entry], { env })
  t.match(stdout + stderr, /exchanges and queues could not be declared/)
  const known = ['LOG_LEVEL', 'WAIT_FOR_BROKER_MS', ...Object.keys(RABBITMQ_SETTINGS), ...own]
  t.same(unknownNames(program, known), [])
}

function unknownNames({ env }: Program, known: readonly string[]): string[] {
  return Object.keys(env).filter((name) => !known.includes(name) && !ANYWHERE.test(name))
}
