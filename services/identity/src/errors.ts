import { defineError, ServiceError } from '@auction/common/http/errors.ts'

/** Every error identity answers with, apart from those of the server itself. */
export const identityErrors = {
  unauthenticated: defineError('identity.unauthenticated', 'Log in to do this.', 401),
  crossSite: defineError(
    'identity.cross_site',
    'This request came from another site. Open the page again and repeat it there.',
    403,
  ),
  invalidCredentials: defineError(
    'identity.invalid_credentials',
    'The e-mail address or the password is not right.',
    401,
  ),
  invalidRefreshToken: defineError(
    'identity.invalid_refresh_token',
    'This refresh token is not valid. Log in again.',
    401,
  ),
  sessionNotFound: defineError('identity.session_not_found', 'You have no such session.', 404),
  proofRequired: defineError(
    'identity.proof_required',
    'Prove again who you are, then repeat this.',
    403,
  ),
  invalidCode: defineError(
    'identity.invalid_code',
    'This code is not right, or it was used before.',
    401,
  ),
  codeRequired: defineError(
    'identity.code_required',
    'Two-factor is on: send a code of your app as well, or a recovery code.',
    400,
  ),
  pendingLoginOver: defineError(
    'identity.pending_login_over',
    'This login is no longer waiting for a code. Log in again.',
    401,
  ),
  tooManyCodes: (retryAfterSeconds: number) =>
    new ServiceError(
      'identity.too_many_codes',
      'Too many codes were tried. Use a recovery code, or wait as long as Retry-After says.',
      429,
      { retryAfterSeconds },
      retryAfterSeconds,
    ),
  twoFactorOn: defineError('identity.two_factor_on', 'Two-factor is on already.', 409),
  twoFactorOff: defineError('identity.two_factor_off', 'Two-factor is not on.', 409),
  notEnrolling: defineError(
    'identity.not_enrolling',
    'Begin to enrol an authenticator app first; a secret can be confirmed for ten minutes.',
    409,
  ),
  invalidPasskey: defineError(
    'identity.invalid_passkey',
    'This passkey was not accepted. Try again, or log in another way.',
    401,
  ),
  noPasskey: defineError('identity.no_passkey', 'This account has no passkey.', 409),
  passkeyKnown: defineError('identity.passkey_known', 'This passkey is registered already.', 409),
  tooManyPasskeys: defineError(
    'identity.too_many_passkeys',
    'This account has as many passkeys as it can have.',
    409,
  ),
  passkeyNotFound: defineError('identity.passkey_not_found', 'There is no such passkey.', 404),
  suspended: defineError('identity.suspended', 'This account is suspended.', 403),
  deleting: defineError(
    'identity.deleting',
    'This account was closed by its owner and will be deleted. Log in with keepAccount to keep it.',
    403,
  ),
  forbidden: defineError('identity.forbidden', 'Your roles do not allow this.', 403),
  yourself: defineError('identity.yourself', 'You cannot do this to your own account.', 403),
  userNotFound: defineError('identity.user_not_found', 'There is no such user.', 404),
  userSuspended: defineError('identity.user_suspended', 'This user is suspended.', 409),
  notYourProfile: defineError('identity.not_your_profile', 'This is not your profile.', 403),
  invalidProfile: defineError('identity.invalid_profile', 'This cannot be in a profile.', 400),
  invalidPhoto: defineError(
    'identity.invalid_photo',
    'Send one PNG, JPEG or WebP image in the part "photo". Save a HEIC or AVIF picture as JPEG first.',
    400,
  ),
  photoTooLarge: defineError('identity.photo_too_large', 'A photo has at most 5 MB.', 413),
  noPhoto: defineError('identity.no_photo', 'There is no photo.', 404),
  hasObligations: defineError(
    'identity.has_obligations',
    'Something of yours is not over: an auction, an order, or money that is due to you. Delete the account after it.',
    409,
  ),
  notSuspended: defineError('identity.not_suspended', 'This user is not suspended.', 409),
  lastAdmin: defineError(
    'identity.last_admin',
    'No other user is an admin. Appoint another one first.',
    409,
  ),
  termsChanged: defineError(
    'identity.terms_changed',
    'These are not the terms of today. Read them again.',
    409,
  ),
  sellerWithdrawn: defineError(
    'identity.seller_role_withdrawn',
    'You were a seller and may not be one again. Ask an operator.',
    403,
  ),
  invalidReason: defineError(
    'identity.invalid_reason',
    'A reason has 1 to 500 characters, some of them visible and none of control.',
    400,
  ),
  invalidUntil: defineError('identity.invalid_until', 'A suspension ends in the future.', 400),
  invalidEmail: defineError('identity.invalid_email', 'This is not an e-mail address.', 400),
  invalidName: defineError(
    'identity.invalid_name',
    'A name has 1 to 80 visible characters and no control characters.',
    400,
  ),
  invalidPassword: defineError(
    'identity.invalid_password',
    'A password has 8 to 128 characters, and is neither common nor like your name or address.',
    400,
  ),
  invalidLink: defineError(
    'identity.invalid_link',
    'This link was used, is too old, or never was one. Ask for a new one.',
    400,
  ),
  passwordRequired: defineError(
    'identity.password_required',
    'More than one account was asked for with this address. Type the password that you chose.',
    400,
  ),
  emailNotVerified: defineError(
    'identity.email_not_verified',
    'Verify your e-mail address first: a link is on its way to you.',
    403,
  ),
  tooBusy: defineError(
    'identity.too_busy',
    'Too many people are logging in just now. Try again shortly.',
    503,
    { retryAfterSeconds: 2 },
  ),
}

/** How long to wait is part of the answer, and the same whether the account exists or not. */
export const throttled = (retryAfterSeconds: number) =>
  new ServiceError(
    'identity.throttled',
    'Too many tries. Wait a while, then try again.',
    429,
    { retryAfterSeconds },
    retryAfterSeconds,
  )
