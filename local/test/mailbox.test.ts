import { createTransport } from 'nodemailer'
import t from 'tap'
import { startMailbox } from '#src/mailbox.ts'

t.test(
  'the mailbox takes mails by SMTP and shows them, with nothing of them running',
  async (t) => {
    const mailbox = await startMailbox()
    t.teardown(() => mailbox.close())
    const transport = createTransport({
      host: '127.0.0.1',
      port: mailbox.smtpPort,
      ignoreTLS: true,
    })
    t.teardown(() => transport.close())
    const link = 'http://localhost:9191/account/reset#token=secret-1'
    await transport.sendMail({
      from: 'auction@localhost',
      to: 'ann@example.test',
      subject: 'A <new> password',
      text: `Set it here:\n${link}\n\nGood bye`,
      html: `<html><head></head><body><script>alert(1)</script><a href="${link}">Set it</a></body></html>`,
      headers: { 'X-Auction-Template': 'reset_password' },
    })
    await transport.sendMail({ from: 'a@localhost', to: 'ben@example.test', text: 'Hello' })
    t.match(mailbox.mails(), [
      { to: 'ben@example.test', template: '', subject: '', text: 'Hello\n', html: '' },
      { to: 'ann@example.test', template: 'reset_password', link, subject: 'A <new> password' },
    ])
    const [ben] = mailbox.mails()
    t.notOk(ben && 'link' in ben)
    t.same(await (await fetch(`${mailbox.url}/mails.json`)).json(), mailbox.mails())
    const page = await (await fetch(mailbox.url)).text()
    t.match(page, 'A &#60;new&#62; password')
    t.match(page, 'src="/mails/0.html"')
    const shown = await fetch(`${mailbox.url}/mails/0.html`)
    t.match(shown.headers.get('content-security-policy'), /^sandbox /)
    t.match(await shown.text(), '<base target="_top">')
    t.equal(await (await fetch(`${mailbox.url}/mails/99.html`)).text(), '')
  },
)
