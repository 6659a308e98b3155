import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ApiDocument } from './documents.ts'
import type { Part, Role } from './stage.ts'
import type { Tools } from './tools.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
/** Beside the boundaries of its schema, which only the role that it is for tries. */
const EXAMPLES = { home: 8, away: 2 }

export interface FuzzOptions {
  gatewayUrl: string
  document: ApiDocument
  role: Role
  part: Part
  /** For the files of the run. */
  folder: string
}

export interface Fuzzed {
  operations: number
  requests: number
  /** How many answers had each status. */
  statuses: Record<string, number>
  /** What Schemathesis found, when a check failed or it could not do its work. */
  problem: string | undefined
}

/** Sends what Schemathesis makes of the document in the name of one role, and checks the answers. */
export async function fuzz(tools: Tools, options: FuzzOptions): Promise<Fuzzed> {
  const { gatewayUrl, document, role, part, folder } = options
  const file = (name: string) => join(folder, `${role}-${name}`)
  await writeFile(file('document.json'), JSON.stringify(document))
  await writeFile(file('part.json'), JSON.stringify(part))
  await writeFile(file('schemathesis.toml'), await settingsFor(document, role))
  const program = join(tools.pythonPath, 'bin/schemathesis')
  const { code, stdout, stderr } = await tools.python(
    [
      ...[program, '--no-color', '--config-file', file('schemathesis.toml')],
      ...['run', file('document.json'), '--url', gatewayUrl],
    ],
    {
      cwd: folder,
      env: {
        PYTHONPATH: HERE,
        SCHEMATHESIS_HOOKS: 'fuzz_hooks',
        FUZZ_PART: file('part.json'),
        FUZZ_REPORT: file('report.json'),
      },
    },
  )
  const report = JSON.parse(
    await readFile(file('report.json'), 'utf8').catch(() => '{}'),
  ) as Record<string, Record<string, number>>
  const statuses: Record<string, number> = {}
  for (const counts of Object.values(report)) {
    for (const [status, count] of Object.entries(counts)) {
      statuses[status] = (statuses[status] ?? 0) + count
    }
  }
  return {
    operations: Object.keys(report).length,
    requests: Object.values(statuses).reduce((sum, count) => sum + count, 0),
    statuses,
    problem: code === 0 ? undefined : findings(`${stdout}\n${stderr}`),
  }
}

/** Without the lines about the progress before them, if there are any findings. */
function findings(output: string): string {
  return output.slice(Math.max(0, output.search(/^=+ (?:ERRORS|FAILURES) =+$/m)))
}

async function settingsFor(document: ApiDocument, role: Role): Promise<string> {
  const base = await readFile(join(HERE, 'schemathesis.toml'), 'utf8')
  const away = Object.values(document.paths)
    .flatMap((operations) => Object.values(operations))
    .filter((operation) => homeOf(operation) !== role)
    .map(({ operationId }) => String(operationId))
  return [
    base.replace('max-examples = 0', `max-examples = ${EXAMPLES.home}`),
    '[[operations]]',
    `include-operation-id = ${JSON.stringify(away)}`,
    'phases.coverage.enabled = false',
    `generation.max-examples = ${EXAMPLES.away}`,
  ].join('\n')
}

/** The role that gets furthest with an operation. */
function homeOf(operation: Record<string, unknown>): Role {
  const { 'x-auth': auth, 'x-access': access } = operation
  if (auth !== 'bearer') return 'visitor'
  if (access === 'role') return 'moderator'
  return access === 'any' ? 'bidder' : 'seller'
}
