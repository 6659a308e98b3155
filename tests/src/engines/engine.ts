/** A browser of one engine, steered as far as a walk needs. Every wait ends with an error that names what was missed. */
export interface Engine {
  /** Name and version. */
  readonly title: string
  open(url: string): Promise<void>
  /** What is in the address bar. */
  address(): Promise<string>
  /** The text of the first such element; undefined when there is none. */
  text(selector: string): Promise<string | undefined>
  /** Types into a field that is empty, or is made so. */
  type(selector: string, text: string): Promise<void>
  click(selector: string): Promise<void>
  screenshot(file: string): Promise<void>
  close(): Promise<void>
}
