/** How many requests to a provider run at once. */
export interface Pace {
  atOnce(): number
  /** The provider said that there are too many. */
  tooMany(): void
  wentWell(): void
}

/** Half as many when there are too many, and one more for each round that went well, `most` at last. */
export function createPace(most: number): Pace {
  let current = most
  return {
    atOnce: () => Math.floor(current),
    tooMany() {
      current = Math.max(1, current / 2)
    },
    wentWell() {
      current = Math.min(most, current + 1 / current)
    },
  }
}
