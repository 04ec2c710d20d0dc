import { createI18n } from 'vue-i18n'
import { en, type Messages } from './en.ts'

export const LANGUAGES = { en: 'English', cs: 'Čeština' } as const
export type Language = keyof typeof LANGUAGES

const STORED = 'language'

export const i18n = createI18n<[Messages], Language, false>({
  legacy: false, locale: 'en', fallbackLocale: 'en', messages: { en } as Record<Language, Messages>,
})

/** The language chosen here before, else the browser's first one that there is. */
export function preferredLanguage(): Language {
  const wanted = [localStorage.getItem(STORED), ...navigator.languages.map((tag) => tag.slice(0, 2))]
  return wanted.find((tag): tag is Language => tag !== null && tag in LANGUAGES) ?? 'en'
}

/** Speaks a language from now on; all but English are loaded when they are chosen. */
export async function setLanguage(language: Language, { remember = true } = {}): Promise<void> {
  if (language === 'cs' && !i18n.global.availableLocales.includes('cs')) {
    const { cs } = await import('./cs.ts')
    i18n.global.setLocaleMessage('cs', cs)
  }
  i18n.global.locale.value = language
  document.documentElement.lang = language
  if (remember) localStorage.setItem(STORED, language)
}
