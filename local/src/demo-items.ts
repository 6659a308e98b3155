import type { Thing } from './demo-pictures.ts'

/** The tree of the demo; a child is named with its parent. */
export const DEMO_CATEGORIES: Readonly<Record<string, readonly string[]>> = {
  'Home and garden': ['Furniture', 'Tableware', 'Lamps'],
  Collectables: ['Clocks', 'Coins', 'Prints'],
  Music: ['Records', 'Instruments'],
  Technology: ['Cameras', 'Optics', 'Radios'],
  Sport: ['Bicycles'],
}

export interface DemoItem {
  name: string
  description: string
  /** Pictures are drawn; the second and third are closer. */
  thing: Thing
  hue: number
  pictures?: number
  category: string
  startPrice: string
  /** From now; a start in the future makes it scheduled. */
  startsInMinutes?: number
  endsInMinutes: number
  terms?: Record<string, unknown>
  attributes?: Record<string, string>
  isDraft?: boolean
  /** Maxima of Bob and of a third person, in turn. */
  bids?: readonly string[]
  /** A question of Bob's, and what the seller answered. */
  question?: readonly [question: string, answer?: string]
  isWatched?: boolean
}

const HOUR = 60
const DAY = 24 * HOUR

export const DEMO_ITEMS: readonly DemoItem[] = [
  {
    name: 'Brass ship’s clock',
    description: 'Runs eight days and strikes the half hours.\n\nServiced in spring; with its key.',
    thing: 'clock',
    hue: 220,
    pictures: 3,
    category: 'Clocks',
    startPrice: '40.00',
    endsInMinutes: 2,
    bids: ['60.00', '75.00', '90.00'],
    attributes: { maker: 'Wempe', diameter: '18 cm' },
    question: ['Does the glass have scratches?', 'Two fine ones near the 4.'],
  },
  {
    name: 'Pocket watch, silver',
    description: 'Key wound, about 1880, and running. The case has one small dent.',
    thing: 'clock',
    hue: 350,
    category: 'Clocks',
    startPrice: '30.00',
    endsInMinutes: 1,
    bids: ['45.00', '40.00'],
  },
  {
    name: 'Field camera, 4×5',
    description: 'Cherry and brass, with one holder.',
    thing: 'camera',
    hue: 20,
    pictures: 2,
    category: 'Cameras',
    startPrice: '120.00',
    endsInMinutes: 3,
    terms: { reservePrice: '400.00' },
    bids: ['180.00', '220.00'],
  },
  {
    name: 'Lot of twelve LPs',
    description: 'Jazz, 1956 to 1964, played.',
    thing: 'record',
    hue: 200,
    category: 'Records',
    startPrice: '10.00',
    endsInMinutes: 4,
  },
  {
    name: 'Walnut writing desk',
    description:
      'Three drawers, one key. Some ring marks on the top, which the second picture shows.\n\nTo be collected in Ghent, or sent by carrier.',
    thing: 'desk',
    hue: 25,
    pictures: 3,
    category: 'Furniture',
    startPrice: '150.00',
    endsInMinutes: HOUR,
    terms: { reservePrice: '200.00' },
    bids: ['180.00', '260.00', '300.00'],
    attributes: { wood: 'Walnut', width: '120 cm', year: '1935' },
    question: ['Can the top be taken off for the stairs?', 'Yes, it has four screws.'],
  },
  {
    name: 'Road bicycle, 1987',
    description: 'Steel frame of 56 cm, new tyres, ridden on Sundays.',
    thing: 'bicycle',
    hue: 0,
    pictures: 2,
    category: 'Bicycles',
    startPrice: '80.00',
    endsInMinutes: 3 * HOUR,
    terms: { buyoutPrice: '240.00' },
    isWatched: true,
    question: ['Which gears does it have?'],
  },
  {
    name: 'Set of botanical prints',
    description: 'Twenty-four plates, framed.',
    thing: 'print',
    hue: 330,
    pictures: 2,
    category: 'Prints',
    startPrice: '60.00',
    endsInMinutes: 12 * HOUR,
    terms: { buyoutPrice: '200.00' },
    bids: ['70.00'],
  },
  {
    name: 'Kyoto tea bowl',
    description: 'Raku, mended with gold, with its box.',
    thing: 'bowl',
    hue: 10,
    pictures: 2,
    category: 'Tableware',
    startPrice: '12000',
    endsInMinutes: DAY,
    terms: { currencyCode: 'JPY' },
    bids: ['18000', '15000'],
  },
  {
    name: 'Fountain pen, 14k nib',
    description: 'Serviced last year.',
    thing: 'pen',
    hue: 230,
    category: 'Collectables',
    startPrice: '35.00',
    endsInMinutes: 2 * DAY,
    terms: { currencyCode: 'EUR' },
    bids: ['55.00', '50.00'],
    isWatched: true,
  },
  {
    name: 'Telescope on a tripod',
    description: 'Refractor of 80 mm, with three eyepieces.',
    thing: 'telescope',
    hue: 210,
    pictures: 2,
    category: 'Optics',
    startPrice: '90.00',
    endsInMinutes: 3 * DAY,
    terms: { currencyCode: 'GBP' },
  },
  {
    name: 'Pair of garden chairs',
    description: 'Cast iron, white.',
    thing: 'chair',
    hue: 160,
    category: 'Furniture',
    startPrice: '45.00',
    startsInMinutes: HOUR,
    endsInMinutes: 25 * HOUR,
  },
  {
    name: 'Model steam engine',
    description: 'Live steam, with spirit burner.',
    thing: 'radio',
    hue: 110,
    category: 'Collectables',
    startPrice: '70.00',
    startsInMinutes: DAY,
    endsInMinutes: 3 * DAY,
    terms: { reservePrice: '150.00' },
  },
  {
    name: 'Unfinished listing',
    description: 'A draft: only its seller sees it.',
    thing: 'bowl',
    hue: 280,
    category: 'Tableware',
    startPrice: '5.00',
    endsInMinutes: DAY,
    isDraft: true,
  },
  ...more(),
]

/** The rest of the shop: what is usual in it, with a hue and a price for each. */
function more(): DemoItem[] {
  const kinds: [Thing, string, string, readonly string[]][] = [
    [
      'lamp',
      'Lamps',
      'Works; new cable.',
      ['Desk lamp, red', 'Desk lamp, blue', 'Desk lamp, green'],
    ],
    [
      'guitar',
      'Instruments',
      'Solid top, plays well.',
      ['Parlour guitar', 'Classical guitar', 'Tenor guitar'],
    ],
    ['radio', 'Radios', 'Receives medium wave.', ['Valve radio, 1954', 'Kitchen radio, 1961']],
    [
      'camera',
      'Cameras',
      'Shutter runs at all speeds.',
      ['Rangefinder camera', 'Twin-lens camera', 'Pocket camera'],
    ],
    [
      'record',
      'Records',
      'Sleeve worn, record clean.',
      ['Organ works, box of 6', 'First pressing, 1969', 'Film music, 1972'],
    ],
    [
      'coin',
      'Coins',
      'As found in an old drawer.',
      ['Two silver coins', 'Bronze coin, Roman', 'Commemorative pair'],
    ],
    ['clock', 'Clocks', 'Runs, loses a minute a day.', ['Kitchen clock, enamel', 'Station clock']],
    [
      'chair',
      'Furniture',
      'Freshly oiled.',
      ['Kitchen chair, beech', 'Workshop stool', 'Café chair'],
    ],
    ['print', 'Prints', 'On laid paper.', ['Etching of a garden', 'Lithograph, numbered']],
    ['bowl', 'Tableware', 'No chips.', ['Stoneware bowl', 'Salad bowl, blue']],
    ['bicycle', 'Bicycles', 'Rides well.', ['City bicycle, green']],
  ]
  return kinds.flatMap(([thing, category, description, names], kind) =>
    names.map((name, index) => ({
      name,
      description,
      thing,
      category,
      hue: (kind * 47 + index * 110) % 360,
      startPrice: `${8 + ((kind * 13 + index * 29) % 90)}.00`,
      endsInMinutes: (2 + kind + 5 * index) * HOUR,
      terms: { currencyCode: index % 2 === 0 ? 'EUR' : 'USD' },
      ...((kind + index) % 3 === 0 ? { bids: ['130.00', '120.00'].slice(index % 2) } : {}),
    })),
  )
}
