import { crc32, deflateSync } from 'node:zlib'
import sharp, { type Sharp } from 'sharp'

export type Rgb = readonly [red: number, green: number, blue: number]

/** A file that people send as a picture, and what becomes of it. */
export interface Picture {
  readonly name: string
  readonly bytes: Buffer
  readonly outcome: 'taken' | 'broken' | 'too_many_pixels' | 'not_supported'
  /** The name that a refusal gives it. */
  readonly format?: string
  /** Width and height of what is shown, upright. */
  readonly size?: readonly [width: number, height: number]
  /** What is shown: the colours in the middle of the four quarters, line by line. */
  readonly quarters?: readonly Rgb[]
  /** How far a channel may be off. */
  readonly tolerance?: number
}

/** What stands in the metadata of the files that have some, and may be in no picture that is shown. */
export const SECRET = 'secret place'

const [WIDTH, HEIGHT] = [240, 160]
const QUARTERS: readonly Rgb[] = [
  [180, 60, 60],
  [60, 150, 70],
  [60, 80, 170],
  [220, 200, 80],
]
const GREYS: readonly Rgb[] = [
  [40, 40, 40],
  [100, 100, 100],
  [160, 160, 160],
  [220, 220, 220],
]

/** Pixels of the upright picture, with some noise, so that files have more to say than four colours. */
function pixelAt(x: number, y: number, quarters: readonly Rgb[]): number[] {
  const quarter = (y < HEIGHT / 2 ? 0 : 2) + (x < WIDTH / 2 ? 0 : 1)
  const noise = ((x * 7_919 + y * 104_729) % 13) - 6
  return (quarters[quarter] ?? []).map((channel) => channel + noise)
}

/** Where the pixel (x, y) of a file comes from, by the orientation that its EXIF names. */
const FROM: readonly ((x: number, y: number) => [number, number])[] = [
  (x, y) => [x, y],
  (x, y) => [WIDTH - 1 - x, y],
  (x, y) => [WIDTH - 1 - x, HEIGHT - 1 - y],
  (x, y) => [x, HEIGHT - 1 - y],
  (x, y) => [y, x],
  (x, y) => [WIDTH - 1 - y, x],
  (x, y) => [WIDTH - 1 - y, HEIGHT - 1 - x],
  (x, y) => [y, HEIGHT - 1 - x],
]

function picture(quarters: readonly Rgb[] = QUARTERS, orientation = 1) {
  const from = FROM[orientation - 1]
  if (from === undefined) throw new RangeError(`no orientation ${orientation}`)
  const [width, height] = orientation < 5 ? [WIDTH, HEIGHT] : [HEIGHT, WIDTH]
  const data = Buffer.alloc(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(pixelAt(...from(x, y), quarters), (y * width + x) * 3)
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
}

const EXIF = {
  IFD0: { Copyright: SECRET },
  IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1', GPSLongitude: '0/1 7/1 0/1' },
} as const

/** The colours of a stored picture in the middle of its quarters. */
export async function quartersOf(bytes: Buffer): Promise<Rgb[]> {
  const { data, info } = await sharp(bytes)
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  const means: Rgb[] = []
  for (const [left, top] of [
    [1, 1],
    [3, 1],
    [1, 3],
    [3, 3],
  ] as const) {
    const [x0, y0] = [Math.floor((width * left) / 4), Math.floor((height * top) / 4)]
    const sums = [0, 0, 0]
    for (let at = 0; at < 100; at++) {
      const offset = ((y0 + Math.floor(at / 10)) * width + x0 + (at % 10)) * channels
      for (const channel of [0, 1, 2])
        sums[channel] = (sums[channel] ?? 0) + (data[offset + channel] ?? 0)
    }
    const [red = 0, green = 0, blue = 0] = sums.map((sum) => Math.round(sum / 100))
    means.push([red, green, blue])
  }
  return means
}

/** How far the colours of a stored picture are from those it should show, in the worst channel. */
export async function colourError(bytes: Buffer, quarters: readonly Rgb[]): Promise<number> {
  const found = await quartersOf(bytes)
  const errors = quarters.flatMap((wanted, index) =>
    wanted.map((channel, at) => Math.abs(channel - (found[index]?.[at] ?? 0))),
  )
  return Math.max(...errors)
}

interface Chunk {
  name: string
  data: Buffer
}

const PNG_START = Buffer.from('89504e470d0a1a0a', 'hex')

function png(chunks: readonly Chunk[]): Buffer {
  const parts = chunks.map(({ name, data }) => {
    const body = Buffer.concat([Buffer.from(name, 'latin1'), data])
    return Buffer.concat([number(data.length, 4), body, number(crc32(body), 4)])
  })
  return Buffer.concat([PNG_START, ...parts])
}

function number(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  bytes.writeUIntBE(value, 0, length)
  return bytes
}

function pngChunks(bytes: Buffer): Chunk[] {
  const chunks: Chunk[] = []
  for (let at = PNG_START.length; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    const name = bytes.toString('latin1', at + 4, at + 8)
    chunks.push({ name, data: bytes.subarray(at + 8, at + 8 + length) })
    at += 12 + length
  }
  return chunks
}

/** The picture as a file of this depth, with a profile; in grey, when the colours are greys. */
function pngOf(bits: 8 | 16, quarters: readonly Rgb[], profile: Chunk): Buffer {
  const isGrey = quarters === GREYS
  const rows: number[] = []
  for (let y = 0; y < HEIGHT; y++) {
    rows.push(0)
    for (let x = 0; x < WIDTH; x++) {
      const pixel = pixelAt(x, y, quarters).slice(0, isGrey ? 1 : 3)
      rows.push(...pixel.flatMap((channel) => (bits === 16 ? [channel, channel] : [channel])))
    }
  }
  const form = Buffer.from([bits, isGrey ? 0 : 2, 0, 0, 0])
  return png([
    { name: 'IHDR', data: Buffer.concat([number(WIDTH, 4), number(HEIGHT, 4), form]) },
    profile,
    { name: 'IDAT', data: deflateSync(Buffer.from(rows)) },
    { name: 'IEND', data: Buffer.alloc(0) },
  ])
}

/** The chunk of a colour profile as sharp writes it for such a picture. */
async function profileOf(image: Sharp, name: 'srgb' | 'p3'): Promise<Chunk> {
  const written = await image.withIccProfile(name).png().toBuffer()
  const found = pngChunks(written).find((chunk) => chunk.name === 'iCCP')
  if (found === undefined) throw new Error(`no profile ${name} was written`)
  return found
}

/** A PNG whose header claims this size: a few bytes that would unpack to gigabytes. */
export function pngBomb(
  width: number,
  height: number,
  bits: 8 | 16 = 8,
  isInterlaced = false,
): Buffer {
  const header = Buffer.concat([
    number(width, 4),
    number(height, 4),
    Buffer.from([bits, 6, 0, 0, 0]),
  ])
  header[12] = isInterlaced ? 1 : 0
  return png([
    { name: 'IHDR', data: header },
    { name: 'IDAT', data: deflateSync(Buffer.alloc(200_000)) },
    { name: 'IEND', data: Buffer.alloc(0) },
  ])
}

/** The default picture and one more frame that shows something else. */
function animatedPng(first: Buffer, second: Buffer): Buffer {
  const frame = (sequence: number): Chunk => ({
    name: 'fcTL',
    data: Buffer.concat([
      ...[sequence, WIDTH, HEIGHT, 0, 0].map((value) => number(value, 4)),
      Buffer.from([0, 1, 0, 10, 0, 0]),
    ]),
  })
  const chunks = pngChunks(first).flatMap((chunk): Chunk[] => {
    if (chunk.name === 'IHDR') {
      return [chunk, { name: 'acTL', data: Buffer.concat([number(2, 4), number(0, 4)]) }, frame(0)]
    }
    if (chunk.name !== 'IEND') return [chunk]
    const data = pngChunks(second).filter(({ name }) => name === 'IDAT')
    const pixels = Buffer.concat([number(2, 4), ...data.map((each) => each.data)])
    return [frame(1), { name: 'fdAT', data: pixels }, chunk]
  })
  return png(chunks)
}

function withChunk(bytes: Buffer, chunk: Chunk): Buffer {
  const [header, ...rest] = pngChunks(bytes)
  return png([header ?? chunk, chunk, ...rest])
}

/** Changes one byte in the data of the first chunk of this name, and not its checksum. */
function damaged(bytes: Buffer, name: string): Buffer {
  const copy = Buffer.from(bytes)
  const at = copy.indexOf(name, 0, 'latin1') + 8
  copy[at] = (copy[at] ?? 0) ^ 0xff
  return copy
}

const JPEG_END = Buffer.from([0xff, 0xd9])

/** The places in a JPEG at which segments begin, by the second byte of their marker. */
function jpegMarkers(bytes: Buffer): { code: number; at: number }[] {
  const markers: { code: number; at: number }[] = []
  for (let at = 2; at < bytes.length; ) {
    const code = bytes[at + 1] ?? 0
    if (bytes[at] !== 0xff || code === 0 || (code >= 0xd0 && code <= 0xd7)) {
      at += 1
      continue
    }
    markers.push({ code, at })
    if (code === 0xd9) break
    at += 2 + bytes.readUInt16BE(at + 2)
  }
  return markers
}

/** Puts bytes in front of each marker of this kind. */
function before(bytes: Buffer, code: number, stray: Buffer): Buffer {
  const places = jpegMarkers(bytes).filter((marker) => marker.code === code)
  const pieces: Buffer[] = []
  let from = 0
  for (const { at } of places) {
    pieces.push(bytes.subarray(from, at), stray)
    from = at
  }
  return Buffer.concat([...pieces, bytes.subarray(from)])
}

function jpegBomb(bytes: Buffer, width: number, height: number): Buffer {
  const copy = Buffer.from(bytes)
  const frame = jpegMarkers(copy).find(({ code }) => code === 0xc0)?.at ?? 0
  copy.writeUInt16BE(height, frame + 5)
  copy.writeUInt16BE(width, frame + 7)
  return copy
}

const join = (...parts: (Buffer | string)[]) =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
  )
/** The first box of a file of the ISO family, whose size is that of its brands, and what follows. */
const isoFile = (brand: string, brands: string) =>
  join(
    `\0\0\0${String.fromCharCode(16 + brands.length)}ftyp${brand}\0\0\0\0${brands}`,
    Buffer.alloc(99),
  )
const half = (bytes: Buffer) => bytes.subarray(0, Math.floor(bytes.length / 2))

/** Files as phones, cameras, scanners and editors write them, cut, damaged and disguised ones. */
export async function pictures(): Promise<Picture[]> {
  const jpeg = await picture().jpeg({ quality: 90 }).toBuffer()
  const progressive = await picture().jpeg({ quality: 90, progressive: true }).toBuffer()
  const pngFile = await picture().png().toBuffer()
  const webp = await picture().webp({ quality: 90 }).toBuffer()
  const other = await picture(GREYS).png().toBuffer()
  const shown = { size: [WIDTH, HEIGHT], quarters: QUARTERS, tolerance: 12 } as const
  const taken = (name: string, bytes: Buffer, changes: Partial<Picture> = {}): Picture => ({
    name,
    bytes,
    outcome: 'taken',
    ...shown,
    ...changes,
  })
  const refused =
    (outcome: Picture['outcome']) => (name: string, bytes: Buffer, format?: string) => ({
      name,
      bytes,
      outcome,
      ...(format === undefined ? {} : { format }),
    })
  const broken = refused('broken')
  const tooLarge = refused('too_many_pixels')
  const notSupported = refused('not_supported')
  return [
    ...(await metadata(taken)),
    ...(await colours(taken)),
    taken('a progressive JPEG', progressive),
    taken('a JPEG in grey', await picture(GREYS).greyscale().jpeg().toBuffer(), {
      quarters: GREYS,
    }),
    taken('an interlaced PNG', await picture().png({ progressive: true }).toBuffer()),
    taken('a lossless WebP', await picture().webp({ lossless: true }).toBuffer()),
    taken('an animated PNG shows its first picture', animatedPng(pngFile, other)),
    taken('an animated WebP shows its first picture', await animated('webp')),
    ...strayBytes(taken, { jpeg, progressive }),
    taken('a WebP with bytes behind its end', join(webp, Buffer.alloc(500))),
    taken('a PNG without its last chunk', pngFile.subarray(0, -12)),
    taken('a PNG with bytes behind its end', join(pngFile, Buffer.alloc(500))),
    taken('a PNG that is a ZIP file too', join(pngFile, 'PK\x03\x04', Buffer.alloc(90))),
    taken(
      'a PNG with a broken comment',
      damaged(withChunk(pngFile, { name: 'tEXt', data: join(`Comment\0${SECRET}`) }), 'tEXt'),
    ),
    ...(await sizes(taken)),
    ...truncated(broken, { JPEG: jpeg, 'progressive JPEG': progressive, PNG: pngFile, WebP: webp }),
    broken('a JPEG without its end', jpeg.subarray(0, -2)),
    broken('half a JPEG with an end', join(half(jpeg), JPEG_END)),
    broken('half a progressive JPEG with an end', join(half(progressive), JPEG_END)),
    broken('half a JPEG filled up with zeros', join(half(jpeg), Buffer.alloc(jpeg.length / 2))),
    broken('half a JPEG and then a whole one', join(half(jpeg), jpeg)),
    broken('half a JPEG with stray bytes', half(before(jpeg, 0xdb, Buffer.alloc(9, 7)))),
    broken(
      'half a JPEG with stray bytes and an end',
      join(half(before(jpeg, 0xdb, Buffer.alloc(9, 7))), JPEG_END),
    ),
    broken(
      'half a progressive JPEG with stray bytes and an end',
      join(half(before(progressive, 0xc4, Buffer.alloc(9, 7))), JPEG_END),
    ),
    broken('a PNG with a damaged part of its pixels', damaged(pngFile, 'IDAT')),
    broken('a PNG whose pixels end early', pngBomb(500, 500)),
    broken(
      'a PNG with stray bytes between its chunks',
      join(pngFile.subarray(0, 33), 'xx', pngFile.subarray(33)),
    ),
    broken('only the first bytes of a PNG', PNG_START),
    broken('only the first bytes of a JPEG', jpeg.subarray(0, 3)),
    broken('only the first bytes of a WebP', webp.subarray(0, 12)),
    broken('a JPEG behind the first bytes of a PNG', join(PNG_START, jpeg)),
    broken('an SVG behind the first bytes of a JPEG', join('\xff\xd8\xff', SVG)),
    broken('a sound file that is called like WebP', join('RIFF\0\0\0\0WEBPfmt ', Buffer.alloc(40))),
    tooLarge('a PNG of 50,000 × 50,000 pixels', pngBomb(50_000, 50_000)),
    tooLarge('a PNG of 20,000 × 2,000 pixels', pngBomb(20_000, 2_000)),
    tooLarge('a PNG of 14 megapixels in 16 bits', pngBomb(3_750, 3_750, 16)),
    tooLarge('an interlaced PNG of 14 megapixels in 16 bits', pngBomb(3_750, 3_750, 16, true)),
    tooLarge('a PNG of a million pixels in a line of 40', pngBomb(1_000_000, 40)),
    broken('a PNG with a side that no PNG may have', pngBomb(2 ** 31 - 1, 1)),
    tooLarge('a JPEG of 65,500 × 65,500 pixels', jpegBomb(jpeg, 65_500, 65_500)),
    tooLarge('a JPEG of 6,000 × 6,000 pixels', jpegBomb(jpeg, 6_000, 6_000)),
    notSupported('a GIF', await picture().gif().toBuffer(), 'gif'),
    notSupported('an animated GIF', await animated('gif'), 'gif'),
    notSupported('an AVIF', await picture().avif({ effort: 0 }).toBuffer(), 'avif'),
    notSupported('an AVIF of another brand', isoFile('mif1', 'mif1avifmiaf'), 'avif'),
    notSupported('a HEIC of a phone', isoFile('heic', 'mif1heic'), 'heic'),
    notSupported('a HEIC of another brand', isoFile('mif1', 'mif1heic'), 'heic'),
    notSupported('a HEIC of ten bits', isoFile('heix', 'mif1heix'), 'heic'),
    notSupported('a film', isoFile('mp42', 'isommp42'), 'video'),
    notSupported('a TIFF', await picture().tiff().toBuffer(), 'tiff'),
    notSupported('a raw picture of a camera', join('MM\0*\0\0\0\x08', Buffer.alloc(99)), 'tiff'),
    notSupported('a BMP', join('BM', Buffer.from('36000000', 'hex'), Buffer.alloc(80)), 'bmp'),
    notSupported('a JPEG XL', join('\xff\x0a', Buffer.alloc(99)), 'jpeg-xl'),
    notSupported('a JPEG 2000', join('\0\0\0\x0cjP  \r\n\x87\n', Buffer.alloc(99)), 'jpeg-2000'),
    notSupported('an icon', join('\0\0\x01\0\x01\0', Buffer.alloc(99)), 'icon'),
    notSupported('an SVG', join(SVG), 'svg'),
    notSupported(
      'an SVG with a mark and a declaration',
      join('\xef\xbb\xbf\n<?xml version="1.0"?>\n', SVG),
      'svg',
    ),
    notSupported('a PDF', join('%PDF-1.7\n', Buffer.alloc(99)), 'pdf'),
    notSupported('a PDF that is a JPEG too', join('%PDF-1.7\n', jpeg), 'pdf'),
    notSupported(
      'a GIF that is a script too',
      join('GIF89a/*', Buffer.alloc(40), '*/=1;alert(1)'),
      'gif',
    ),
    notSupported('a page', join('<html><script>alert(1)</script>'), 'unknown'),
    notSupported('a JPEG behind an empty line', join('\n', jpeg), 'unknown'),
    notSupported('an empty file', Buffer.alloc(0), 'unknown'),
  ]
}

const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'

type Taken = (name: string, bytes: Buffer, changes?: Partial<Picture>) => Picture
type Refused = (name: string, bytes: Buffer, format?: string) => Picture

async function metadata(taken: Taken): Promise<Picture[]> {
  const turned = (kind: 'jpeg' | 'png' | 'webp', orientation: number) =>
    picture(QUARTERS, orientation).withMetadata({ orientation }).toFormat(kind).toBuffer()
  const found: Picture[] = []
  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
    found.push(
      taken(`a JPEG of orientation ${orientation} is upright`, await turned('jpeg', orientation)),
    )
  }
  for (const orientation of [3, 6, 8]) {
    found.push(
      taken(`a PNG of orientation ${orientation} is upright`, await turned('png', orientation)),
      taken(`a WebP of orientation ${orientation} is upright`, await turned('webp', orientation)),
    )
  }
  const sideways = await turned('jpeg', 8)
  // The orientation is the only value of its tag in the file.
  const nine = Buffer.from(sideways)
  nine.set([9], orientationAt(nine))
  found.push(taken('an orientation that does not exist turns nothing', nine, asStored()))
  for (const kind of ['jpeg', 'png', 'webp'] as const) {
    const bytes = await picture().withExif(EXIF).toFormat(kind).toBuffer()
    found.push(taken(`the place in a ${kind} is removed`, bytes))
  }
  const xmp = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf>${SECRET}</rdf></x:xmpmeta>`
  found.push(
    taken(
      'what an editor wrote into a JPEG is removed',
      await picture().withXmp(xmp).jpeg().toBuffer(),
    ),
  )
  return found
}

/** What a viewer shows of the picture of orientation 8 that does not turn it. */
function asStored(): Partial<Picture> {
  const [topLeft, topRight, bottomLeft, bottomRight] = QUARTERS as [Rgb, Rgb, Rgb, Rgb]
  return { size: [HEIGHT, WIDTH], quarters: [bottomLeft, topLeft, bottomRight, topRight] }
}

/** Where the value of the tag 0x0112 stands in an EXIF block, in the byte order of the block. */
function orientationAt(bytes: Buffer): number {
  const start = bytes.indexOf('Exif\0\0', 0, 'latin1') + 6
  const isLittle = bytes.toString('latin1', start, start + 2) === 'II'
  const tag = bytes.indexOf(isLittle ? '120103000100000' : '011200030000000', start, 'hex')
  return tag + (isLittle ? 8 : 9)
}

async function colours(taken: Taken): Promise<Picture[]> {
  const wide = (kind: 'jpeg' | 'png' | 'webp') =>
    picture().withIccProfile('p3').toFormat(kind, { quality: 95 }).toBuffer()
  const cmyk = picture().toColourspace('cmyk')
  const grey = picture(GREYS).greyscale()
  const half = picture().ensureAlpha(0.5)
  const inGrey = { quarters: GREYS }
  const [srgb, p3] = [await profileOf(picture(), 'srgb'), await profileOf(picture(), 'p3')]
  const greyProfile = await profileOf(grey.clone().toColourspace('b-w'), 'srgb')
  return [
    // The conversion to ink and back costs some colour.
    taken(
      'a CMYK JPEG',
      await cmyk.clone().withIccProfile('cmyk').jpeg({ quality: 95 }).toBuffer(),
      {
        tolerance: 40,
      },
    ),
    taken('a CMYK JPEG without a profile', await cmyk.clone().jpeg({ quality: 95 }).toBuffer(), {
      tolerance: 40,
    }),
    taken('a JPEG of a wide gamut', await wide('jpeg')),
    taken('a PNG of a wide gamut', await wide('png')),
    taken('a WebP of a wide gamut', await wide('webp')),
    taken('a PNG of 16 bits', await picture().toColourspace('rgb16').png().toBuffer()),
    taken('a PNG of 16 bits and sRGB', pngOf(16, QUARTERS, srgb)),
    taken('a PNG of 16 bits and a wide gamut', pngOf(16, QUARTERS, p3), {
      quarters: await quartersOf(pngOf(8, QUARTERS, p3)),
    }),
    taken('a grey PNG of 16 bits with a profile', pngOf(16, GREYS, greyProfile), {
      quarters: await quartersOf(pngOf(8, GREYS, greyProfile)),
    }),
    taken(
      'a grey PNG of 16 bits',
      await grey.clone().toColourspace('grey16').png().toBuffer(),
      inGrey,
    ),
    taken('a grey PNG', await grey.clone().toColourspace('b-w').png().toBuffer(), inGrey),
    taken(
      'a grey PNG with transparency',
      await grey.clone().toColourspace('b-w').ensureAlpha(0.5).png().toBuffer(),
      inGrey,
    ),
    taken('a PNG with transparency', await half.clone().png().toBuffer()),
    taken('a WebP with transparency', await half.clone().webp({ quality: 95 }).toBuffer()),
    taken('a PNG with a palette', await picture().png({ palette: true }).toBuffer(), {
      tolerance: 20,
    }),
    taken(
      'a PNG with a palette of four colours',
      await picture().png({ palette: true, colours: 4 }).toBuffer(),
      {
        tolerance: 20,
      },
    ),
    taken(
      'a PNG with a palette and transparency',
      await half.clone().png({ palette: true }).toBuffer(),
      {
        tolerance: 20,
      },
    ),
    taken(
      'a JPEG with all of its colours',
      await picture().jpeg({ chromaSubsampling: '4:4:4' }).toBuffer(),
    ),
  ]
}

async function animated(kind: 'gif' | 'webp'): Promise<Buffer> {
  const frames = [await picture().png().toBuffer(), await picture(GREYS).png().toBuffer()]
  return sharp(frames, { join: { animated: true } })
    .toFormat(kind, { quality: 95 })
    .toBuffer()
}

function strayBytes(
  taken: Taken,
  { jpeg, progressive }: { jpeg: Buffer; progressive: Buffer },
): Picture[] {
  const [TABLE, FRAME, CODES, SCAN, END] = [0xdb, 0xc0, 0xc4, 0xda, 0xd9]
  const some = Buffer.from([1, 2, 3, 4, 5])
  const other = Buffer.from('many stray bytes')
  return [
    taken('a JPEG with stray bytes before its tables', before(jpeg, TABLE, some)),
    taken('a JPEG with stray zeros before its frame', before(jpeg, FRAME, Buffer.alloc(3))),
    taken('a JPEG with stray bytes before its codes', before(jpeg, CODES, some)),
    taken(
      'a JPEG with stray bytes before its scan',
      before(jpeg, SCAN, Buffer.from('ff00ff0011', 'hex')),
    ),
    taken('a JPEG with a thousand stray bytes', before(jpeg, FRAME, Buffer.alloc(1_000, 0x20))),
    taken(
      'a JPEG with stray bytes at its start',
      join(jpeg.subarray(0, 2), some, jpeg.subarray(2)),
    ),
    taken('a JPEG with markers that are filled up', before(jpeg, TABLE, Buffer.alloc(7, 0xff))),
    taken('a JPEG with zeros before its end', before(jpeg, END, Buffer.alloc(6))),
    taken('a progressive JPEG with stray bytes before its codes', before(progressive, TABLE, some)),
    taken(
      'a progressive JPEG with zeros behind its scans',
      before(progressive, SCAN, Buffer.alloc(4)),
    ),
    taken(
      'a progressive JPEG with zeros before its end',
      before(progressive, END, Buffer.alloc(4)),
    ),
    taken(
      'a progressive JPEG with stray bytes behind its scans',
      before(progressive, CODES, other),
    ),
    taken('a progressive JPEG with stray bytes before its end', before(progressive, END, other)),
    taken(
      'a progressive JPEG with zeros behind one scan',
      beforeLast(progressive, SCAN, Buffer.alloc(9)),
    ),
    taken('a JPEG whose scan says that it is progressive', wrongScan(jpeg)),
    taken(
      'a JPEG of a JFIF that does not exist',
      join(jpeg.subarray(0, 2), JFIF_5, jpeg.subarray(2)),
    ),
    taken(
      'a JPEG with a profile that is none',
      join(jpeg.subarray(0, 2), profile(NONE), jpeg.subarray(2)),
    ),
    taken('a JPEG with zeros behind its end', join(jpeg, Buffer.alloc(4_096))),
    taken(
      'a JPEG with a film behind its end',
      join(jpeg, '\0\0\0\x18ftypmp42', Buffer.alloc(4_096, 7)),
    ),
    taken('a JPEG with another one behind its end', join(jpeg, jpeg)),
    taken('a JPEG that is a page too', before(jpeg, TABLE, comment(`<script>${SECRET}</script>`))),
  ]
}

const JFIF_5 = Buffer.from('ffe000104a46494600050100000100010000', 'hex')
const NONE = Buffer.alloc(300, 7)

/** A scan of a sequential picture that names other coefficients than all. */
function wrongScan(jpeg: Buffer): Buffer {
  const copy = Buffer.from(jpeg)
  const scan = jpegMarkers(copy).find(({ code }) => code === 0xda)?.at ?? 0
  copy[scan + 2 + copy.readUInt16BE(scan + 2) - 2] = 0
  return copy
}

function profile(bytes: Buffer): Buffer {
  const body = join('ICC_PROFILE\0\x01\x01', bytes)
  return join('\xff\xe2', number(body.length + 2, 2), body)
}

/** Puts bytes in front of the last marker of this kind. */
function beforeLast(bytes: Buffer, code: number, stray: Buffer): Buffer {
  const at = jpegMarkers(bytes).findLast((marker) => marker.code === code)?.at ?? 0
  return join(bytes.subarray(0, at), stray, bytes.subarray(at))
}

function comment(text: string): Buffer {
  return join('\xff\xfe', number(text.length + 2, 2), text)
}

async function sizes(taken: Taken): Promise<Picture[]> {
  const found: Picture[] = []
  const plain = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: '#28a' } })
  for (const kind of ['jpeg', 'png', 'webp'] as const) {
    const bytes = await plain(1, 1).toFormat(kind).toBuffer()
    found.push({ name: `a ${kind} of one pixel`, bytes, outcome: 'taken', size: [1, 1] })
  }
  for (const [width, height] of [
    [9_000, 1],
    [1, 9_000],
    [9_000, 40],
  ] as const) {
    const bytes = await plain(width, height).png().toBuffer()
    found.push({ name: `a picture of ${width} × ${height} pixels`, bytes, outcome: 'taken' })
  }
  const large = await picture().resize(6_000, 4_000, { kernel: 'nearest' }).jpeg().toBuffer()
  found.push(taken('a JPEG of 24 megapixels', large, { size: [1_600, 1_067] }))
  return found
}

/** Cut after each tenth of the file. */
function truncated(broken: Refused, files: Record<string, Buffer>): Picture[] {
  return Object.entries(files).flatMap(([name, bytes]) =>
    [1, 2, 3, 4, 5, 6, 7, 8, 9].map((tenths) =>
      broken(
        `${tenths} tenths of a ${name}`,
        bytes.subarray(0, Math.floor((bytes.length * tenths) / 10)),
      ),
    ),
  )
}
