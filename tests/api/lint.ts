import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Ran, Tools } from './tools.ts'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** Each names what is wrong with the files as `file: rule at place: message`. */
export type Linter = (tools: Tools, files: readonly string[]) => Promise<string[]>

interface RedoclyReport {
  problems: {
    ruleId: string
    message: string
    location: { pointer?: string }[]
  }[]
}

type SpectralReport = {
  code: string
  message: string
  path: (string | number)[]
  source: string
}[]

// Of several files it would print one report behind the other.
const redocly: Linter = async (tools, files) => {
  const found: string[] = []
  for (const file of files) {
    const options = ['--config', here('redocly.yaml'), '--format', 'json', '--max-problems', '1000']
    const ran = await tools.node('@redocly/cli/bin/cli.js', ['lint', ...options, file])
    const { problems } = parse<RedoclyReport>('Redocly CLI', ran)
    for (const { ruleId, message, location } of problems) {
      found.push(`${basename(file)}: ${ruleId} at ${location[0]?.pointer ?? '#'}: ${message}`)
    }
  }
  return found
}

const spectral: Linter = async (tools, files) => {
  const options = ['--ruleset', here('spectral.yaml'), '--format', 'json']
  const ran = await tools.node('@stoplight/spectral-cli/dist/index.js', [
    'lint',
    ...options,
    ...files,
  ])
  return parse<SpectralReport>('Spectral', ran).map(
    ({ code, message, path, source }) =>
      `${basename(source)}: ${code} at #/${path.join('/')}: ${message}`,
  )
}

export const LINTERS: Readonly<Record<string, Linter>> = {
  'Redocly CLI': redocly,
  Spectral: spectral,
}

/** Beside the report are lines about the run; without one the linter has failed. */
function parse<T>(name: string, { stdout, stderr }: Ran): T {
  const start = stdout.search(/^[[{]/m)
  const end = Math.max(stdout.lastIndexOf(']'), stdout.lastIndexOf('}'))
  try {
    return JSON.parse(stdout.slice(start, end + 1)) as T
  } catch (error) {
    throw new Error(`${name} made no report: ${stderr}${stdout}`, { cause: error })
  }
}
