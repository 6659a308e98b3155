import fc from 'fast-check'
import t from 'tap'
import { readReport } from '#src/domain/read-report.ts'
import { bounceMail, complaintMail } from '#test/reports.ts'

const token = 'a'.repeat(52)
const kindOf = (mail: string) => {
  const report = readReport(mail)
  return 'ignored' in report ? report.ignored : report.kind
}

t.test('a bounce is hard only when no mail will ever reach the address', (t) => {
  for (const [status, diagnostic, kind] of [
    ['5.1.1', 'smtp; 550 no such user', 'hard_bounce'],
    ['5.1.10', 'smtp; 550 5.1.10 RecipientNotFound', 'hard_bounce'],
    ['5.2.1', 'smtp; 550 disabled', 'hard_bounce'],
    ['5.0.0', 'smtp; 550 5.1.1 <ann@example.test>: unknown', 'hard_bounce'],
    ['5.0.0', 'smtp; 550 something', 'soft_bounce'],
    ['5.2.2', 'smtp; 552 5.1.1 mailbox full', 'soft_bounce'],
    ['5.7.1', 'smtp; 550 5.1.1 spam', 'soft_bounce'],
    ['4.4.1', 'X-Postfix; connection timed out', 'soft_bounce'],
    ['5.1.100', 'smtp; 550', 'soft_bounce'],
    ['', 'smtp; 550 5.1.1 unknown', 'hard_bounce'],
    ['', 'smtp; 550-5.1.1 unknown, see the log.', 'hard_bounce'],
    ['5.1.1 (no such user)', '', 'hard_bounce'],
    // Addresses of servers are no codes.
    ['5.0.0', 'smtp; host mx.example.test[192.5.1.1] said: 550 no', 'soft_bounce'],
    ['5.0.0', 'smtp; host mx.example.test[5.1.1.9] said: 550 no', 'soft_bounce'],
    ['', 'smtp; [5.2.1.44] timed out', 'soft_bounce'],
    ['5.0.0', 'smtp; host [5.2.2.9] said: 550 5.1.1 no', 'hard_bounce'],
    ['', '', 'soft_bounce'],
  ] as const) {
    t.equal(kindOf(bounceMail({ token, status, diagnostic })), kind, `${status} ${diagnostic}`)
  }
  t.end()
})

t.test('a mail that is late or arrived has not bounced', (t) => {
  for (const action of ['delayed', 'delivered', 'relayed', 'expanded', '']) {
    t.equal(kindOf(bounceMail({ token, action, status: '4.4.1' })), 'no_failure', action)
  }
  t.equal(kindOf(bounceMail({ token, action: 'FAILED' })), 'hard_bounce')
  for (const action of ['failed (no such user)', '(see below) failed', 'failed;x']) {
    t.equal(kindOf(bounceMail({ token, action })), 'hard_bounce', action)
  }
  t.equal(kindOf(bounceMail({ token, action: 'delayed (failed)' })), 'no_failure')
  t.end()
})

t.test('a complaint is what its reader calls it', (t) => {
  for (const [type, kind] of [
    ['abuse', 'complaint'],
    ['Fraud', 'complaint'],
    ['opt-out', 'complaint'],
    ['not-spam', 'no_failure'],
    ['auth-failure', 'no_failure'],
    ['virus', 'no_failure'],
  ] as const) {
    t.equal(kindOf(complaintMail({ token, type })), kind, type)
  }
  t.end()
})

t.test('the mail is named by its own header before any other place', (t) => {
  t.match(readReport(bounceMail({ token, to: 'x@y' })), {
    returnTexts: [token, `<bounces+${token}@example.test>`, 'x@y'],
  })
  t.match(readReport(complaintMail({ token })), {
    returnTexts: [token, '<somesender@relay.example>', '<abuse@example.test>'],
  })
  t.end()
})

t.test('parts may be encoded, and a report may be cut', (t) => {
  const status = 'Reporting-MTA: dns; x\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n'
  const report = (head: string, body: string) =>
    `Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n${head}\n\n${body}`
  const base64 = Buffer.from(status).toString('base64')
  t.equal(kindOf(report('Content-Transfer-Encoding: base64', `${base64}\n--b--`)), 'hard_bounce')
  const quoted = status.replaceAll('\r\n', '\n').replace('5.1.1', '5.=\n1=2E1')
  t.equal(kindOf(report('Content-Transfer-Encoding: quoted-printable', quoted)), 'hard_bounce')
  const softEnds = quoted.replaceAll('\n', '\r\n').replace('=\r\n', '= \t\r\n')
  t.equal(kindOf(report('Content-Transfer-Encoding: quoted-printable', softEnds)), 'hard_bounce')
  const hardEnds = `${status.replaceAll('\r\n', '=0D=0A=\r\n')}=`
  t.equal(
    kindOf(report('Content-Transfer-Encoding: Quoted-Printable (ours)', hardEnds)),
    'hard_bounce',
  )
  t.equal(kindOf(report('X: y', status)), 'hard_bounce')
  t.end()
})

t.test('only the first recipients of a report are read', (t) => {
  const report = (delivered: number) =>
    `Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n${'Action: delivered\n\n'.repeat(delivered)}Action: failed\nStatus: 5.1.1\n\n--b--`
  t.equal(kindOf(report(90)), 'hard_bounce')
  t.equal(kindOf(report(100)), 'no_failure')
  t.end()
})

t.test('an answer of a person or a program is no report', (t) => {
  for (const mail of [
    '',
    'hello',
    'Subject: away\nAuto-Submitted: auto-replied\n\nAction: failed\nStatus: 5.1.1\n',
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nAction: failed\n--b--',
    'Content-Type: multipart/report\n\nAction: failed',
    'Content-Type: multipart/report; boundary=b\n\n--bc\nContent-Type: message/delivery-status\n\nAction: failed\n--bc--',
  ]) {
    t.equal(kindOf(mail), 'not_a_report', mail.slice(0, 40))
  }
  t.end()
})

t.test('no mail makes it fail or take long', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.nat(), (text, at) => {
      const mail = bounceMail({ token })
      const cut = at % mail.length
      readReport(`${mail.slice(0, cut)}${text}${mail.slice(cut)}`)
    }),
  )
  const began = process.cpuUsage()
  for (const piece of [
    'a: b\n',
    '\n ',
    '--b\n',
    '=\n',
    'Content-Type: multipart/report; boundary=',
    '(',
  ]) {
    readReport(
      `Content-Type: multipart/report; boundary=b\n\n${piece.repeat(1_000_000 / piece.length)}`,
    )
    readReport(piece.repeat(1_000_000 / piece.length))
  }
  // What it takes of a processor, however many others want it.
  const { user, system } = process.cpuUsage(began)
  t.ok(user + system < 20_000_000, `${user + system} microseconds`)
  t.end()
})
