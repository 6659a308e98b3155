/** With the pauses below, a mail that the server refuses for now is tried for a day. */
export const NOTICE_TRIES_MAX = 28

const FIRST_SECONDS = 60
const MAX_SECONDS = 3_600
/** For all mails while the server is not there: they go when it is back, and not an hour later. */
const UNREACHABLE_SECONDS = 30

/** Pause before a mail is tried again that the server refused for now, `tries` times so far. */
export function postponedSeconds(tries: number): number {
  return Math.min(FIRST_SECONDS * 2 ** Math.max(tries - 1, 0), MAX_SECONDS)
}

/** Pause of a mail that could not be offered to the server. `random` from 0 to 1 spreads them. */
export function unreachableSeconds(random: number): number {
  return UNREACHABLE_SECONDS * (0.5 + random)
}

/** How long nothing is sent after the server was unreachable `failures` times in a row. */
export function pauseSeconds(failures: number): number {
  return failures === 0 ? 0 : Math.min(2 ** failures, 60)
}
