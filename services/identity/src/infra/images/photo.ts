import { type Decoding, decodeImage } from '@auction/common/images/decode-image.ts'
import { createPermits, type Permits } from '@auction/common/process/permits.ts'
import sharp from 'sharp'

/** The greatest photo that is stored, after encoding; the table says it again. */
const STORED_BYTES_MAX = 204_800
const EDGE_PIXELS = 512
const QUALITIES = [80, 60, 40, 20]

// Several images at a time would each hold a decoded one in memory.
const AT_ONCE = 1
const WAITING_MAX = 8

export type Encoding =
  | { readonly outcome: 'encoded'; readonly content: Buffer }
  | { readonly outcome: 'too_detailed' }
  | Exclude<Decoding, { outcome: 'decoded' }>

export interface PhotoEncoder {
  /** Throws PermitsFullError when too many wait. */
  encode(upload: Buffer): Promise<Encoding>
}

/** Makes small WebP images out of uploads, from their pixels alone: no metadata survives. */
export function createPhotoEncoder(
  permits: Permits = createPermits({ concurrency: AT_ONCE, queueMax: WAITING_MAX }),
): PhotoEncoder {
  return { encode: (upload) => permits.run(() => reencode(upload)) }
}

async function reencode(upload: Buffer): Promise<Encoding> {
  const size = { width: EDGE_PIXELS, height: EDGE_PIXELS, fit: 'cover' } as const
  const decoding = await decodeImage(upload, size)
  if (decoding.outcome !== 'decoded') return decoding
  const { data, width, height, channels } = decoding.image
  for (const quality of QUALITIES) {
    const raw = { width, height, channels }
    const content = await sharp(data, { raw }).webp({ quality }).toBuffer()
    if (content.length <= STORED_BYTES_MAX) return { outcome: 'encoded', content }
  }
  return { outcome: 'too_detailed' }
}
