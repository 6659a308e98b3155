import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const OUTPUT_MAX = 64 * 1024 * 1024
const TIMEOUT_MS = 15 * 60_000

interface RunOptions {
  input?: string
  env?: NodeJS.ProcessEnv
  cwd?: string
}

/** Runs a program to its end and answers what it printed; a failure says what it complained of. */
export async function run(
  command: string,
  args: readonly string[],
  { input, env = process.env, cwd }: RunOptions = {},
): Promise<string> {
  try {
    const running = execute(command, args, { maxBuffer: OUTPUT_MAX, timeout: TIMEOUT_MS, env, cwd })
    if (input !== undefined) running.child.stdin?.end(input)
    return (await running).stdout
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
    const last = said.trim().split('\n').slice(-12).join('\n')
    throw new Error(`${command} ${args.slice(0, 6).join(' ')} failed: ${last}`, { cause: error })
  }
}

export interface Cluster {
  namespace: string
  kubectl(...args: string[]): Promise<string>
  helm(...args: string[]): Promise<string>
  /** One object or a list of them. */
  get<T>(...args: string[]): Promise<T>
  apply(manifest: string): Promise<void>
  secret(name: string, key: string): Promise<string>
  /** Opens a way to a port of something in the namespace and answers the local port. */
  forward(target: string, port: number): Promise<Forwarded>
}

export interface Forwarded {
  port: number
  close(): void
}

/** Whatever cluster kubectl points at, and one namespace of it. */
export function openCluster(namespace: string): Cluster {
  const kubectl = (...args: string[]) => run('kubectl', ['--namespace', namespace, ...args])
  return {
    namespace,
    kubectl,
    helm: (...args) => run('helm', ['--namespace', namespace, ...args]),
    get: async (...args) => JSON.parse(await kubectl('get', '--output=json', ...args)),
    apply: async (manifest) => {
      await run('kubectl', ['--namespace', namespace, 'apply', '--filename=-'], { input: manifest })
    },
    async secret(name, key) {
      const found = await kubectl('get', 'secret', name, `--output=jsonpath={.data.${key}}`)
      return Buffer.from(found, 'base64').toString('utf8')
    },
    forward: (target, port) => forward(namespace, target, port),
  }
}

function forward(namespace: string, target: string, port: number): Promise<Forwarded> {
  const child = spawn('kubectl', ['--namespace', namespace, 'port-forward', target, `:${port}`])
  return new Promise((resolve, reject) => {
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      const local = /127\.0\.0\.1:(\d+) ->/.exec(said)?.[1]
      if (local !== undefined) resolve({ port: Number(local), close: () => child.kill() })
    })
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    child.on('error', reject)
    child.on('exit', () => reject(new Error(`kubectl port-forward ${target} ended: ${said}`)))
  })
}
