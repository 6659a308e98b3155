import type { Item, ItemContent, ItemStatus } from './item.ts'

/** How an item goes into a new round by itself. */
export interface RelistPlan {
  /** How often it still may. */
  readonly autoRelists: number
  /** By so many hundredths each of those lowers the start price of the round before. */
  readonly relistPriceDropPercent: number
}

export const AUTO_RELISTS_MAX = 5
export const PRICE_DROP_PERCENT_MAX = 90

/** Statuses in which the plan can be changed: what is sold, or withdrawn, is not relisted by itself. */
const PLANNABLE: readonly ItemStatus[] = [
  'draft',
  'scheduled',
  'active',
  'reserved',
  'ended',
  'expired',
]

export const isPlannable = ({ status, relistedAs }: Pick<Item, 'status' | 'relistedAs'>) =>
  PLANNABLE.includes(status) && relistedAs === null

/** Statuses of items that may be over for good. Whether they are, and not sold, is decided by the bid service. */
export const isOver = (status: ItemStatus) =>
  status === 'ended' || status === 'sold' || status === 'expired' || status === 'cancelled'

/**
 * What is put up for auction in the next round (R-RELIST-1): the same terms for the original time, which extensions do not
 * lengthen, from an instant on.
 */
export function nextRound(content: ItemContent, startDate: Date): ItemContent {
  const lengthMs = content.endDate.getTime() - content.startDate.getTime()
  return { ...content, startDate, endDate: new Date(startDate.getTime() + lengthMs) }
}

/** The start price after an automatic relist (R-RELIST-2): rounded down, one minor unit at least. */
export function loweredPrice(startPrice: bigint, dropPercent: number): bigint {
  const lowered = (startPrice * BigInt(100 - dropPercent)) / 100n
  return lowered < 1n ? 1n : lowered
}
