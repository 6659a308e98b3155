/** The formats of pictures that the platform reads. */
export type ImageFormat = 'png' | 'jpeg' | 'webp'

// What else people send as a picture, by its first bytes, so that a refusal can name it.
const OTHERS: readonly (readonly [format: string, start: string])[] = [
  ['gif', 'GIF8'],
  ['tiff', 'II*\0'],
  ['tiff', 'II+\0'],
  ['tiff', 'MM\0*'],
  ['tiff', 'MM\0+'],
  ['jpeg-xl', '\xff\x0a'],
  ['jpeg-xl', '\0\0\0\x0cJXL '],
  ['jpeg-2000', '\0\0\0\x0cjP  '],
  ['jpeg-2000', '\xff\x4f\xff\x51'],
  ['pdf', '%PDF'],
  ['psd', '8BPS'],
  ['bmp', 'BM'],
  ['icon', '\0\0\x01\0'],
  ['icon', '\0\0\x02\0'],
]
const HEIC_BRANDS = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs']
/** Brands that files of more than one format have; what they are stands among the compatible ones. */
const SHARED_BRANDS = ['mif1', 'msf1', 'miaf']
const COMPATIBLE_BRANDS_END = 64

/**
 * The format of a file by its first bytes; its name and content type cannot be trusted. A format that is
 * not read is only named: `avif`, `heic`, or `unknown`.
 */
export function imageFormat(
  bytes: Buffer,
): { isRead: true; format: ImageFormat } | { isRead: false; format: string } {
  const start = bytes.toString('latin1', 0, 1024)
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return { isRead: true, format: 'png' }
  // What follows may be stray bytes before the first segment.
  if (start.startsWith('\xff\xd8')) return { isRead: true, format: 'jpeg' }
  if (start.startsWith('RIFF') && start.startsWith('WEBP', 8)) {
    return { isRead: true, format: 'webp' }
  }
  const other = OTHERS.find(([, sign]) => start.startsWith(sign))?.[0]
  return { isRead: false, format: other ?? mediaFormat(start) ?? textFormat(start) ?? 'unknown' }
}

/** Of a file that names its brands, as those of phones and films do. */
function mediaFormat(start: string): string | undefined {
  if (!start.startsWith('ftyp', 4)) return undefined
  const brand = start.slice(8, 12)
  if (brand === 'avif' || brand === 'avis') return 'avif'
  if (HEIC_BRANDS.includes(brand)) return 'heic'
  if (!SHARED_BRANDS.includes(brand)) return brand === 'crx ' ? 'raw' : 'video'
  return start.slice(16, COMPATIBLE_BRANDS_END).includes('avif') ? 'avif' : 'heic'
}

function textFormat(start: string): string | undefined {
  const text = start.replace(/^\xef\xbb\xbf/, '').trimStart()
  const isSvg = /^<svg|^<(?:\?xml|!--|!doctype svg)[\s\S]*<svg/i.test(text)
  return isSvg ? 'svg' : undefined
}
