import t from 'tap'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import { TEXTS as auction } from '../../../auction/src/domain/texts.ts'
import { TEXTS as identity } from '../../../identity/src/domain/texts.ts'
import { TEXTS as order } from '../../../order/src/domain/texts.ts'
import { TEXTS as payment } from '../../../payment/src/domain/texts.ts'

t.test('no field cuts a text that its service takes', async (t) => {
  const kinds = [auction, identity, order, payment].flatMap((texts) => Object.values(texts))
  for (const [name, lengthMax] of Object.entries(TEXT_LENGTHS_MAX)) {
    const bounds = kinds.filter((kind) => kind.name === name).map(({ bytesMax }) => bytesMax)
    t.strictSame(bounds, [lengthMax], name)
  }
})
