import { stringify } from 'yaml'
import type { KubeObject } from './objects.ts'
import { CHARTS_DIR, type Profile, render } from './render.ts'

export function goldenFile(chart: string, profile: Profile): string {
  return `${CHARTS_DIR}/golden/${chart}-${profile}.yaml`
}

/** What a profile renders, written so that only a change of meaning changes it. */
export async function renderGolden(chart: string, profile: Profile): Promise<string> {
  return writeStable(await render(chart, profile))
}

// Kubernetes and its tools read `off` as false, as YAML 1.1 does; a text that says so has to be in quotes.
const KUBERNETES_YAML = '1.1'

/** Versions of Helm differ in the order of documents and keys and in quoting; none of it means anything. */
export function writeStable(objects: readonly KubeObject[]): string {
  const key = ({ kind, metadata }: KubeObject) => `${kind}/${metadata.name}`
  const sorted = objects.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
  return sorted
    .map((object) =>
      stringify(object, { version: KUBERNETES_YAML, sortMapEntries: true, lineWidth: 0 }),
    )
    .join('---\n')
}
