import { MAIL_TEMPLATES } from '@auction/common/contracts/identity.ts'
import type { MailContent } from './mail-content.ts'
import { type MailedNotice, noticeMail } from './notice-mail.ts'
import type { Language } from './notice-text.ts'
import { type NoticeData, TEMPLATES, type Template } from './notices.ts'
import { securityMail } from './security-mail-text.ts'

const ENDS_AT = '2026-07-01T18:30:00.000Z'
const LINKED = ['reset_password', 'verify_email', 'confirm_email', 'account_deletion_asked']

const item = (itemName: string, more: NoticeData = {}): NoticeData => ({
  itemId: '0198f9a0-0000-7000-8000-000000000001',
  itemName,
  currencyCode: 'EUR',
  amount: '1234.50',
  ...more,
})

const DATA: Readonly<Partial<Record<Template, NoticeData>>> = {
  outbid: item('Brass desk lamp, about 1930', { minNextBid: '1250.00', endDate: ENDS_AT }),
  lot_unsold: item('Brass desk lamp, about 1930', { reason: 'reserve_not_met' }),
  unsold: item('Brass desk lamp, about 1930', { reason: 'no_bids' }),
  item_removed: item('Brass desk lamp, about 1930', {
    reason: 'The pictures are from the catalogue of another auction house.',
  }),
  reserved: item('Brass desk lamp, about 1930', { endDate: ENDS_AT }),
  released: item('Brass desk lamp, about 1930', { endDate: ENDS_AT }),
  relisted: item('Brass desk lamp, about 1930', { endDate: ENDS_AT }),
  offer_made: item('Brass desk lamp, about 1930', { endDate: ENDS_AT }),
  deposit_held: item('Brass desk lamp, about 1930', { endDate: ENDS_AT }),
  deposit_expiring: item('Brass desk lamp, about 1930', { endDate: ENDS_AT }),
  deposit_released: item('Brass desk lamp, about 1930', { reason: 'lost' }),
  order_due: item('Brass desk lamp, about 1930', { endDate: ENDS_AT }),
  order_reminder: item('Brass desk lamp, about 1930', { endDate: ENDS_AT }),
  order_overdue: item('Brass desk lamp, about 1930', { endDate: ENDS_AT }),
  purchase_cancelled: item('Brass desk lamp, about 1930', { reason: 'unpaid' }),
  sale_cancelled: item('Brass desk lamp, about 1930', { reason: 'unpaid' }),
  order_reopened: item('Brass desk lamp, about 1930', { endDate: ENDS_AT }),
  watched_relisted: item('Brass desk lamp, about 1930', { endDate: ENDS_AT }),
  order_disputed: item('Brass desk lamp, about 1930', { reason: 'not_arrived' }),
  purchase_resolved: item('Brass desk lamp, about 1930', { reason: 'buyer' }),
  sale_resolved: item('Brass desk lamp, about 1930', { reason: 'buyer' }),
  question: item('Brass desk lamp, about 1930', { excerpt: 'Does the switch still work?' }),
  answer: item('Brass desk lamp, about 1930', { excerpt: 'Yes, and the cable is new.' }),
  search_matched: item('Brass desk lamp, about 1930', { searchName: 'Lamps', endDate: ENDS_AT }),
}

/** Every mail that there is, by name, as it looks with values: to look at. */
export function mailSamples(language: Language, publicUrl: string): Map<string, MailContent> {
  const reader = { language, timeZone: 'Europe/Berlin' }
  const options = {
    name: 'Ann Lee',
    reader,
    publicUrl,
    unsubscribeUrl: (category: string) =>
      `${publicUrl}/api/v1/notifications/unsubscribe?token=sample-${category}`,
  }
  const notice = (template: Template): MailedNotice => ({
    template,
    data: DATA[template] ?? item('Brass desk lamp, about 1930'),
  })
  const samples = new Map<string, MailContent>()
  for (const template of MAIL_TEMPLATES) {
    const link = LINKED.includes(template)
      ? { link: `${publicUrl}/account/reset#token=${'s'.repeat(43)}`, expiresAt: new Date(ENDS_AT) }
      : {}
    const data = { to: 'ann@example.com', name: 'Ann Lee', ...link }
    samples.set(template, securityMail(template, data, reader, publicUrl))
  }
  for (const template of TEMPLATES) samples.set(template, noticeMail([notice(template)], options))
  const several = ['outbid', 'lost', 'question', 'search_matched'] as const
  samples.set('digest', noticeMail([...several, 'outbid' as const].map(notice), options))
  samples.set(
    'long-names',
    noticeMail(
      [
        { template: 'outbid', data: { ...DATA.outbid, itemName: `Lamp ${'very '.repeat(60)}old` } },
        { template: 'outbid', data: { ...DATA.outbid, itemName: 'W'.repeat(200) } },
        { template: 'outbid', data: { ...DATA.outbid, itemName: 'ساعة <b>قديمة</b> 1930' } },
      ],
      options,
    ),
  )
  return samples
}
