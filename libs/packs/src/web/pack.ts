import { definePack } from '@tallyfleet/domain'

/** Any site: pages by their path. The pack to copy when a product needs one of its own. */
export const web = definePack({
  domain: 'web',
  title: 'Web site',
  description: 'Views and downloads of pages by their path',
  entityTypes: {
    page: {
      title: 'Page',
      catalog: {
        table: 'web_pages',
        key: { column: 'id' },
        tenantColumn: 'tenant',
        titleColumn: 'title',
        totals: { view: 'views', download: 'downloads' },
        columns: {
          title: { type: 'string', title: 'Title' },
          description: { type: 'text', title: 'Description' },
          section: { type: 'string', dimension: true, title: 'Section' },
          content_type: { type: 'string', dimension: true, title: 'Content type' },
          language: { type: 'string', dimension: true, title: 'Language' },
          author: { type: 'string', dimension: true, title: 'Author' },
          tags: { type: 'list', dimension: true, title: 'Tags' },
          published_at: { type: 'datetime', title: 'Published' },
          updated_at: { type: 'datetime', title: 'Changed' },
        },
        quality: {
          fields: {
            section: 'section', author: 'author', tags: 'tags', date: 'published_at', language: 'language',
            description: 'description',
          },
          category: 'section',
        },
      },
    },
  },
  actions: {
    view: { title: 'View' },
    download: { title: 'Download' },
  },
})
