/** How long a proof of identity counts for sensitive changes (R-ACC-5). */
export const FRESH_PROOF_SECONDS = 600

/** So many wrong passwords in a row end the session that they are typed into. */
export const PROOF_TRIES_MAX = 10

/** Ways in which a person proves who they are, as RFC 8176 names them. */
export type AuthenticationMethod = 'pwd' | 'otp' | 'hwk' | 'kba'
