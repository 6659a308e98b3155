/** Committed per-lot numbers of bidders. They never change, so remembering them is always right. */
export interface BidderNumbers {
  of(itemId: string, bidderId: string): number | undefined
  remember(numbers: { itemId: string; bidderId: string; number: number }[]): void
}

const REMEMBERED_MAX = 100_000

export function createBidderNumbers(): BidderNumbers {
  const numbers = new Map<string, number>()
  return {
    of: (itemId, bidderId) => numbers.get(`${itemId} ${bidderId}`),
    remember(committed) {
      if (numbers.size > REMEMBERED_MAX) numbers.clear()
      for (const { itemId, bidderId, number } of committed) {
        numbers.set(`${itemId} ${bidderId}`, number)
      }
    },
  }
}
