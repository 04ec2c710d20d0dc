import { onBeforeUnmount, readonly, ref, watch, type Ref } from 'vue'

/**
 * Whether an element has come near the visible part of the page, from then on for good: what lies below it on a small
 * screen is neither asked for nor drawn before. The first key that is pressed brings it too, since the keyboard's focus
 * finds only what is there.
 * @param options.margin how far below the visible part is near
 * @param options.share of the element that must be that near, from 0 (any of it) to 1
 */
export function useNear(element: Readonly<Ref<Element | null>>, { margin = '100px', share = 0 } = {}): Readonly<Ref<boolean>> {
  const isNear = ref(false)
  const observer = new IntersectionObserver((entries) => { if (entries.some(({ isIntersecting }) => isIntersecting)) come() }, { rootMargin: margin, threshold: share })
  function come(): void {
    isNear.value = true
    observer.disconnect()
    removeEventListener('keydown', come)
  }
  addEventListener('keydown', come)
  watch(element, (now, before) => {
    if (before) observer.unobserve(before)
    if (now && !isNear.value) observer.observe(now)
  }, { immediate: true, flush: 'post' })
  onBeforeUnmount(() => {
    observer.disconnect()
    removeEventListener('keydown', come)
  })
  return readonly(isNear)
}
