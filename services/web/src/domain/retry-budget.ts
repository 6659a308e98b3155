export interface RetryBudget {
  /** A request is sent for the first time. */
  sent(): void
  /** Takes one retry from the budget; false when it is spent. */
  mayRetry(): boolean
}

/** So many retries may follow a quiet time. */
const BURST = 10
const RETRIES_PER_REQUEST = 0.1

/**
 * Bounds retries to a tenth of the requests and ten more after a quiet time, so that a service with too much work is not sent twice as much
 * (the retry budget of Finagle).
 */
export function createRetryBudget(): RetryBudget {
  let left = BURST
  return {
    sent() {
      left = Math.min(BURST, left + RETRIES_PER_REQUEST)
    },
    mayRetry() {
      if (left < 1) return false
      left -= 1
      return true
    },
  }
}
