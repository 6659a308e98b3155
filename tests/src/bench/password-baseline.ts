/** argon2 and nothing else: how many passwords this machine verifies in a second. */
import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'

const seconds = Number(process.argv[2] ?? 3)
const PASSWORD = 'correct horse battery staple 7'
const stored = await hash(PASSWORD, {
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
  outputLen: 32,
})
const endMs = performance.now() + seconds * 1_000
let count = 0
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    while (performance.now() < endMs) {
      await verify(stored, PASSWORD)
      count += 1
    }
  }),
)
process.send?.(count / seconds)
