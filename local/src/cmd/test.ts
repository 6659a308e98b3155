import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readCommandLine, refuse } from '@auction/common/process/command-line.ts'
import { openState, startInfrastructure, timed } from '#src/infrastructure.ts'
import { ensureHelm } from '#src/install/helm.ts'
import { ensureS3Server } from '#src/install/s3-server.ts'
import { ensureTraefik } from '#src/install/traefik.ts'
import { PROGRAMS_DIR } from '#src/platform.ts'
import { removePostgresData } from '#src/postgres.ts'
import { SERVICE_NAMES } from '#src/service-list.ts'
import { claimState, runningPid } from '#src/state.ts'
import { checkStyleAndTypes, type Outcome, runWorkspace, stopRuns } from '#src/test-run.ts'

const WORKSPACES = [
  'services/common',
  ...SERVICE_NAMES.map((name) => `services/${name}`),
  'local',
  'tests',
]
const root = fileURLToPath(new URL('../../..', import.meta.url))
const log = (line: string) => console.log(line)
const { positionals: only } = readCommandLine({
  help: `make test, or npm test -- [WORKSPACE…]

Style, types and the tests of every workspace, or of those that are named: ${WORKSPACES.join(' ')}.
They get a PostgreSQL, a RabbitMQ and a Traefik of their own.`,
  wordsMax: WORKSPACES.length,
})
const unknown = only.filter((name) => !WORKSPACES.includes(name))
if (unknown.length > 0) refuse(`There is no workspace ${unknown.join(' ')}`)

// Always the same folder, so that what a killed run has left is found by the next one.
const stateDir = join(root, '.local/test')
await forgetEarlierRun()
const release = claimState(stateDir)
const outcomes: Outcome[] = []
let finishing: Promise<void> | undefined
const starting = startInfrastructure({ stateDir, log })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void finish().then(() => process.exit(1)))
}
try {
  const infrastructure = await starting
  // Downloads wait for the network, the check for the processors.
  const installing = installPrograms()
  installing.catch(() => undefined)
  outcomes.push(await timed(log, 'style and types checked', () => checkStyleAndTypes(root)))
  const { traefik, helm, s3Server } = await installing
  await Promise.all([infrastructure.postgresReady, infrastructure.rabbitmqReady])
  const env = {
    ...process.env,
    TEST_POSTGRES_URL: infrastructure.postgres.adminUrl,
    TEST_RABBITMQ_URL: infrastructure.rabbitmq.url,
    TEST_RABBITMQ_MANAGEMENT_URL: infrastructure.rabbitmq.managementUrl,
    TEST_TRAEFIK: traefik,
    TEST_HELM: helm,
    TEST_S3_SERVER: s3Server,
  }
  const chosen = only.length === 0 ? WORKSPACES : WORKSPACES.filter((name) => only.includes(name))
  for (const workspace of chosen) {
    outcomes.push(
      await timed(log, `${workspace} tested`, () => runWorkspace(join(root, workspace), env)),
    )
  }
} catch (error) {
  console.error(error)
  outcomes.push({ passed: 0, failed: 1, report: '' })
} finally {
  await finish()
}

async function installPrograms() {
  const traefik = await ensureTraefik(PROGRAMS_DIR, log)
  const helm = await ensureHelm(PROGRAMS_DIR, log)
  return { traefik, helm, s3Server: await ensureS3Server(PROGRAMS_DIR, log) }
}

/** The same for the end of all tests and for a signal, and once even when both come. */
function finish(): Promise<void> {
  finishing ??= stopEverything()
  return finishing
}

async function stopEverything(): Promise<void> {
  await stopRuns()
  const infrastructure = await starting.catch(() => undefined)
  await infrastructure?.stop()
  removePostgresData(stateDir)
  rmSync(stateDir, { recursive: true, force: true })
  release()
}

async function forgetEarlierRun(): Promise<void> {
  const running = runningPid(stateDir)
  if (running !== undefined) {
    console.error(`Tests are running already in this checkout (process ${running}).`)
    process.exit(1)
  }
  await openState(stateDir, log)
  removePostgresData(stateDir)
  rmSync(stateDir, { recursive: true, force: true })
}

for (const { report } of outcomes) if (report !== '') console.log(report)
const sum = (key: 'passed' | 'failed') =>
  outcomes.reduce((total, outcome) => total + outcome[key], 0)
console.log(`${sum('passed')} passed, ${sum('failed')} failed`)
process.exit(sum('failed') === 0 && sum('passed') > 0 ? 0 : 1)
