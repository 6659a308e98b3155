import { defineService } from '@auction/common/process/service.ts'

/** What the kit knows of this service. */
export const SERVICE = defineService('notification', import.meta.url)
