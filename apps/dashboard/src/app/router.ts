import { createRouter, createWebHistory } from 'vue-router'

declare module 'vue-router' {
  interface RouteMeta {
    /** Key of the page's name in `nav`. */
    name: 'overview' | 'live' | 'content' | 'entity' | 'segments' | 'catalog' | 'quality' | 'proof' | 'queues' | 'settings' | 'notFound'
    /** The page looks at a range, so the global bar stands above it. */
    bar?: 'full' | 'range' | 'subject'
    /** Its lists heed filters by the catalog. */
    filters?: boolean
  }
}

/** Every page: one folder in `pages`, one line here. */
export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', component: () => import('../pages/overview/OverviewPage.vue'), meta: { name: 'overview', bar: 'full', filters: true } },
    { path: '/live', component: () => import('../pages/live/LivePage.vue'), meta: { name: 'live' } },
    { path: '/content', component: () => import('../pages/content/ContentPage.vue'), meta: { name: 'content', bar: 'full', filters: true } },
    { path: '/content/:id', component: () => import('../pages/entity/EntityPage.vue'), meta: { name: 'entity', bar: 'full' } },
    { path: '/segments', component: () => import('../pages/segments/SegmentsPage.vue'), meta: { name: 'segments', bar: 'range', filters: true } },
    { path: '/catalog', component: () => import('../pages/catalog/CatalogPage.vue'), meta: { name: 'catalog', bar: 'subject' } },
    { path: '/quality', component: () => import('../pages/quality/QualityPage.vue'), meta: { name: 'quality', bar: 'range' } },
    { path: '/proof', component: () => import('../pages/proof/ProofPage.vue'), meta: { name: 'proof' } },
    { path: '/queues', component: () => import('../pages/queues/QueuesPage.vue'), meta: { name: 'queues' } },
    { path: '/settings', component: () => import('../pages/settings/SettingsPage.vue'), meta: { name: 'settings' } },
    { path: '/:path(.*)', component: () => import('../pages/NotFoundPage.vue'), meta: { name: 'notFound' } },
  ],
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? undefined : { top: 0 }),
})
