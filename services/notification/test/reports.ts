/** What a server mails when it could not deliver: RFC 3464, with the headers of the mail it is about. */
export const bounceMail = ({
  token,
  action = 'failed',
  status = '5.1.1',
  diagnostic = 'smtp; 550 no such user',
  to = `bounces+${token}@example.test`,
}: {
  token: string
  action?: string
  status?: string
  diagnostic?: string
  to?: string
}) =>
  `From: MAILER-DAEMON@relay.example (Mail Delivery System)
To: ${to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="4Vx/1764.relay.example"

This is a MIME-encapsulated message.

--4Vx/1764.relay.example
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--4Vx/1764.relay.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example
X-Postfix-Queue-ID: 4Vx
Arrival-Date: Sun, 29 Nov 2026 08:00:00 +0000 (UTC)

Final-Recipient: rfc822; ann@example.test
Original-Recipient: rfc822;ann@example.test
Action: ${action}
Status: ${status}
Remote-MTA: dns; mx.example.test
Diagnostic-Code: ${diagnostic}

--4Vx/1764.relay.example
Content-Description: Undelivered Message
Content-Type: message/rfc822

Return-Path: <bounces+${token}@example.test>
Subject: You won: Brass lamp
X-Auction-Return: ${token}

Hello

--4Vx/1764.relay.example--
`.replaceAll('\n', '\r\n')

/** What a provider mails when a reader calls a mail spam: RFC 5965. The sender of the envelope was changed on the way. */
export const complaintMail = ({ token, type = 'abuse' }: { token: string; type?: string }) =>
  `From: <feedback@provider.example>
To: <abuse@example.test>
Subject: FW: You won
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=part1_13d.2e68ed54

--part1_13d.2e68ed54
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report.

--part1_13d.2e68ed54
Content-Type: message/feedback-report

Feedback-Type: ${type}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <somesender@relay.example>

--part1_13d.2e68ed54
Content-Type: message/rfc822
Content-Disposition: inline

From: <auction@example.test>
X-Auction-Return:
 ${token}
Subject: You won

Hello
--part1_13d.2e68ed54--
`
