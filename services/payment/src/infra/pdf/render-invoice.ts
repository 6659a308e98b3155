import { createRequire } from 'node:module'
import PDFDocument from 'pdfkit'
import type { InvoiceSnapshot } from '#src/domain/invoice.ts'

// The fonts that every PDF reader has know no Turkish, Greek or Cyrillic letters.
const FONT = createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf')
const BOLD = createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf')

const TITLES = { invoice: 'Invoice', credit_note: 'Credit note' } as const
const SUBJECTS = { commission: 'Commission', premium: "Buyer's premium" } as const
const REASONS: Readonly<Record<string, string>> = {
  reverse_charge: 'Reverse charge: the recipient owes the tax.',
  exempt: 'Exempt from tax.',
  outside_scope: 'Outside the scope of tax.',
  not_registered: 'The issuer is not registered for tax.',
}

/** The document of an invoice: the same bytes for the same snapshot. */
export async function renderInvoice(snapshot: InvoiceSnapshot): Promise<Buffer> {
  const title = `${TITLES[snapshot.kind]} ${snapshot.number}`
  const issuedAt = new Date(snapshot.issuedAt)
  const pdf = new PDFDocument({
    size: 'A4',
    margin: 56,
    font: FONT,
    info: { Title: title, Author: snapshot.issuer.name, CreationDate: issuedAt, ModDate: issuedAt },
  })
  const chunks: Buffer[] = []
  const whole = new Promise<Buffer>((resolve, reject) => {
    pdf.on('data', (chunk: Buffer) => chunks.push(chunk))
    pdf.on('end', () => resolve(Buffer.concat(chunks)))
    pdf.on('error', reject)
  })
  const line = (text: string) => pdf.font(FONT).fontSize(10).text(text)
  pdf.font(BOLD).fontSize(18).text(title).moveDown()
  line(snapshot.issuer.name)
  for (const text of snapshot.issuer.address.split('\n')) if (text !== '') line(text)
  if (snapshot.issuer.taxId !== '') line(`Tax number ${snapshot.issuer.taxId}`)
  pdf.moveDown()
  line(`Issued ${snapshot.issuedAt} (UTC)`)
  line(`Recipient ${snapshot.recipient.userId}`)
  line(`Order ${snapshot.orderId}`)
  line(`Item ${snapshot.itemId}`)
  if (snapshot.corrects !== undefined) line(`Corrects ${snapshot.corrects}`)
  pdf.moveDown()
  const { currencyCode, net, tax, gross, taxBasisPoints } = snapshot
  line(`${SUBJECTS[snapshot.subject]}: ${net} ${currencyCode}`)
  line(`Tax ${(taxBasisPoints / 100).toFixed(2)} %: ${tax} ${currencyCode}`)
  pdf.font(BOLD).fontSize(12).text(`Total: ${gross} ${currencyCode}`).moveDown()
  const reason = REASONS[snapshot.taxReason]
  if (reason !== undefined) line(reason)
  pdf.end()
  return whole
}
