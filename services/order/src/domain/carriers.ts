import { withoutGaps } from '@auction/common/text.ts'

/** Carriers by code, with the page that shows where a parcel is. A carrier without one has no such page by number. */
const CARRIERS = {
  aras: 'https://kargotakip.araskargo.com.tr/mainpage.aspx?code={number}',
  canada_post:
    'https://www.canadapost-postescanada.ca/track-reperage/en#/search?searchFor={number}',
  colissimo: 'https://www.laposte.fr/outils/suivre-vos-envois?code={number}',
  correos:
    'https://www.correos.es/es/es/herramientas/localizador/envios/detalle?tracking-number={number}',
  dhl: 'https://www.dhl.com/global-en/home/tracking.html?tracking-id={number}',
  dpd: 'https://tracking.dpd.de/status/en_US/parcel/{number}',
  fedex: 'https://www.fedex.com/fedextrack/?trknbr={number}',
  gls: 'https://gls-group.com/GROUP/en/parcel-tracking?match={number}',
  hermes: 'https://www.myhermes.de/empfangen/sendungsverfolgung/sendungsinformation#{number}',
  inpost: 'https://inpost.pl/sledzenie-przesylek?number={number}',
  post_at: 'https://www.post.at/sv/sendungsdetails?snr={number}',
  postnl: 'https://postnl.nl/tracktrace/?B={number}',
  ptt: 'https://gonderitakip.ptt.gov.tr/Track/Verify?q={number}',
  royal_mail: 'https://www.royalmail.com/track-your-item#/tracking-results/{number}',
  swiss_post: 'https://service.post.ch/ekp-web/ui/entry/search/{number}',
  ups: 'https://www.ups.com/track?tracknum={number}',
  usps: 'https://tools.usps.com/go/TrackConfirmAction?tLabels={number}',
  yurtici: 'https://www.yurticikargo.com/tr/online-servisler/gonderi-sorgula?code={number}',
  other: undefined,
} as const satisfies Record<string, string | undefined>

export type Carrier = keyof typeof CARRIERS

export const CARRIER_CODES = Object.keys(CARRIERS) as Carrier[]

// Carriers count letters and digits; people put blanks and dashes between them.
const NUMBER = /^[A-Z0-9]{4,40}$/

/** A tracking number as carriers write it; undefined when it is none. */
export function readTrackingNumber(text: string): string | undefined {
  const number = withoutGaps(text).toUpperCase()
  return NUMBER.test(number) ? number : undefined
}

/** The page that shows where a parcel is; undefined when its carrier has none or no number is known. */
export function trackingUrl(carrier: Carrier, number: string): string | undefined {
  return number === '' ? undefined : CARRIERS[carrier]?.replace('{number}', number)
}
