import { computed, ref, watchEffect, type ComputedRef, type Ref } from 'vue'

export type Theme = 'system' | 'light' | 'dark'

const STORED = 'theme'
const dark = matchMedia('(prefers-color-scheme: dark)')
const systemIsDark = ref(dark.matches)
dark.addEventListener('change', ({ matches }) => { systemIsDark.value = matches })

const stored = localStorage.getItem(STORED)
const theme = ref<Theme>(stored === 'light' || stored === 'dark' ? stored : 'system')
const shade = computed(() => (theme.value === 'system' ? (systemIsDark.value ? 'dark' : 'light') : theme.value))

// public/start.js does the same before the first paint.
watchEffect(() => {
  if (theme.value === 'system') {
    delete document.documentElement.dataset['theme']
    localStorage.removeItem(STORED)
  } else {
    document.documentElement.dataset['theme'] = theme.value
    localStorage.setItem(STORED, theme.value)
  }
})

/** The theme that was chosen, and the shade that is shown. */
export function useTheme(): { theme: Ref<Theme>; shade: ComputedRef<'light' | 'dark'> } {
  return { theme, shade }
}
