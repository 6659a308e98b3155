/**
 * Every advisory lock of the platform, so that no two pieces of work share a number by accident.
 * The numbers and names must never change: during an upgrade old and new processes run side by
 * side. A number is a key by itself, or the seed or first half of a key that an id completes; a
 * name is hashed by PostgreSQL.
 */
export const ADVISORY_LOCKS = {
  /** Every database: one migrator at a time. A name. */
  migrations: 'auction migrations',
  /** Every database: one process at a time publishes the outbox. A name. */
  outboxRelay: 'outbox relay',
  /** auction: the comments of one author are counted and written one at a time. A seed. */
  commentsOfAuthor: 2,
  /** auction: the reports of one user are counted and written one at a time. A seed. */
  reportsOfUser: 3,
  /** identity: the audit chain is appended to by one transaction at a time. A key. */
  auditChain: 4701,
  /** identity: decisions about one mail address follow one another. The first half of a key. */
  mailAddress: 4702,
  /** identity: one process at a time makes or retires signing keys. A name. */
  signingKeys: 'identity.signing_keys',
  /** auction: one change of the category tree at a time; shared by those that need it as it is. A key. */
  categoryTree: 4801,
  /** auction: the saved searches of one user are counted and written one at a time. A seed. */
  savedSearchesOfUser: 4802,
  /** bid: the blocks of one seller are counted and written one at a time. A seed. */
  blocksOfSeller: 4803,
  /** bid: a block and the deletion of one of its accounts do not overlap. A seed. */
  blockedAccount: 4804,
  /** bid: one worker at a time adds and drops partitions of refusals. A key. */
  refusalWeeks: 4805,
  /** bid: the lanes of all replicas that wait for one held lot stand in a line. The first half of a key. */
  lineOfLot: 4806,
  /** notification: nothing is written for users while some of them are deleted; shared by those that write. A key. */
  departures: 4901,
  /** notification: one process at a time puts notices of one user into a mail. A seed. */
  mailsOfUser: 4904,
  /** notification: the webhook endpoints of one user are counted and written one at a time. A seed. */
  webhooksOfUser: 4902,
  /** notification: the push subscriptions of one user are counted and written one at a time. A seed. */
  pushSubscriptionsOfUser: 4903,
  /** notification: what is reported of mails to one address is counted one at a time. A seed. */
  mailReportsOfAddress: 4905,
  /** payment: the ledger is sealed by one transaction at a time. A key. */
  ledgerChain: 5101,
  /** payment: what operators ask to change is changed by one request at a time. A seed. */
  approvalSubject: 5102,
} as const
