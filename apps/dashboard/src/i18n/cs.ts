import { en, type Messages } from './en.ts'

export const cs: Messages = en
