import t from 'tap'
import { deviceName } from '#src/domain/device-name.ts'
import { en } from '#src/domain/messages/en.ts'

const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0'

t.test('a browser is named as its owner would', async (t) => {
  for (const [userAgent, name] of [
    [`${CHROME} Safari/537.36`, 'Chrome on Linux'],
    [`${CHROME} Safari/537.36 Edg/156.0`, 'Edge on Linux'],
    ['Mozilla/5.0 (Windows NT 10.0; rv:153.0) Gecko/20100101 Firefox/153.0', 'Firefox on Windows'],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Mobile Safari/604',
      'Safari on iOS',
    ],
    ['Mozilla/5.0 (Linux; Android 16) Chrome/156.0 Mobile Safari/537.36', 'Chrome on Android'],
    ['curl/8.0', 'curl/8.0'],
    ['x'.repeat(200), 'x'.repeat(60)],
    ['', 'Unknown device'],
    [null, 'Unknown device'],
  ] as const) {
    t.equal(deviceName(userAgent, en.account.device), name)
  }
})
