import { existsSync } from 'node:fs'
import { ensureSystemPackage, onPath } from './system-package.ts'

const MAC_APPLICATIONS = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** Finds a browser for the tests that look at pages, or installs Chromium. */
export function ensureChromium(log: (line: string) => void): string {
  return ensureSystemPackage({
    title: 'A browser (Chromium)',
    apt: 'chromium',
    brew: '--cask chromium',
    find: () =>
      onPath('chromium', 'chromium-browser', 'google-chrome') ?? MAC_APPLICATIONS.find(existsSync),
    log,
  })
}
