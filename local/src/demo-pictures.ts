import { crc32, deflateSync } from 'node:zlib'

type Rgb = readonly [red: number, green: number, blue: number]

/** How far a point is outside of a shape; negative inside. Lengths are shares of the width. */
type Distance = (x: number, y: number) => number

interface Shape {
  distance: Distance
  colour: Rgb
}

const WIDTH = 640
const HEIGHT = 480
const RATIO = HEIGHT / WIDTH

const circle =
  (cx: number, cy: number, r: number): Distance =>
  (x, y) =>
    Math.hypot(x - cx, y - cy) - r

const ring =
  (cx: number, cy: number, r: number, width: number): Distance =>
  (x, y) =>
    Math.abs(Math.hypot(x - cx, y - cy) - r) - width / 2

const box =
  (cx: number, cy: number, width: number, height: number, round = 0.01): Distance =>
  (x, y) => {
    const dx = Math.abs(x - cx) - width / 2 + round
    const dy = Math.abs(y - cy) - height / 2 + round
    return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - round
  }

const line =
  (x1: number, y1: number, x2: number, y2: number, width: number): Distance =>
  (x, y) => {
    const [dx, dy] = [x2 - x1, y2 - y1]
    const along = ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy)
    const at = Math.min(1, Math.max(0, along))
    return Math.hypot(x - x1 - at * dx, y - y1 - at * dy) - width / 2
  }

const only =
  (shape: Distance, within: Distance): Distance =>
  (x, y) =>
    Math.max(shape(x, y), within(x, y))

/** Of a hue from 0 to 360, a saturation and a lightness from 0 to 1. */
function colour(hue: number, saturation: number, lightness: number): Rgb {
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12
    const a = saturation * Math.min(lightness, 1 - lightness)
    return Math.round(255 * (lightness - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))))
  }
  return [channel(0), channel(8), channel(4)]
}

const DARK: Rgb = [42, 38, 36]
const PALE: Rgb = [246, 241, 230]
const BRASS: Rgb = [196, 154, 74]
const STEEL: Rgb = [150, 158, 166]

/** What the things of the demo look like, drawn with few strokes in a hue of their own. */
const THINGS = {
  clock: (hue) => [
    { distance: circle(0.5, 0.375, 0.26), colour: BRASS },
    { distance: circle(0.5, 0.375, 0.22), colour: PALE },
    ...Array.from({ length: 12 }, (_, hour) => {
      const [sin, cos] = [Math.sin((hour * Math.PI) / 6), Math.cos((hour * Math.PI) / 6)]
      const at = (r: number) => [0.5 + sin * r, 0.375 - cos * r] as const
      const [[x1, y1], [x2, y2]] = [at(0.18), at(0.2)]
      return { distance: line(x1, y1, x2, y2, 0.012), colour: DARK }
    }),
    { distance: line(0.5, 0.375, 0.4, 0.3, 0.016), colour: colour(hue, 0.5, 0.3) },
    { distance: line(0.5, 0.375, 0.62, 0.25, 0.01), colour: colour(hue, 0.5, 0.3) },
    { distance: circle(0.5, 0.375, 0.014), colour: BRASS },
  ],
  camera: (hue) => [
    { distance: box(0.5, 0.4, 0.52, 0.3, 0.03), colour: colour(hue, 0.25, 0.25) },
    { distance: box(0.5, 0.22, 0.16, 0.1, 0.02), colour: STEEL },
    { distance: box(0.3, 0.235, 0.08, 0.05, 0.01), colour: STEEL },
    { distance: circle(0.5, 0.41, 0.13), colour: STEEL },
    { distance: circle(0.5, 0.41, 0.105), colour: DARK },
    { distance: circle(0.5, 0.41, 0.06), colour: colour(210, 0.5, 0.35) },
    { distance: circle(0.475, 0.385, 0.018), colour: PALE },
  ],
  record: (hue) => [
    { distance: box(0.38, 0.375, 0.44, 0.44, 0.008), colour: colour(hue, 0.45, 0.5) },
    { distance: box(0.38, 0.3, 0.3, 0.03), colour: PALE },
    { distance: circle(0.62, 0.375, 0.21), colour: DARK },
    ...[0.1, 0.13, 0.16, 0.19].map((r) => ({
      distance: ring(0.62, 0.375, r, 0.003),
      colour: [80, 76, 74] as const,
    })),
    { distance: circle(0.62, 0.375, 0.07), colour: colour(hue, 0.6, 0.55) },
    { distance: circle(0.62, 0.375, 0.008), colour: PALE },
  ],
  desk: (hue) => [
    { distance: box(0.5, 0.28, 0.66, 0.05, 0.005), colour: colour(hue, 0.45, 0.4) },
    { distance: box(0.24, 0.46, 0.04, 0.34), colour: colour(hue, 0.45, 0.3) },
    { distance: box(0.76, 0.46, 0.04, 0.34), colour: colour(hue, 0.45, 0.3) },
    { distance: box(0.64, 0.39, 0.24, 0.16), colour: colour(hue, 0.42, 0.46) },
    { distance: box(0.64, 0.35, 0.2, 0.06), colour: colour(hue, 0.4, 0.52) },
    { distance: box(0.64, 0.43, 0.2, 0.06), colour: colour(hue, 0.4, 0.52) },
    { distance: circle(0.64, 0.35, 0.01), colour: BRASS },
    { distance: circle(0.64, 0.43, 0.01), colour: BRASS },
  ],
  chair: (hue) => [
    { distance: box(0.4, 0.3, 0.04, 0.42), colour: colour(hue, 0.4, 0.35) },
    { distance: box(0.6, 0.3, 0.04, 0.42), colour: colour(hue, 0.4, 0.35) },
    { distance: box(0.5, 0.2, 0.2, 0.05), colour: colour(hue, 0.4, 0.45) },
    { distance: box(0.5, 0.29, 0.2, 0.03), colour: colour(hue, 0.4, 0.45) },
    { distance: box(0.5, 0.42, 0.28, 0.05, 0.02), colour: colour(hue + 20, 0.5, 0.5) },
    { distance: line(0.4, 0.44, 0.37, 0.65, 0.03), colour: colour(hue, 0.4, 0.35) },
    { distance: line(0.6, 0.44, 0.63, 0.65, 0.03), colour: colour(hue, 0.4, 0.35) },
  ],
  bicycle: (hue) => [
    { distance: ring(0.28, 0.48, 0.15, 0.018), colour: DARK },
    { distance: ring(0.72, 0.48, 0.15, 0.018), colour: DARK },
    { distance: line(0.28, 0.48, 0.4, 0.26, 0.018), colour: colour(hue, 0.7, 0.42) },
    { distance: line(0.4, 0.26, 0.64, 0.26, 0.018), colour: colour(hue, 0.7, 0.42) },
    { distance: line(0.64, 0.26, 0.48, 0.48, 0.018), colour: colour(hue, 0.7, 0.42) },
    { distance: line(0.4, 0.24, 0.48, 0.48, 0.018), colour: colour(hue, 0.7, 0.42) },
    { distance: line(0.48, 0.48, 0.28, 0.48, 0.014), colour: colour(hue, 0.7, 0.36) },
    { distance: line(0.64, 0.22, 0.72, 0.48, 0.018), colour: STEEL },
    { distance: line(0.62, 0.19, 0.7, 0.17, 0.018), colour: DARK },
    { distance: box(0.39, 0.22, 0.1, 0.025, 0.012), colour: DARK },
    { distance: ring(0.48, 0.48, 0.035, 0.01), colour: STEEL },
  ],
  print: (hue) => [
    { distance: box(0.5, 0.375, 0.44, 0.56, 0.004), colour: colour(30, 0.4, 0.3) },
    { distance: box(0.5, 0.375, 0.4, 0.52, 0.002), colour: PALE },
    { distance: line(0.5, 0.56, 0.49, 0.3, 0.01), colour: colour(110, 0.4, 0.3) },
    ...[-1, 1].flatMap((side) => [
      {
        distance: line(0.495, 0.48, 0.5 + side * 0.09, 0.42, 0.022),
        colour: colour(110, 0.4, 0.35),
      },
      { distance: circle(0.5 + side * 0.045, 0.25, 0.04), colour: colour(hue, 0.6, 0.55) },
    ]),
    { distance: circle(0.49, 0.21, 0.04), colour: colour(hue, 0.6, 0.6) },
    { distance: circle(0.49, 0.255, 0.022), colour: BRASS },
  ],
  bowl: (hue) => [
    {
      distance: only(circle(0.5, 0.3, 0.24), (_, y) => 0.3 - y),
      colour: colour(hue, 0.35, 0.45),
    },
    { distance: box(0.5, 0.31, 0.48, 0.03, 0.015), colour: colour(hue, 0.35, 0.6) },
    { distance: box(0.5, 0.55, 0.16, 0.04, 0.01), colour: colour(hue, 0.35, 0.35) },
    { distance: line(0.36, 0.37, 0.42, 0.48, 0.012), colour: BRASS },
    { distance: line(0.42, 0.48, 0.54, 0.44, 0.008), colour: BRASS },
  ],
  pen: (hue) => [
    { distance: line(0.25, 0.53, 0.62, 0.26, 0.07), colour: colour(hue, 0.55, 0.25) },
    { distance: line(0.58, 0.29, 0.7, 0.2, 0.055), colour: colour(hue, 0.55, 0.32) },
    { distance: line(0.7, 0.2, 0.78, 0.143, 0.02), colour: BRASS },
    { distance: line(0.28, 0.47, 0.46, 0.335, 0.012), colour: BRASS },
  ],
  telescope: (hue) => [
    { distance: line(0.5, 0.36, 0.36, 0.66, 0.025), colour: colour(28, 0.5, 0.35) },
    { distance: line(0.5, 0.36, 0.64, 0.66, 0.025), colour: colour(28, 0.5, 0.35) },
    { distance: line(0.5, 0.36, 0.5, 0.66, 0.025), colour: colour(28, 0.5, 0.28) },
    { distance: line(0.26, 0.45, 0.7, 0.2, 0.09), colour: colour(hue, 0.3, 0.4) },
    { distance: line(0.68, 0.21, 0.78, 0.155, 0.12), colour: BRASS },
    { distance: line(0.22, 0.475, 0.28, 0.44, 0.05), colour: BRASS },
    { distance: circle(0.5, 0.35, 0.03), colour: DARK },
  ],
  lamp: (hue) => [
    { distance: box(0.5, 0.62, 0.26, 0.035, 0.015), colour: DARK },
    { distance: line(0.5, 0.61, 0.42, 0.42, 0.02), colour: STEEL },
    { distance: line(0.42, 0.42, 0.55, 0.24, 0.02), colour: STEEL },
    { distance: circle(0.42, 0.42, 0.022), colour: DARK },
    {
      distance: only(circle(0.6, 0.27, 0.13), (x, y) => y - 0.27 - (x - 0.6) * 0.4),
      colour: colour(hue, 0.65, 0.45),
    },
    { distance: circle(0.61, 0.29, 0.035), colour: [255, 240, 190] },
  ],
  guitar: (hue) => [
    { distance: circle(0.38, 0.46, 0.14), colour: colour(hue, 0.6, 0.5) },
    { distance: circle(0.5, 0.38, 0.105), colour: colour(hue, 0.6, 0.5) },
    { distance: circle(0.44, 0.42, 0.05), colour: DARK },
    { distance: line(0.48, 0.4, 0.76, 0.21, 0.03), colour: colour(25, 0.5, 0.25) },
    { distance: line(0.76, 0.21, 0.84, 0.155, 0.05), colour: colour(25, 0.5, 0.2) },
    { distance: line(0.33, 0.5, 0.8, 0.18, 0.003), colour: PALE },
  ],
  coin: (hue) => [
    { distance: circle(0.4, 0.4, 0.2), colour: colour(hue, 0.45, 0.45) },
    { distance: ring(0.4, 0.4, 0.17, 0.008), colour: colour(hue, 0.45, 0.62) },
    { distance: circle(0.4, 0.36, 0.05), colour: colour(hue, 0.45, 0.62) },
    { distance: box(0.4, 0.46, 0.14, 0.08, 0.04), colour: colour(hue, 0.45, 0.62) },
    { distance: circle(0.66, 0.45, 0.13), colour: STEEL },
    { distance: ring(0.66, 0.45, 0.108, 0.006), colour: PALE },
  ],
  radio: (hue) => [
    { distance: box(0.5, 0.38, 0.58, 0.36, 0.05), colour: colour(hue, 0.45, 0.35) },
    { distance: box(0.41, 0.38, 0.3, 0.26, 0.03), colour: colour(40, 0.35, 0.7) },
    ...[0.3, 0.34, 0.38, 0.42, 0.46].map((y) => ({
      distance: box(0.41, y, 0.26, 0.008, 0.004),
      colour: colour(40, 0.3, 0.45),
    })),
    { distance: circle(0.68, 0.31, 0.06), colour: PALE },
    { distance: line(0.68, 0.31, 0.71, 0.27, 0.008), colour: [190, 40, 30] },
    { distance: circle(0.68, 0.46, 0.035), colour: BRASS },
  ],
} satisfies Record<string, (hue: number) => readonly Shape[]>

export type Thing = keyof typeof THINGS

/** A photo of a thing on a table, as a PNG file; close up it is the middle of it, twice as large. */
export function drawThing(thing: Thing, hue: number, isCloseUp = false): Buffer {
  const shapes = THINGS[thing](hue)
  const [wall, table] = [colour(hue + 180, 0.18, 0.82), colour(hue + 150, 0.2, 0.66)]
  const rows = Buffer.alloc(HEIGHT * (WIDTH * 3 + 1))
  const scale = isCloseUp ? 0.5 : 1
  const soft = 1.2 / WIDTH
  let at = 0
  for (let row = 0; row < HEIGHT; row += 1) {
    at += 1
    const y = RATIO / 2 + (row / WIDTH - RATIO / 2) * scale
    for (let column = 0; column < WIDTH; column += 1) {
      const x = 0.5 + (column / WIDTH - 0.5) * scale
      const light = 1.06 - 0.25 * Math.hypot(x - 0.42, y - 0.3)
      let [red, green, blue] = y < 0.57 ? wall : table
      for (const { distance, colour: paint } of shapes) {
        const share = Math.min(1, Math.max(0, 0.5 - distance(x, y) / soft / 2))
        if (share === 0) continue
        red += (paint[0] - red) * share
        green += (paint[1] - green) * share
        blue += (paint[2] - blue) * share
      }
      rows[at] = Math.min(255, red * light)
      rows[at + 1] = Math.min(255, green * light)
      rows[at + 2] = Math.min(255, blue * light)
      at += 3
    }
  }
  return pngOf(rows)
}

/** Rows of RGB, each behind a zero, as a file. */
function pngOf(rows: Buffer): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    check.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, check])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(WIDTH, 0)
  header.writeUInt32BE(HEIGHT, 4)
  // Eight bits for each of three channels.
  header.set([8, 2], 8)
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 3 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}
