import { HtmlValidate, StaticConfigLoader } from 'html-validate'

const validator = new HtmlValidate(
  new StaticConfigLoader({
    root: true,
    extends: ['html-validate:recommended'],
    rules: {
      // The standard takes both; ours are in small letters everywhere.
      'doctype-style': ['error', { style: 'lowercase' }],
      // By the standard a button without a type sends its form, and ours do.
      'no-implicit-button-type': 'off',
      // The title of a lot is the seller's, and the whole of it is wanted in the list of tabs.
      'long-title': 'off',
      // The standard forbids white space only, and names of events have dots.
      'valid-id': ['error', { relaxed: true }],
    },
  }),
)

/** What the HTML standard and the rules of accessible markup find wrong with a whole page. */
export function htmlFaults(markup: string): string[] {
  const { results } = validator.validateStringSync(markup)
  return results.flatMap(({ messages }) =>
    messages.map(({ line, message, ruleId }) => `line ${line}: ${message} (${ruleId})`),
  )
}
