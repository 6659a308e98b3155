import { type ChildProcess, spawn } from 'node:child_process'
import type { Teardown } from '@auction/common/testing/database.ts'
import { freePorts } from '@auction/common/testing/ports.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'

export interface Running {
  process: ChildProcess
  url: string
  opsUrl: string
  /** Where the API serves gRPC. */
  grpcAddress: string
}

type Settings = Record<string, string | number>

/** Runs src/cmd/<name>.ts as it is deployed, in a process of its own, until it is ready. */
export async function startProcess(
  t: Teardown,
  name: string,
  settings: Settings,
): Promise<Running> {
  const [port = 0, opsPort = 0, grpcPort = 0] = await freePorts(3)
  const ports = { PORT: port, OPS_PORT: opsPort, GRPC_PORT: grpcPort }
  const child = spawnCommand(name, { ...settings, ...ports })
  t.teardown(() => stop(child))
  const opsUrl = `http://127.0.0.1:${opsPort}`
  await waitFor(`${name} to be ready`, async () => {
    if (child.exitCode !== null) throw new Error(`${name} ended with code ${child.exitCode}`)
    const answer = await fetch(`${opsUrl}/health/ready`).catch(() => undefined)
    return answer?.ok === true
  })
  const grpcAddress = `127.0.0.1:${grpcPort}`
  return { process: child, url: `http://127.0.0.1:${port}`, opsUrl, grpcAddress }
}

/** Runs src/cmd/<name>.ts to its end and answers its exit code. */
export async function runToEnd(name: string, settings: Settings): Promise<number | null> {
  const child = spawnCommand(name, settings)
  return new Promise((resolve) => child.once('exit', resolve))
}

/** Asks a process to stop, as Kubernetes does, and waits until it has. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exited
}

function spawnCommand(name: string, settings: Settings): ChildProcess {
  const level = process.env.TEST_LOG_LEVEL
  return spawn(
    process.execPath,
    ['--import', '@auction/common/telemetry/register.ts', `src/cmd/${name}.ts`],
    {
      stdio: ['ignore', level === undefined ? 'ignore' : 'inherit', 'inherit'],
      env: {
        PATH: process.env.PATH,
        HOST: '127.0.0.1',
        LOG_LEVEL: level ?? 'silent',
        SHUTDOWN_DRAIN_MS: '0',
        ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, `${value}`])),
      },
    },
  )
}
