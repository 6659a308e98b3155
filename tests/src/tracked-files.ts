import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const root = new URL('../../', import.meta.url)

/** Every file of the repository that git knows, from its root. */
export function trackedFiles(): string[] {
  const output = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  return output.split('\0').filter((path) => path !== '')
}

export function readTracked(path: string): string {
  return readFileSync(new URL(path, root), 'utf8')
}
