import { inflateSync } from 'node:zlib'
import t from 'tap'
import { DEMO_CATEGORIES, DEMO_ITEMS } from '#src/demo-items.ts'
import { drawThing, type Thing } from '#src/demo-pictures.ts'

const [WIDTH, HEIGHT] = [640, 480]

/** The rows of pixels of a PNG file, as its chunks have them. */
function rowsOf(file: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at)
    if (file.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(file.subarray(at + 8, at + 8 + length))
    at += 12 + length
  }
  return inflateSync(Buffer.concat(parts))
}

const colours = (file: Buffer) => {
  const rows = rowsOf(file)
  t.equal(rows.length, HEIGHT * (WIDTH * 3 + 1))
  const seen = new Set<number>()
  for (let at = 1; at + 3 < rows.length; at += 3 * 7) seen.add(rows.readUIntBE(at, 3))
  return seen.size
}

t.test('every thing of the demo is drawn, and no two look the same', async (t) => {
  const things = [...new Set(DEMO_ITEMS.map(({ thing }) => thing))]
  const files = new Set<string>()
  for (const thing of things) {
    const file = drawThing(thing, 200)
    t.ok(file.subarray(0, 8).equals(Buffer.from('89504e470d0a1a0a', 'hex')), thing)
    t.ok(file.length < 200_000, 'small enough to be sent in no time')
    t.ok(colours(file) > 500, `${thing} is no plain surface`)
    files.add(file.toString('base64'))
  }
  t.equal(files.size, things.length)
  const [thing] = things as [Thing]
  t.notOk(drawThing(thing, 200).equals(drawThing(thing, 200, true)), 'close up')
  t.ok(drawThing(thing, 200).equals(drawThing(thing, 200)), 'the same each time')
})

t.test(
  'the shop has forty lots, each in a category that is there, with its own name',
  async (t) => {
    const known = Object.entries(DEMO_CATEGORIES).flatMap(([parent, children]) => [
      parent,
      ...children,
    ])
    t.equal(new Set(known).size, known.length)
    t.ok(DEMO_ITEMS.length >= 40)
    t.equal(new Set(DEMO_ITEMS.map(({ name }) => name)).size, DEMO_ITEMS.length)
    for (const { category, name } of DEMO_ITEMS) t.ok(known.includes(category), name)
  },
)
