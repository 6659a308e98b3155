export interface PresentedRefreshToken {
  isAlive: boolean
  isUsed: boolean
  isWithinGrace: boolean
}

export type RefreshVerdict = 'rotate' | 'repeat' | 'replayed' | 'refused'

/**
 * What to do with a known refresh token. A used one within the grace means that its answer was
 * lost or that two tabs refreshed at once: both get the same successor. Later it means that two
 * parties hold it, and it is unknown which of them is the owner.
 */
export function judgeRefresh(token: PresentedRefreshToken): RefreshVerdict {
  if (!token.isAlive) return 'refused'
  if (!token.isUsed) return 'rotate'
  return token.isWithinGrace ? 'repeat' : 'replayed'
}
