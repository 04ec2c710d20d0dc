import { useRoute, type RouteLocationRaw } from 'vue-router'

/** Where an entity's page is; what the viewer set goes along, filters and search excepted. */
export function useEntityLink(): (id: string) => RouteLocationRaw {
  const route = useRoute()
  return (id) => {
    const { f: _filters, by: _dimension, tab: _tab, with: _others, ...query } = route.query
    return { path: `/content/${encodeURIComponent(id)}`, query }
  }
}
