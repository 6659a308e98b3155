import type { BidQueue } from '@auction/bid/app/bid-queue.ts'

/** Answers at once and decides nothing: what the HTTP layer alone can do. */
export function bareQueue(): BidQueue {
  return {
    length: 0,
    heldBids: 0,
    lanes: 0,
    drained: async () => {},
    async submit({ bidId, itemId, bidderId, idempotencyKey }) {
      const nowMs = Date.now()
      return {
        kind: 'decided',
        currencyCode: 'USD',
        isRepeat: false,
        record: {
          bidId,
          itemId,
          bidderId,
          kind: 'proxy',
          outcome: 'leading',
          maxAmount: 100_000n,
          price: 100_000n,
          minNextBid: 100_001n,
          bidCount: 1,
          reserveMet: true,
          endsAtMs: nowMs,
          extended: false,
          sequence: 1,
          silentRaise: 0,
          triggerBidId: null,
          refusalCode: null,
          refusalDetails: null,
          idempotencyKey,
          requestHash: null,
          decidedAtMs: nowMs,
          recordedAtMs: nowMs,
        },
      }
    },
  }
}
