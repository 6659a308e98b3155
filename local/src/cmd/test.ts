import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readCommandLine, refuse } from '@auction/common/process/command-line.ts'
import { startInfrastructure, timed } from '#src/infrastructure.ts'
import { ensureApiTools } from '#src/install/api-tools.ts'
import { ensureHelm } from '#src/install/helm.ts'
import { ensureS3Server } from '#src/install/s3-server.ts'
import { ensureTraefik } from '#src/install/traefik.ts'
import { PROGRAMS_DIR } from '#src/platform.ts'
import { SERVICE_NAMES } from '#src/service-list.ts'
import { claimState, runningPid } from '#src/state.ts'
import {
  abandonedFolders,
  claimMemory,
  clearTestFolder,
  isOursOrMissing,
  testFolders,
} from '#src/test-folders.ts'
import {
  checkStyleAndTypes,
  type FileOutcome,
  type Outcome,
  type RunListener,
  runWorkspaces,
  stopRuns,
} from '#src/test-run.ts'

// Those whose files take minutes come first: at the end no core waits for one.
const LONGEST = ['tests', 'services/payment']
const WORKSPACES = [
  ...new Set([
    ...LONGEST,
    'local',
    'services/common',
    ...SERVICE_NAMES.map((name) => `services/${name}`),
  ]),
]
/** A run is as long as its longest files: they are where time is to be won. */
const SLOWEST_SHOWN = 15
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

const folders = testFolders(root)
await forgetEarlierRun()
const release = claimState(folders.disk)
const isInMemory = claimMemory(folders.memory, root)
const stateDir = isInMemory ? folders.memory : folders.disk
const outcomes: Outcome[] = []
const spent: Pick<FileOutcome, 'path' | 'seconds'>[] = []
let finishing: Promise<void> | undefined
const starting = startInfrastructure({ stateDir, log })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void finish().then(() => process.exit(1)))
}
try {
  const infrastructure = await starting
  // Downloads wait for the network, the check for the processors.
  const checking = timed(log, 'style and types checked', () => checkStyleAndTypes(root))
  checking.catch(() => undefined)
  const { traefik, helm, s3Server } = await installPrograms()
  await Promise.all([infrastructure.postgresReady, infrastructure.rabbitmqReady])
  const env = {
    ...process.env,
    TEST_POSTGRES_URL: infrastructure.postgres.adminUrl,
    TEST_RABBITMQ_URL: infrastructure.rabbitmq.url,
    TEST_RABBITMQ_MANAGEMENT_URL: infrastructure.rabbitmq.managementUrl,
    TEST_TRAEFIK: traefik,
    TEST_HELM: helm,
    TEST_S3_SERVER: s3Server,
    // Hundreds of processes load the same modules: the first that ends leaves them compiled for all. A file of the
    // cache is written under another name first, so neither parallel writers nor a kill leave half of one.
    NODE_COMPILE_CACHE: join(stateDir, 'compile-cache'),
    // Platforms of tests are in memory as well, and end with the run when a test is killed.
    ...(isInMemory && { TMPDIR: makeFolder(join(stateDir, 'tmp')) }),
  }
  const chosen = only.length === 0 ? WORKSPACES : WORKSPACES.filter((name) => only.includes(name))
  const listener: RunListener = {
    onFile({ path, seconds, failed, report }) {
      spent.push({ path, seconds })
      // All reports come at the end, beside the count. A run that is ended before still has to show the cause.
      if (failed > 0) log(`FAILED ${path} (${seconds.toFixed(0)} s)\n${report}`)
    },
    onWorkspace(outcome) {
      const { workspace, files, seconds } = outcome
      log(`${workspace} tested (${files} files, ${seconds.toFixed(0)} s of a process)`)
      outcomes.push(outcome)
    },
  }
  await timed(log, 'tests', () => runWorkspaces(root, chosen, env, listener, checking))
  outcomes.push(await checking)
} catch (error) {
  console.error(error)
  outcomes.push({ passed: 0, failed: 1, report: '' })
} finally {
  await finish()
}

async function installPrograms() {
  const traefik = await ensureTraefik(PROGRAMS_DIR, log)
  const helm = await ensureHelm(PROGRAMS_DIR, log)
  await ensureApiTools(PROGRAMS_DIR, log)
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
  for (const folder of new Set([stateDir, folders.disk])) await clear(folder)
  release()
}

async function forgetEarlierRun(): Promise<void> {
  const running = runningPid(folders.disk)
  if (running !== undefined) {
    console.error(`Tests are running already in this checkout (process ${running}).`)
    process.exit(1)
  }
  for (const folder of [folders.disk, folders.memory, ...abandonedFolders()]) {
    if (existsSync(folder) && isOursOrMissing(folder)) await clear(folder)
  }
}

async function clear(folder: string): Promise<void> {
  const ended = await clearTestFolder(folder)
  if (ended.length > 0) log(`ended what tests had left: ${ended.join(', ')}`)
}

function makeFolder(folder: string): string {
  mkdirSync(folder, { recursive: true })
  return folder
}

const slowest = spent.sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST_SHOWN)
for (const { path, seconds } of slowest) log(`${seconds.toFixed(0).padStart(5)} s ${path}`)
for (const { report } of outcomes) if (report !== '') console.log(report)
const sum = (key: 'passed' | 'failed') =>
  outcomes.reduce((total, outcome) => total + outcome[key], 0)
console.log(`${sum('passed')} passed, ${sum('failed')} failed`)
process.exit(sum('failed') === 0 && sum('passed') > 0 ? 0 : 1)
