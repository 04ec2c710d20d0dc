import { Activity, ChartNoAxesColumn, Filter, Layers, ListOrdered, ScanSearch, Settings, ShieldCheck, SquareStack } from '@lucide/vue'
import type { FunctionalComponent } from 'vue'
import type { RouteMeta } from 'vue-router'

export type NavEntry = { name: RouteMeta['name']; path: string; icon: FunctionalComponent; /** After `g`. */ key: string }

/** The menu: groups of pages. */
export const NAVIGATION: readonly { group: 'analyse' | 'data' | 'operate'; entries: readonly NavEntry[] }[] = [
  { group: 'analyse', entries: [
    { name: 'overview', path: '/', icon: ChartNoAxesColumn, key: 'o' },
    { name: 'live', path: '/live', icon: Activity, key: 'l' },
    { name: 'content', path: '/content', icon: ListOrdered, key: 'c' },
    { name: 'segments', path: '/segments', icon: Layers, key: 'e' },
  ] },
  { group: 'data', entries: [
    { name: 'catalog', path: '/catalog', icon: ScanSearch, key: 'k' },
    { name: 'quality', path: '/quality', icon: Filter, key: 'd' },
    { name: 'proof', path: '/proof', icon: ShieldCheck, key: 'f' },
  ] },
  { group: 'operate', entries: [
    { name: 'queues', path: '/queues', icon: SquareStack, key: 'q' },
    { name: 'settings', path: '/settings', icon: Settings, key: 's' },
  ] },
]
