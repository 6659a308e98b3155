/** What one worker sends at the same time. */
export const SLOTS = 100
/** Of these, what endpoints that fail or are slow may use together: the others never wait for them. */
export const SLOTS_OF_SLOW = 50
/** What all workers send to one endpoint at the same time. */
export const SLOTS_OF_ENDPOINT = 5
export const SLOTS_OF_SLOW_ENDPOINT = 1

export interface Candidate {
  readonly endpointId: string
  readonly isSlow: boolean
  /** What is on its way to it now. */
  readonly sending: number
  /** What its rate has left. */
  readonly allowance: number
}

export interface Allotment {
  readonly endpointId: string
  readonly count: number
}

/** How many messages each endpoint may be sent now, in the order of the candidates. */
export function allot(
  candidates: readonly Candidate[],
  busy: { readonly slow: number; readonly all: number },
): Allotment[] {
  let { slow, all } = busy
  const allotments: Allotment[] = []
  for (const { endpointId, isSlow, sending, allowance } of candidates) {
    const own = (isSlow ? SLOTS_OF_SLOW_ENDPOINT : SLOTS_OF_ENDPOINT) - sending
    const free = Math.min(SLOTS - all, isSlow ? SLOTS_OF_SLOW - slow : SLOTS)
    const count = Math.min(own, allowance, free)
    if (count <= 0) continue
    allotments.push({ endpointId, count })
    all += count
    if (isSlow) slow += count
  }
  return allotments
}
