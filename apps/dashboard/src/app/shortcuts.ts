import { onBeforeUnmount, onMounted, ref, type Ref } from 'vue'
import { useRouter } from 'vue-router'
import { PRESETS, presetRange, shiftRange } from './date-range.ts'
import { NAVIGATION } from './navigation.ts'
import { useView } from './view-state.ts'

const STORED = 'shortcuts'
/** Single keys can be switched off, because they get in the way of speech input (WCAG 2.1.4). */
export const areShortcutsOn = ref(localStorage.getItem(STORED) !== 'off')

export function setShortcuts(isOn: boolean): void {
  areShortcutsOn.value = isOn
  if (isOn) localStorage.removeItem(STORED)
  else localStorage.setItem(STORED, 'off')
}

const isPaletteOpen = ref(false)
const isSheetOpen = ref(false)
const SECOND_KEY_MS = 1_500

/** The keyboard map of the whole dashboard; call it once, in the shell. None of it uses Alt, and fields keep their keys. */
export function useShortcuts(): { isPaletteOpen: Ref<boolean>; isSheetOpen: Ref<boolean> } {
  const router = useRouter()
  const { view, change } = useView()
  let goUntil = 0

  const listen = (event: KeyboardEvent) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault()
      isPaletteOpen.value = !isPaletteOpen.value
      return
    }
    const target = event.target as HTMLElement
    const isTyping = target.matches('input, textarea, select, [contenteditable], [role="gridcell"] *, [role="dialog"] *')
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || isPaletteOpen.value || isSheetOpen.value) return
    if (event.key === 'Escape' && view.value.filters.length > 0) return change({ f: undefined })
    if (!areShortcutsOn.value) return
    if (act(event.key)) event.preventDefault()
  }

  function act(key: string): boolean {
    const letter = key.toLowerCase()
    if (performance.now() < goUntil) {
      goUntil = 0
      const entry = NAVIGATION.flatMap(({ entries }) => entries).find((one) => one.key === letter)
      if (entry) void router.push({ path: entry.path, query: router.currentRoute.value.query })
      return entry !== undefined
    }
    if (letter === 'g') goUntil = performance.now() + SECOND_KEY_MS
    else if (key === '?') isSheetOpen.value = true
    else if (key === '/') document.querySelector<HTMLElement>('[data-table-search]')?.focus()
    else if (letter === 'p') document.querySelector<HTMLElement>('[data-pause]')?.click()
    else if (letter === 't') document.querySelector<HTMLElement>('[data-chart-toggle]')?.click()
    else if (letter === 'n') document.querySelector<HTMLElement>('[data-add-note]')?.click()
    else if (letter === 's') document.querySelector<HTMLElement>('[data-views] > button')?.click()
    else if (router.currentRoute.value.meta.bar === undefined) return false
    else if (letter === 'x') change({ cmp: view.value.compare ? undefined : 'prev,wd' })
    else if (letter === 'i') change({ i: { day: 'week', week: 'month', month: 'year', year: 'day' }[view.value.interval] })
    else if (key === 'ArrowLeft') change(shiftRange(view.value.range, -1))
    else if (key === 'ArrowRight' && view.value.range.to <= view.value.today) change(shiftRange(view.value.range, 1))
    else {
      const preset = PRESETS.find((one) => one.key === letter)
      if (!preset) return false
      const { from, to } = presetRange(preset.name, view.value.today)
      change({ from, to: to === 'now' ? undefined : to })
    }
    return true
  }

  onMounted(() => document.addEventListener('keydown', listen))
  onBeforeUnmount(() => document.removeEventListener('keydown', listen))
  return { isPaletteOpen, isSheetOpen }
}
