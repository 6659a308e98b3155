import { type Decoding, decodeImage, isTimeout } from '@auction/common/images/decode-image.ts'
import { createPermits, PermitsFullError } from '@auction/common/process/permits.ts'
import sharp from 'sharp'
import { IMAGE_SIDES, IMAGE_SIZES, type ImageSize } from '#src/domain/image.ts'

const SECONDS_MAX = 8
const QUALITY = 82
const RUNNING_MAX = 1
const WAITING_MAX = 8

export interface RenderedImage {
  objects: { size: ImageSize; bytes: Buffer }[]
  width: number
  height: number
}

export type Rendering =
  | { outcome: 'rendered'; image: RenderedImage }
  | { outcome: 'busy' }
  | Exclude<Decoding, { outcome: 'decoded' }>

export type RenderImage = (bytes: Buffer) => Promise<Rendering>

/** Decodes untrusted images, one at a time. */
export function createRenderImage(): RenderImage {
  const permits = createPermits({ concurrency: RUNNING_MAX, queueMax: WAITING_MAX })
  return async (bytes) => {
    try {
      return await permits.run(() => render(bytes))
    } catch (error) {
      if (error instanceof PermitsFullError) return { outcome: 'busy' }
      if (isTimeout(error)) return { outcome: 'too_slow' }
      throw error
    }
  }
}

async function render(bytes: Buffer): Promise<Rendering> {
  // Decoded once, in the largest size; the others are made of that.
  const decoding = await decodeImage(bytes, inside(IMAGE_SIDES.large))
  if (decoding.outcome !== 'decoded') return decoding
  const { data, width, height, channels } = decoding.image
  const objects: RenderedImage['objects'] = []
  for (const size of IMAGE_SIZES) {
    const encoded = await sharp(data, { raw: { width, height, channels } })
      .resize(inside(IMAGE_SIDES[size]))
      .webp({ quality: QUALITY })
      .timeout({ seconds: SECONDS_MAX })
      .toBuffer()
    objects.push({ size, bytes: encoded })
  }
  return { outcome: 'rendered', image: { objects, width, height } }
}

const inside = (side: number) =>
  ({ width: side, height: side, fit: 'inside', withoutEnlargement: true }) as const
