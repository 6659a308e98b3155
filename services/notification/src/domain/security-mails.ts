import { MAIL_TEMPLATES } from '@auction/common/contracts/identity.ts'

/** Mails that identity asks for: about the security of an account. They cannot be switched off. */
export type SecurityTemplate = (typeof MAIL_TEMPLATES)[number]

export const isSecurityTemplate = (text: string): text is SecurityTemplate =>
  MAIL_TEMPLATES.some((template) => template === text)
