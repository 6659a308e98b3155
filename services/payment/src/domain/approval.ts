/** What a second operator has to approve. */
export const KINDS = [
  'refund',
  'commission_rate',
  'tax_rate',
  'tax_status',
  'payout_outcome',
] as const
export type ApprovalKind = (typeof KINDS)[number]

/** From which amounts on a second operator is asked. */
export interface ApprovalRules {
  /** False: one operator decides everything. */
  readonly isOn: boolean
  /** In minor units; what is more than this needs another one. Zero for a currency that no one named: a gap is no way around. */
  limitOf(currencyCode: string): bigint
  /** A request that no one approved for so long is over. */
  readonly expiryMs: number
}

export const NO_APPROVALS: ApprovalRules = { isOn: false, limitOf: () => 0n, expiryMs: 0 }

/** Whether so much needs a second operator; `before`: what was given without one, so that parts are no way around. */
export const needsApproval = (
  { isOn, limitOf }: ApprovalRules,
  { amount, currencyCode, before = 0n }: { amount: bigint; currencyCode: string; before?: bigint },
): boolean => isOn && before + amount > limitOf(currencyCode)

/** Why an operator cannot decide a request. */
export function refuseDecider(
  request: { askedBy: string; parties: readonly string[] },
  decider: string,
  /** Those who have asked for something about the same, too. */
  askers: readonly string[],
): 'asked' | 'party' | undefined {
  if (request.askedBy === decider || askers.includes(decider)) return 'asked'
  return request.parties.includes(decider) ? 'party' : undefined
}
