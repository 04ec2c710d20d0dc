import { computed, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue'
import { readApi, type ApiProblem, type Parameters } from './read-api.ts'
import type { Read } from './use-read.ts'

type Paged<Row> = { data: readonly Row[]; page: { nextCursor?: string | undefined } }

/** The rows of a first page and of those asked for after it. A new first page starts over. */
export function usePages<Row>(first: Read<Paged<Row>>, path: () => string, parameters: () => Parameters): {
  rows: ComputedRef<Row[]>; hasMore: ComputedRef<boolean>; isLoading: Ref<boolean>; error: Ref<ApiProblem | undefined>; loadMore: () => Promise<void>
} {
  const later = shallowRef<Paged<Row>[]>([])
  const isLoading = ref(false)
  const error = shallowRef<ApiProblem>()
  watch(() => first.data.value, () => { later.value = [] })
  const pages = computed(() => [...(first.data.value ? [first.data.value] : []), ...later.value])
  const cursor = computed(() => pages.value.at(-1)?.page.nextCursor)

  async function loadMore(): Promise<void> {
    const start = first.data.value
    isLoading.value = true
    error.value = undefined
    try {
      const next = await readApi<Paged<Row>>(path(), { ...parameters(), cursor: cursor.value })
      if (first.data.value === start) later.value = [...later.value, next]
    } catch (cause) {
      error.value = cause as ApiProblem
    } finally {
      isLoading.value = false
    }
  }
  return { rows: computed(() => pages.value.flatMap(({ data }) => data)), hasMore: computed(() => cursor.value !== undefined), isLoading, error, loadMore }
}
