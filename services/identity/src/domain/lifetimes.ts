/** How long an access token is believed without asking the database. */
export const ACCESS_TOKEN_LIFETIME_SECONDS = 600

/** A session ends this long after its login, whatever happens. */
export const SESSION_LIFETIME_DAYS = 30

/** A session that is not refreshed for this long ends too. */
export const REFRESH_TOKEN_LIFETIME_DAYS = 14

/** The session of a browser that asked to be remembered ends after this without a request … */
export const REMEMBERED_IDLE_DAYS = 14

/** … and that of any other browser after this; its cookie also goes when the browser is closed. */
export const BROWSER_IDLE_HOURS = 12

/** A browser's session that is not remembered ends this long after its login, used or not. */
export const BROWSER_LIFETIME_HOURS = 24

/** How often at most a browser's session is written down as used. */
export const SESSION_TOUCH_SECONDS = 60

/** A token made for a cookie is given out again while it is good for at least this long. */
export const COOKIE_TOKEN_LEFT_SECONDS = 300

/** A refresh token presented again within this time gets the same successor: its answer was lost. */
export const REFRESH_GRACE_SECONDS = 10

/** Ended sessions stay this long, so that their owner can still see them. */
export const ENDED_SESSION_RETENTION_DAYS = 7

/** A mailed link to a new password works for this long. */
export const RESET_LIFETIME_MINUTES = 30

/** More links than this are not mailed to one account in an hour. */
export const RESETS_PER_HOUR_MAX = 5

/** A mailed link that shows whose an address is works for this long. */
export const ADDRESS_LINK_LIFETIME_HOURS = 24

/** At most so many mails an hour go to one address when a stranger could have asked for them. */
export const UNASKED_MAILS_PER_HOUR_MAX = 5

/** A user may ask for another address this often in a day. */
export const EMAIL_CHANGES_PER_DAY_MAX = 5

/**
 * What the owner of a closed account owes is looked at after this: requests that were let in before have ended
 * by then, six times over (`requestTimeout`), and so what they did can be seen.
 */
export const DELETION_DELAY_SECONDS = 60

/** It is looked at again so often until the deletion: a lot can come to them by the void bids of others. */
export const DELETION_LOOK_SECONDS = 3_600

/** Of the registrations that wait for one address so many count, the newest. */
export const CLAIMS_MAX = 5

/** A link to verify an address stands so many wrong passwords. */
export const LINK_TRIES_MAX = 5
