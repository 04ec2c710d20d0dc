import { definePack } from '@tallyfleet/domain'

const PEOPLE_ACT_ON = ['media', 'creator', 'category', 'tag', 'page']

/**
 * A media platform. `play`, `pause`, `search`, `download` are its content stream; `error`, `performance`, `security`
 * its system stream, counted on components instead of content. Aggregates start at the hour.
 */
export const mediacms = definePack({
  domain: 'mediacms',
  title: 'Media platform',
  description: 'Views, plays, watch time and reactions to media, and the health of the platform',
  finest: 'hour',
  entityTypes: {
    media: {
      title: 'Media',
      catalog: {
        table: 'mediacms_media',
        key: { column: 'id', maxLength: 36 },
        tenantColumn: 'tenant',
        titleColumn: 'title',
        totals: {
          view: 'views', play: 'plays', like: 'likes', comment: 'comments', share: 'shares', download: 'downloads',
        },
        columns: {
          title: { type: 'string', title: 'Title' },
          description: { type: 'text', title: 'Description' },
          content_type: { type: 'string', dimension: true, title: 'Content type' },
          category: { type: 'string', dimension: true, title: 'Category' },
          tags: { type: 'list', dimension: true, title: 'Tags' },
          creator: { type: 'string', dimension: true, title: 'Creator (id)', references: 'creator' },
          language: { type: 'string', dimension: true, title: 'Language' },
          duration_seconds: { type: 'integer', title: 'Length in seconds' },
          rating: { type: 'number', title: 'Rating, 0 to 5' },
          images: { type: 'list', title: 'Images' },
          published_at: { type: 'datetime', title: 'Published' },
          updated_at: { type: 'datetime', title: 'Changed' },
        },
        quality: {
          fields: {
            category: 'category', tags: 'tags', image: 'images', date: 'published_at', creator: 'creator',
            language: 'language', description: 'description',
          },
          category: 'category',
          twinDate: 'published_at',
        },
      },
    },
    creator: {
      title: 'Creator',
      catalog: {
        table: 'mediacms_creators',
        key: { column: 'id', maxLength: 36 },
        tenantColumn: 'tenant',
        titleColumn: 'name',
        totals: { view: 'views', like: 'likes' },
        columns: {
          name: { type: 'string', title: 'Name' },
          description: { type: 'text', title: 'Description' },
          country: { type: 'string', dimension: true, title: 'Country' },
          joined_at: { type: 'datetime', title: 'Joined' },
        },
      },
    },
    category: { title: 'Category' },
    tag: { title: 'Tag' },
    page: { title: 'Page' },
    component: { title: 'System component' },
  },
  actions: {
    view: { title: 'View', entityTypes: PEOPLE_ACT_ON },
    like: { title: 'Like', entityTypes: ['media', 'creator'] },
    comment: { title: 'Comment', entityTypes: ['media'] },
    share: { title: 'Share', entityTypes: PEOPLE_ACT_ON },
    download: { title: 'Download', entityTypes: ['media'] },
    rate: {
      title: 'Rating',
      entityTypes: ['media'],
      measures: { stars: { property: 'rating', unit: 'star', max: 5 } },
    },
    search: { title: 'Search', entityTypes: PEOPLE_ACT_ON },
    click: { title: 'Click', entityTypes: PEOPLE_ACT_ON },
    scroll: { title: 'Scroll', entityTypes: PEOPLE_ACT_ON },
    play: {
      title: 'Play',
      entityTypes: ['media'],
      measures: { watch_time: { property: 'watch_seconds', unit: 'second', max: 86_400 } },
    },
    pause: {
      title: 'Pause',
      entityTypes: ['media'],
      measures: { watch_time: { property: 'watch_seconds', unit: 'second', max: 86_400 } },
    },
    error: { title: 'Error', entityTypes: ['component'] },
    performance: {
      title: 'Performance sample',
      entityTypes: ['component'],
      measures: { duration: { property: 'duration_ms', unit: 'millisecond', max: 86_400_000 } },
    },
    security: { title: 'Security event', entityTypes: ['component'] },
  },
})
