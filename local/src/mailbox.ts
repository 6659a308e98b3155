import { createDecipheriv } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Envelope, readEvent } from '@auction/common/contracts/event.ts'
import { mailRequested } from '@auction/common/contracts/identity.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { connectBroker } from '@auction/common/rabbitmq/connection.ts'
import { queueName } from '@auction/common/rabbitmq/topology.ts'

/** A mail as its receiver would see it. */
export interface ReceivedMail {
  to: string
  template: string
  /** The whole address to follow, with its secret. */
  link?: string
  at: string
}

export interface Mailbox {
  url: string
  mails(): readonly ReceivedMail[]
  close(): Promise<void>
}

const KEPT_MAX = 500
const NONCE_LENGTH = 12
const TAG_LENGTH = 16
const PREFETCH = 50

/**
 * Takes the mails that the platform asks for and shows them on a page of this machine alone, in the
 * place of the service that will send them.
 */
export async function startMailbox(rabbitmqUrl: string, sealKey: string): Promise<Mailbox> {
  const mails: ReceivedMail[] = []
  const log = createLogger('mailbox', 'silent')
  const broker = connectBroker({ url: rabbitmqUrl, name: 'mailbox', log })
  broker.openChannel('mails', async (channel) => {
    await channel.prefetch(PREFETCH)
    await channel.consume(queueName('notification', mailRequested), (message) => {
      if (message === null) return
      try {
        const envelope = readEvent(mailRequested, message.content)
        mails.unshift(receive(envelope, Buffer.from(sealKey, 'base64')))
      } catch {
        // Broken, or sealed with another key: a dead letter to look at, and no end of the platform.
        channel.nack(message, false, false)
        return
      }
      mails.length = Math.min(mails.length, KEPT_MAX)
      channel.ack(message)
    })
  })
  const server = createServer((request, response) => {
    const isJson = request.url === '/mails.json'
    response.setHeader('content-type', isJson ? 'application/json' : 'text/html; charset=utf-8')
    response.end(isJson ? JSON.stringify(mails) : page(mails))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://localhost:${port}`,
    mails: () => mails,
    async close() {
      server.closeAllConnections()
      server.close()
      await broker.close()
    },
  }
}

function receive({ payload, timestamp }: Envelope, key: Buffer): ReceivedMail {
  const { mailId, to, template, link, sealedSecret } = payload as Record<string, string>
  const mail = { to: to ?? '', template: template ?? '', at: timestamp }
  if (link === undefined || sealedSecret === undefined) return mail
  return {
    ...mail,
    link: `${link}#token=${open(Buffer.from(sealedSecret, 'base64'), mailId ?? '', key)}`,
  }
}

/** The other half of identity's secret box: nonce, tag, text; the mail's id is bound to it. */
function open(sealed: Buffer, mailId: string, key: Buffer): string {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_LENGTH))
  decipher.setAAD(Buffer.from(mailId))
  decipher.setAuthTag(sealed.subarray(NONCE_LENGTH, NONCE_LENGTH + TAG_LENGTH))
  const text = decipher.update(sealed.subarray(NONCE_LENGTH + TAG_LENGTH))
  return Buffer.concat([text, decipher.final()]).toString('utf8')
}

const escapeText = (text: string) =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

function page(mails: readonly ReceivedMail[]): string {
  const rows = mails.map(
    ({ to, template, link, at }) =>
      `<tr><td>${escapeText(at)}<td>${escapeText(to)}<td>${escapeText(template)}<td>${
        link === undefined ? '' : `<a href="${escapeText(link)}">follow its link</a>`
      }`,
  )
  return `<!doctype html><meta charset="utf-8"><title>Mails</title><h1>Mails of this machine</h1>
<table><tr><th>When<th>To<th>What<th>Link${rows.join('\n')}</table>`
}
