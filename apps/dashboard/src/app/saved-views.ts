import type { SavedView } from '@tallyfleet/api-contract'
import { useRead, type Read } from '../api/use-read.ts'

/** The saved views of the viewer and the shared ones, and where each leads. */
export function useSavedViews(): { read: Read<{ data: SavedView[] }>; linkTo: (view: SavedView) => string } {
  const read = useRead<{ data: SavedView[] }>('/views')
  return { read, linkTo: ({ page, query }) => (query === '' ? page : `${page}?${query}`) }
}
