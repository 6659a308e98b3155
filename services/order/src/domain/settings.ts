import type { TimeLimits } from './due-dates.ts'
import type { PremiumTable } from './premium.ts'
import type { StrikeRules } from './strikes.ts'

/** What an operator decides about orders. */
export interface OrderSettings {
  readonly limits: TimeLimits
  readonly premiums: PremiumTable
  readonly strikes: StrikeRules
}
