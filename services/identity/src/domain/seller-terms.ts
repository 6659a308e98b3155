/** The terms that make a user a seller. After a new version, users are asked again. */
export const SELLER_TERMS_VERSION = '2026-11'
