/** The terms that make a user a seller. A new version here asks everybody who is to sell anew. */
export const SELLER_TERMS_VERSION = '2026-11'
