/**
 * What a stranger may send to be taken for another user, as data: the same list runs against the
 * gateway on one machine and against the one in a cluster.
 */

/** The value that every forgery plants; it must never arrive at a service. */
export const FORGED = 'forged-0197a3c4'

/** Headers as they go over the wire, in this order and spelling. */
export type HeaderLines = readonly (readonly [name: string, value: string])[]

export interface HeaderForgery {
  readonly name: string
  readonly headers: HeaderLines
  /** Sent after a chunked body. */
  readonly trailers?: HeaderLines
}

const identityForgeries: HeaderForgery[] = ['X-User-Id', 'X-User-Email', 'X-User-Roles'].flatMap(
  (header) => [
    { name: `${header} as it is`, headers: [[header, FORGED]] },
    { name: `${header} in lower case`, headers: [[header.toLowerCase(), FORGED]] },
    { name: `${header} in upper case`, headers: [[header.toUpperCase(), FORGED]] },
    { name: `${header} with underscores`, headers: [[header.replaceAll('-', '_'), FORGED]] },
    { name: `${header} with one underscore`, headers: [[header.replace('-', '_'), FORGED]] },
    { name: `${header} with dots`, headers: [[header.replaceAll('-', '.'), FORGED]] },
    { name: `${header} with tildes`, headers: [[header.replaceAll('-', '~'), FORGED]] },
    { name: `${header} with exclamation marks`, headers: [[header.replaceAll('-', '!'), FORGED]] },
    { name: `${header} with plus signs`, headers: [[header.replaceAll('-', '+'), FORGED]] },
    { name: `${header} with a space before the colon`, headers: [[`${header} `, FORGED]] },
    {
      name: `${header} twice`,
      headers: [
        [header, FORGED],
        [header.toLowerCase(), FORGED],
      ],
    },
    {
      name: `${header} named by Connection`,
      headers: [
        ['Connection', `close, ${header}`],
        [header, FORGED],
      ],
    },
    {
      name: `${header} named by Connection and not sent`,
      headers: [['Connection', `close, ${header}`]],
    },
    {
      name: `${header} folded into another header`,
      headers: [['X-Harmless', `a\r\n ${header}: ${FORGED}`]],
    },
    {
      name: `${header} behind a bare line feed`,
      headers: [['X-Harmless', `a\n${header}: ${FORGED}`]],
    },
    {
      name: `${header} behind a carriage return`,
      headers: [['X-Harmless', `a\r${header}: ${FORGED}`]],
    },
    {
      name: `${header} as a trailer`,
      headers: [['Trailer', header]],
      trailers: [[header, FORGED]],
    },
    { name: `${header} as an unannounced trailer`, headers: [], trailers: [[header, FORGED]] },
    {
      name: `${header} as a trailer with underscores`,
      headers: [['Trailer', header.replaceAll('-', '_')]],
      trailers: [[header.replaceAll('-', '_'), FORGED]],
    },
  ],
)

const otherForgeries: HeaderForgery[] = [
  'Forwarded',
  'Remote-User',
  'X-Auth-Assertion',
  'X-Auth-Request-User',
  'X-Auth-User',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Method',
  'X-Forwarded-Prefix',
  'X-Forwarded-User',
  'X-HTTP-Method-Override',
  'X-Internal-Token',
  'X-Internal-User',
  'X-Original-URL',
  'X-Real-Ip',
  'X-Remote-User',
  'X-Rewrite-URL',
  'X-User-Name',
].map((header) => ({ name: `${header} of another gateway`, headers: [[header, FORGED]] }))

/** Whatever the route, none of these may carry FORGED to a service. */
export const headerForgeries: readonly HeaderForgery[] = [...identityForgeries, ...otherForgeries]

export interface PathTrick {
  readonly name: string
  readonly method: string
  /** The request target exactly as it stands in the request line. */
  readonly target: string
  readonly headers?: HeaderLines
}

const BIDS = 'api/v1/lots/0197a3c4-0000-7000-8000-000000000001/bids'

/** Sent without a token, each of these tries to place a bid; none may reach the bid service. */
export const pathTricks: readonly PathTrick[] = [
  { name: 'the plain path', method: 'POST', target: `/${BIDS}` },
  { name: 'two slashes in front', method: 'POST', target: `//${BIDS}` },
  { name: 'two slashes inside', method: 'POST', target: `/${BIDS.replace('/v1/', '//v1//')}` },
  { name: 'a dot segment', method: 'POST', target: `/./${BIDS}` },
  { name: 'a slash at the end', method: 'POST', target: `/${BIDS}/` },
  { name: 'up out of a public prefix', method: 'POST', target: `/identity/../${BIDS}` },
  { name: 'up with encoded dots', method: 'POST', target: `/identity/%2e%2e/${BIDS}` },
  { name: 'up with half encoded dots', method: 'POST', target: `/identity/.%2E/${BIDS}` },
  { name: 'up with an encoded slash', method: 'POST', target: `/identity/..%2f${BIDS}` },
  { name: 'up with an encoded backslash', method: 'POST', target: `/identity/..%5c${BIDS}` },
  { name: 'up with a backslash', method: 'POST', target: `/identity/..\\${BIDS}` },
  { name: 'up with a path parameter', method: 'POST', target: `/identity/..;/${BIDS}` },
  { name: 'up with an encoded parameter', method: 'POST', target: `/identity/..%3b/${BIDS}` },
  { name: 'up with twice encoded dots', method: 'POST', target: `/identity/%252e%252e/${BIDS}` },
  { name: 'an encoded null', method: 'POST', target: `/identity%00/../${BIDS}` },
  { name: 'an encoded question mark', method: 'POST', target: `/identity%3f/../${BIDS}` },
  { name: 'an encoded hash', method: 'POST', target: `/identity%23/../${BIDS}` },
  { name: 'an encoded slash in the word', method: 'POST', target: `/api%2fv1%2flots/1/bids` },
  { name: 'an encoded letter', method: 'POST', target: `/${BIDS.replace('lots', '%6cots')}` },
  { name: 'capital letters', method: 'POST', target: `/${BIDS.toUpperCase()}` },
  { name: 'an absolute address', method: 'POST', target: `http://127.0.0.1/${BIDS}` },
  {
    name: 'the absolute address of another',
    method: 'POST',
    target: `http://identity.invalid/${BIDS}`,
  },
  {
    name: 'an absolute address that goes up',
    method: 'POST',
    target: `http://127.0.0.1/identity/../${BIDS}`,
  },
  { name: 'a path without a slash', method: 'POST', target: BIDS },
  { name: 'a method in lower case', method: 'post', target: `/${BIDS}` },
  {
    name: 'a read that asks to be a write',
    method: 'POST',
    target: `/identity/login?_method=POST`,
    headers: [
      ['X-Original-URL', `/${BIDS}`],
      ['X-Rewrite-URL', `/${BIDS}`],
    ],
  },
  {
    name: 'an empty token',
    method: 'POST',
    target: `/${BIDS}`,
    headers: [['Authorization', '']],
  },
  {
    name: 'a token that Connection takes away',
    method: 'POST',
    target: `/${BIDS}`,
    headers: [
      ['Connection', 'close, Authorization'],
      ['Authorization', 'Bearer good'],
    ],
  },
]
