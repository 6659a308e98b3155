import { defineError } from '@auction/common/http/errors.ts'

/** Every error this service answers with. */
export const notificationErrors = {
  unauthenticated: defineError('notification.unauthenticated', 'Log in to do this.', 401),
  notFound: defineError('notification.not_found', 'There is no such notification.', 404),
  unknownTimeZone: defineError(
    'notification.unknown_time_zone',
    'Name a time zone such as Europe/Berlin.',
    422,
  ),
  emptyQuietHours: defineError(
    'notification.empty_quiet_hours',
    'Quiet hours end at another time than they begin.',
    422,
  ),
  choiceLocked: defineError(
    'notification.choice_locked',
    'These notifications are always sent.',
    422,
  ),
  liveNotAcceptable: defineError(
    'live.not_acceptable',
    'Events are sent as text/event-stream: ask for it in the header Accept.',
    406,
  ),
  liveTooMany: defineError(
    'live.too_many_streams',
    'Too many live streams are open. Close one, or watch several lots in one stream.',
    429,
    { retryAfterSeconds: 20, retryAfterSpreadSeconds: 20 },
  ),
  liveFull: defineError(
    'live.full',
    'No more live streams can be opened just now. Try again shortly.',
    503,
    { retryAfterSeconds: 2, retryAfterSpreadSeconds: 5 },
  ),
  proofRequired: defineError(
    'notification.proof_required',
    'Prove again who you are, then repeat this.',
    403,
  ),
}

/** Errors about webhook endpoints. */
export const webhookErrors = {
  notFound: defineError('webhook.not_found', 'You have no such webhook endpoint.', 404),
  deliveryNotFound: defineError('webhook.delivery_not_found', 'There is no such delivery.', 404),
  tooMany: defineError('webhook.too_many', 'You have as many endpoints as are possible.', 409),
  urlRefused: defineError('webhook.url_refused', 'This address may not be called.', 422),
  disabled: defineError(
    'webhook.disabled',
    'This endpoint is disabled. Set its state to active first.',
    409,
  ),
  inProgress: defineError('webhook.in_progress', 'This message is being sent right now.', 409),
  tooManyTests: defineError(
    'webhook.too_many_tests',
    'You test this endpoint too often. Try again later.',
    429,
    { retryAfterSeconds: 60 },
  ),
}

/** Errors of those who report what became of mails. */
export const mailReportErrors = {
  off: defineError('mail.reports_off', 'This installation takes no reports of mails here.', 404),
  unknownReporter: defineError(
    'mail.unknown_reporter',
    'Send the secret of reports, or sign the report with it.',
    401,
  ),
  late: defineError('mail.signature_late', 'This report was signed too long ago.', 401),
}

/** Errors about push. */
export const pushErrors = {
  off: defineError('push.off', 'This installation has no push.', 404),
  notFound: defineError('push.not_found', 'You have no such subscription.', 404),
  tooMany: defineError('push.too_many', 'You have as many subscriptions as are possible.', 409),
  endpointRefused: defineError('push.endpoint_refused', 'This address may not be called.', 422),
}
