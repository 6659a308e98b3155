import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { DEMO_OPERATOR, DEMO_PEOPLE, seedDemo } from '#src/demo.ts'
import { loopbackAddresses } from '#src/gateway/start.ts'
import { openState, timed } from '#src/infrastructure.ts'
import { type Platform, startPlatform } from '#src/platform.ts'
import { claimState, platformStateDir, writeRunning } from '#src/state.ts'

readCommandLine({
  help: `make up

Runs the platform on this machine until Ctrl-C: http://localhost:9191, or GATEWAY_PORT.`,
})

const GATEWAY_PORT_DEFAULT = 9191

const stateDir = platformStateDir()
const log = (line: string) => console.log(`  ${line}`)
let platform: Platform | undefined
let starting: Promise<Platform> | undefined
const startEnd = new AbortController()
let isStopping = false
const startedAtMs = performance.now()

try {
  const release = claimState(stateDir)
  process.on('exit', release)
  // A closed terminal asks by SIGHUP.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => void stop())
  }
  // The gateway of a run that was killed may still have the port.
  if (existsSync(join(stateDir, 'processes.json'))) await openState(stateDir, log)
  const gatewayPort = Number(process.env.GATEWAY_PORT ?? GATEWAY_PORT_DEFAULT)
  await loopbackAddresses(gatewayPort).catch((error: Error) => {
    throw new Error(`${error.message}. "make up GATEWAY_PORT=9292" takes another one.`)
  })
  console.log('Starting the auction platform')
  const { signal } = startEnd
  starting = startPlatform({ stateDir, gatewayPort, log, autoRestart: true, signal })
  platform = await starting
  const { gatewayUrl, rabbitmq, postgres, sandbox } = platform
  writeRunning(stateDir, {
    gatewayUrl,
    rabbitmqUrl: rabbitmq.url,
    postgresPort: postgres.port,
    sandboxUrl: sandbox.url,
  })
  await timed(log, 'demo data looked at', () => seedDemo({ gatewayUrl, log, grantAdmin }))
  announce(gatewayPort, platform)
} catch (error) {
  if (isStopping) await new Promise(() => {})
  console.error(`\n${error instanceof Error ? error.message : String(error)}`)
  if (starting !== undefined) console.error(`Logs: ${join(stateDir, 'logs')}`)
  await platform?.stop()
  process.exit(1)
}

/** What `npm run admin -- grant` does. */
function grantAdmin(email: string): void {
  const operator = fileURLToPath(new URL('operator.ts', import.meta.url))
  const { status } = spawnSync(process.execPath, [operator, 'identity', 'admin', 'grant', email], {
    stdio: 'ignore',
  })
  if (status !== 0) throw new Error(`${email} could not be made an admin`)
}

function announce(gatewayPort: number, { mailbox, sandbox }: Platform): void {
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1)
  console.log(`\nReady after ${seconds} s:  http://localhost:${gatewayPort}\n`)
  for (const { name, email, password } of [...DEMO_PEOPLE, DEMO_OPERATOR]) {
    console.log(`  ${name.padEnd(13)} ${email.padEnd(18)} password: ${password}`)
  }
  console.log(`\n  Mails are shown at ${mailbox.url}`)
  console.log(`  Payments go to the sandbox at ${sandbox.url}`)
  console.log(
    `  Logs in ${join(stateDir, 'logs')}. Ctrl-C stops everything; data stays until "make reset".`,
  )
}

async function stop(): Promise<void> {
  if (isStopping) return
  isStopping = true
  console.log('\nStopping')
  startEnd.abort()
  const started = platform ?? (await starting?.catch(() => undefined))
  await started?.stop()
  process.exit(0)
}
