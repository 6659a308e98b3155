import { type KubeObject, type Labels, podsOf, specOf, titleOf } from '#src/charts/objects.ts'
import { type Selector, selects } from './selectors.ts'

const NAME_LENGTH_MAX = 63
const LENGTH_MAX: Readonly<Record<string, number>> = {
  // KEDA puts keda-hpa- before it, and the whole becomes a label.
  ScaledObject: 54,
  // The revision of its pods becomes a label: a dash and ten letters more.
  StatefulSet: 52,
}

/** Names and labels that are longer than Kubernetes or what derives from them takes. */
export function longNames(objects: readonly KubeObject[]): string[] {
  return objects.flatMap((object) => {
    const { kind, metadata } = object
    const values = Object.values(metadata.labels ?? {}).filter(
      (value) => value.length > NAME_LENGTH_MAX,
    )
    const isLong = metadata.name.length > (LENGTH_MAX[kind] ?? NAME_LENGTH_MAX)
    return [...(isLong ? [titleOf(object)] : []), ...values]
  })
}

type SelectorHolder = { readonly selector?: Selector & Labels; readonly podSelector?: Selector }

/** Objects of one release whose selectors take pods of another release of the same chart. */
export function sharedSelectors(
  one: readonly KubeObject[],
  other: readonly KubeObject[],
): string[] {
  const strangers = podsOf(other).map(({ labels }) => labels)
  return one.flatMap((object) => {
    const selector = selectorOf(object)
    if (selector === undefined) return []
    return strangers.some((labels) => selects(selector, labels)) ? [titleOf(object)] : []
  })
}

/** An empty one is the policy that denies everything to all pods, which two releases may share. */
function selectorOf(object: KubeObject): Selector | undefined {
  const { selector, podSelector } = specOf<SelectorHolder>(object)
  if (object.kind === 'Service') return { matchLabels: selector ?? {} }
  const found = selector ?? podSelector
  return found === undefined || Object.keys(found).length === 0 ? undefined : found
}
