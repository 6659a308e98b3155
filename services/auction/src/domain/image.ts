export const IMAGES_MAX = 12

/** The longest side of each size, in pixels. Smaller pictures stay as small as they are. */
export const IMAGE_SIDES = { small: 320, medium: 800, large: 1600 } as const
export type ImageSize = keyof typeof IMAGE_SIDES
export const IMAGE_SIZES = Object.keys(IMAGE_SIDES) as ImageSize[]

/** The names of an image's objects in the storage. Nothing in them comes from outside. */
export function objectKey(imageId: string, size: ImageSize): string {
  return `${imageId}.${size}.webp`
}

export function imagePath(itemId: string, imageId: string, size: ImageSize): string {
  return `/api/v1/items/${itemId}/images/${imageId}/${size}`
}

/** Whether `ids` names each of `known` once. */
export function isReordering(known: readonly string[], ids: readonly string[]): boolean {
  const wanted = new Set(ids)
  return (
    wanted.size === ids.length && ids.length === known.length && known.every((id) => wanted.has(id))
  )
}
