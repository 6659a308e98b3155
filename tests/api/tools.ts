import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { type ApiTools, ensureApiTools } from '@auction/local/install/api-tools.ts'
import { PROGRAMS_DIR } from '@auction/local/platform.ts'

export interface Ran {
  code: number
  stdout: string
  stderr: string
}

export interface RunOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
}

export interface Tools extends ApiTools {
  /** Runs a program of an npm package with our Node. */
  node(path: string, args: readonly string[], options?: RunOptions): Promise<Ran>
  /** Runs Python with the packages of the tools. */
  python(args: readonly string[], options?: RunOptions): Promise<Ran>
}

const OUTPUT_BYTES_MAX = 256 * 1024 * 1024

// Two of them would report that they ran, or ask whether there is a newer version.
const QUIET = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', NO_COLOR: '1' }

/** The tools of others that try our documents, installed when they are not there yet. */
export async function findTools(log: (line: string) => void): Promise<Tools> {
  const tools = await ensureApiTools(PROGRAMS_DIR, log)
  return {
    ...tools,
    node: (path, args, options) =>
      run(process.execPath, [join(tools.nodeModules, path), ...args], options),
    python: (args, { env = {}, ...options } = {}) => {
      const paths = [env.PYTHONPATH, tools.pythonPath].filter(Boolean).join(':')
      // The folder of the packages is shared, and may belong to another user.
      const own = { ...env, PYTHONPATH: paths, PYTHONDONTWRITEBYTECODE: '1' }
      return run('python3', args, { ...options, env: own })
    },
  }
}

/** Runs a program to its end; rejects when it was ended from outside. */
export function run(
  program: string,
  args: readonly string[],
  { cwd, env = {} }: RunOptions = {},
): Promise<Ran> {
  const options = { cwd, env: { ...process.env, ...QUIET, ...env }, maxBuffer: OUTPUT_BYTES_MAX }
  // The test runner gives its loader to every Node below it, which only our own files can stand.
  const command = ['-u', 'NODE_OPTIONS', program, ...args]
  return new Promise((resolve, reject) => {
    execFile('env', command, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code
      if (typeof code === 'number') resolve({ code, stdout, stderr })
      else reject(error)
    })
  })
}
